/*
 * What attacks cost an honest client. By turns 4 s without and 4 s with every
 * attack of tests/attack/attacks.mjs at once, so that whatever else the machine
 * does falls on both alike; the attackers get only processor time that nobody else wants
 * (SCHED_IDLE), as they would bring their own. Target: the p99 at most doubles.
 * Usage: node tests/bench/attack.mjs [TURNS]
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { serve } from '../serve.mjs';
import { report, shown, targets } from './lib/results.mjs';

const SECONDS = 4, turns = Number(process.argv[2] || 8);
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-bench-'));
const config = path.join(directory, 'drum.yaml');
fs.writeFileSync(config, 'limits: {loopback: true}\n');
const server = await serve(path.join(directory, 'data'), ['--config', config], 'build/drum');
const port = new URL(server.url).port;
const honest = spawn('node', ['tests/attack/honest.mjs', port, 'honest', '200', '127.0.2.1'], { stdio: ['pipe', 'pipe', 'inherit'] });
const lines = createInterface({ input: honest.stdout })[Symbol.asyncIterator]();
const latencies = { alone: [], attacked: [] };

async function take() {
  honest.stdin.write('\n');
  return JSON.parse((await lines.next()).value);
}

await new Promise((resolve) => setTimeout(resolve, 1000));
await take();
for (let i = 0; i < turns; i++) {
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  latencies.alone.push(...(await take()));
  const load = spawn('chrt', ['--idle', '0', 'node', 'tests/attack/attacks.mjs', port, String(SECONDS)], { stdio: 'ignore' });
  await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
  latencies.attacked.push(...(await take()));
  load.kill('SIGKILL');
  await new Promise((resolve) => load.once('exit', resolve));
  await new Promise((resolve) => setTimeout(resolve, 500));
  await take();
}
for (const list of Object.values(latencies)) list.sort((a, b) => a - b);
const at = (list, share) => list[Math.floor(list.length * share)];
const [alone, attacked] = [at(latencies.alone, 0.99), at(latencies.attacked, 0.99)];
const goals = targets();
goals.add('p99 of an honest client under attack, ms', 'at most 2 x that alone', shown(attacked), attacked <= 2 * alone, `${shown(alone)} alone`, shown(attacked / alone, 2));
report('Under attack', 'node tests/bench/attack.mjs', [goals.table(),
  `p50 ${shown(at(latencies.alone, 0.5), 2)} ms alone and ${shown(at(latencies.attacked, 0.5), 2)} ms attacked; ${shown(latencies.alone.length)} and ${shown(latencies.attacked.length)} beacons.`]);
honest.kill();
await server.end();
fs.rmSync(directory, { recursive: true });
