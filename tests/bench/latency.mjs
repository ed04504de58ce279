/*
 * What HTTP adds to a small query: the time from sending it on an open
 * connection until its answer has arrived, less what the store itself took (as
 * the answer's X-ClickHouse-Summary tells); target: under 1 ms. Then what
 * queries on every core add to a beacon until its 204; target: nothing.
 * Usage: node tests/bench/latency.mjs.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

import { TOKEN, serve, until } from '../serve.mjs';
import { report, shown, table, targets } from './lib/results.mjs';

const drum = 'build/drum', ROUNDS = 2000;
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-bench-'));
const server = await serve(path.join(directory, 'data'), [], drum);
execFileSync('sh', ['-c', `${drum} generate --views 2000 --seed 1 --days 1 | ${drum} import --url ${server.url} --token ${TOKEN} -`], { stdio: 'ignore' });
const { hostname, port } = new URL(server.url);
const socket = net.connect(Number(port), hostname).setNoDelay(true);

/** Milliseconds of one round trip, and of the store in it. */
function ask(sql, format) {
  const request = `POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${TOKEN}\r\nX-ClickHouse-Format: ${format}\r\nContent-Length: ${Buffer.byteLength(sql)}\r\n\r\n${sql}`;
  const start = performance.now();
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk) => {
      text += chunk.toString('latin1');
      const head = text.indexOf('\r\n\r\n');
      const size = /content-length: (\d+)/i.exec(text);
      if (head < 0 || text.length < head + 4 + Number(size[1])) return;
      socket.off('data', onData);
      if (!text.startsWith('HTTP/1.1 200')) reject(new Error(text));
      else resolve({ whole: performance.now() - start, store: Number(/"elapsed_ns":"(\d+)"/.exec(text)[1]) / 1e6 });
    };
    socket.on('data', onData);
    socket.write(request);
  });
}

const at = (list, share) => list.sort((a, b) => a - b)[Math.floor(list.length * share)];

const goals = targets(), parts = [];
for (const [sql, format] of [
  ['SELECT 1', 'TabSeparated'],
  ['SELECT count() FROM events', 'JSON'],
  ['SELECT device, count(), quantile(0.75)(lcp) FROM pageviews GROUP BY device ORDER BY device', 'Native'],
]) {
  const whole = [], added = [];
  for (let i = 0; i < ROUNDS; i++) {
    // Each differs, so that none is answered from the cache.
    const time = await ask(`${sql} /* ${i} */`, format);
    if (i < ROUNDS / 10) continue;
    whole.push(time.whole);
    added.push(time.whole - time.store);
  }
  goals.add(`\`${sql}\` as ${format} over HTTP, ms beyond in process, p50`, 'at most 1', `${shown(at(added, 0.5), 3)}, p99 ${shown(at(added, 0.99), 3)}`, at(added, 0.5) <= 1);
}

/* ---- beacons meanwhile ------------------------------------------------- */

let views = 0;
function beacon() {
  const body = JSON.stringify({ v: 1, site: 'shop', view: (++views).toString(16).padStart(16, 'a'), seq: 0, url: 'https://shop.example/' });
  const start = performance.now();
  return new Promise((resolve) => {
    socket.once('data', () => resolve(performance.now() - start));
    socket.write(`POST /beacon HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
}

async function beacons(what) {
  const times = [];
  for (let i = 0; i < ROUNDS; i++) times.push(await beacon());
  parts.push([what, shown(at(times, 0.5), 2), shown(at(times, 0.99), 2)]);
}

await beacons('no queries');
const heavy = `SELECT count() FROM pageviews WHERE ${Array.from({ length: 400 }, (_, i) => `match(concat(path, toString(ts)), '(x?){900}y${i}')`).join(' OR ')}`;
const leaving = new AbortController();
const running = os.cpus().map((_, i) => fetch(server.url, { method: 'POST', body: `${heavy} /* ${i} */`,
  headers: { Authorization: `Bearer ${TOKEN}` }, signal: leaving.signal }).catch(() => {}));
await until('the queries', async () => (await (await fetch(`${server.url}/metrics`)).text()).includes(`drum_queries_running ${running.length}\n`));
await beacons('queries on every core');
leaving.abort();
await Promise.all(running);
socket.destroy();
await server.end();
fs.rmSync(directory, { recursive: true });
report('What HTTP adds', 'node tests/bench/latency.mjs', [goals.table(), 'A beacon until its 204 on one connection, ms:', table(['meanwhile', 'p50', 'p99'], parts)]);
