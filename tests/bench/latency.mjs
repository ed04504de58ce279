/*
 * What HTTP adds to a small query: the time from sending it on an open
 * connection until its answer has arrived, less what the store itself took (as
 * the answer's X-ClickHouse-Summary tells). Usage: node tests/bench/latency.mjs.
 * Target: under 1 ms.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';

import { TOKEN, serve } from '../serve.mjs';

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
  console.log(`latency: ${sql} as ${format}: ${at(whole, 0.5).toFixed(3)} ms over HTTP, `
    + `${at(added, 0.5).toFixed(3)} ms more than in process, 99 %: ${at(added, 0.99).toFixed(3)} ms (target 1)`);
}
socket.destroy();
await server.end();
fs.rmSync(directory, { recursive: true });
