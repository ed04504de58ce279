/*
 * Goal: a server on the open Internet can be forgotten. Method: an honest client
 * alone, then the same beside every attack of attacks.mjs over and over, with
 * slowhttptest's four and testssl when they are installed, for MINUTES. At the
 * end the process lives, each acknowledged beacon is there once, nobody honest
 * was refused, and memory is flat: what the process holds beside the rows that
 * wait for a segment is no more in the last third than in the second.
 *
 *   node tests/attack/run.mjs MINUTES       DRUM=build/drum
 *
 * Prints what it sees every 10 s, and the honest client's latencies at the end;
 * exits with 1 when something of the above is not so.
 */
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { DRUM, TOKEN, end, stderrMatch, until } from '../serve.mjs';

const minutes = Number(process.argv[2] || 10), PER_SECOND = 100;
const aloneMs = Math.min(60000, minutes * 60000 * 0.2), attackedMs = minutes * 60000 - aloneMs;
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-attacked-'));
const failures = [];
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const expect = (truth, what) => truth || failures.push(what);

/** Public listeners as a stranger meets them, and a private one to look from. */
async function start() {
  const config = path.join(directory, 'drum.yaml');
  fs.writeFileSync(config, `listeners:
  - {address: "127.0.0.1:0", roles: [private]}
  - {address: "127.0.0.1:0", roles: [public]}
  - {address: "127.0.0.1:0", roles: [public], tls: true}
limits: {loopback: true, memtable_mb: 64}
`);
  const child = spawn(DRUM, ['serve', '--config', config, '--data', path.join(directory, 'data')], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, DRUM_TOKEN: TOKEN } });
  let log = '';
  child.stderr.on('data', (chunk) => (log += chunk));
  await stderrMatch(child, /listening on https/);
  const [inner, outer, secure] = [...log.matchAll(/listening on https?:\/\/127\.0\.0\.1:(\d+)/g)].map((match) => Number(match[1]));
  return { child, inner, outer, secure, log: () => log };
}

const server = await start();

async function metrics() {
  const text = await (await fetch(`http://127.0.0.1:${server.inner}/metrics`)).text();
  return (name) => Number(new RegExp(`^drum_${name} (\\d+)$`, 'm').exec(text)[1]);
}

async function ask(sql) {
  return (await fetch(`http://127.0.0.1:${server.inner}/query`, { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` }, body: sql })).text();
}

const resident = () => Number(/^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]) * 1024;

function honest(site, from) {
  const child = spawn('node', ['tests/attack/honest.mjs', server.outer, site, PER_SECOND, from], { stdio: ['pipe', 'pipe', 'inherit'] });
  return async () => {
    const answer = new Promise((resolve) => child.stdout.once('data', resolve));
    child.stdin.end();
    return JSON.parse(await answer);
  };
}

async function check(site, result) {
  const found = (await ask(`SELECT count(), uniqExact(view_id) FROM pageviews WHERE site = '${site}'`)).trim();
  console.log(`${site}: ${JSON.stringify(result)}, stored ${found}`);
  expect(found === `${result.acknowledged}\t${result.acknowledged}`, `${site}: ${result.acknowledged} acknowledged, stored ${found}`);
  expect(result.refused === 0, `${site}: ${result.refused} refused`);
  expect(result.errors === 0, `${site}: ${result.errors} errors`);
}

/** Another program's attack again and again, if it is there. */
async function others(deadline) {
  const is = (program) => {
    try {
      return execFileSync('which', [program], { encoding: 'utf8' }).trim() !== '';
    } catch {
      return false;
    }
  };
  const run = (program, args) => new Promise((resolve) => {
    const child = spawn('nice', ['-n', '19', program, ...args], { stdio: ['ignore', 'pipe', 'ignore'] });
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    const timer = setTimeout(() => child.kill(), Math.max(1000, deadline - performance.now()));
    child.on('exit', () => {
      clearTimeout(timer);
      resolve(text);
    });
  });
  if (is('testssl') && deadline - performance.now() > 90000) {
    const text = await run('testssl', ['--quiet', '--color', '0', '--warnings', 'off', '-p', '-s', '-f', '-U', `https://127.0.0.1:${server.secure}`]);
    const bad = text.split('\n').filter((line) => line.includes('NOT ok'));
    console.log(`testssl: ${text.split('\n').filter((line) => line.includes('(OK)')).length} OK, ${bad.length} NOT ok${bad.map((line) => `\n  ${line}`).join('')}`);
    expect(bad.length === 0, 'testssl');
  } else console.log('testssl: not run');
  if (!is('slowhttptest')) return console.log('slowhttptest: not run');
  const url = `http://127.0.0.1:${server.outer}/beacon`;
  for (let i = 0; deadline - performance.now() > 30000; i++) {
    const mode = ['-H', '-B', '-R', '-X'][i % 4];
    const text = await run('slowhttptest', [mode, '-c', '400', '-r', '90', '-i', '2', '-l', '25', '-p', '3', ...(mode === '-B' ? ['-s', '60000'] : []), '-u', mode === '-X' ? url.replace('beacon', 'drum.js') : url]);
    console.log(`slowhttptest ${mode}: ${[...text.replace(/\x1b\[[\d;]*m/g, '').matchAll(/(connected|closed):\s+(\d+)/g)].slice(-2).map((match) => match[0].replace(/\s+/, ' ')).join(', ')}`);
  }
}

console.log(`honest alone, ${aloneMs / 1000} s`);
let stop = honest('alone', '127.0.2.1');
await sleep(aloneMs);
const alone = await stop();
await check('alone', alone);

console.log(`attacked, ${attackedMs / 1000} s`);
stop = honest('attacked', '127.0.2.2');
const deadline = performance.now() + attackedMs, begun = performance.now(), samples = [];
// Strangers bring processors of their own: here they have what is left over.
const load = spawn('nice', ['-n', '19', 'node', 'tests/attack/attacks.mjs', server.outer, String(attackedMs / 1000)], { stdio: ['ignore', 'pipe', 'inherit'] });
load.stdout.on('data', (line) => console.log(`attacks: ${line}`.trim()));
const besides = others(deadline);
while (performance.now() < deadline && server.child.exitCode === null && server.child.signalCode === null) {
  await sleep(Math.min(10000, attackedMs / 20));
  const value = await metrics().catch(() => null);
  if (value === null) break;
  const held = resident() - value('memtable_bytes');
  samples.push(held);
  console.log(`${String(Math.round((performance.now() - begun) / 1000)).padStart(4)} s: ${(held / 1048576).toFixed(1)} MiB beside ${(value('memtable_bytes') / 1048576).toFixed(1)} of rows, ` +
    `${value('connections')} connections, ${fs.readdirSync(`/proc/${server.child.pid}/fd`).length} descriptors, ${value('buffered_bytes')} bytes buffered, shut ${value('connections_abusive_total')} abusive ` +
    `${value('connections_shut_total')} slow ${value('connections_overfull_total')} overfull, refused ${value('connections_refused_total')}, limited ${value('requests_limited_total')}`);
}
await sleep(1000);
if (server.child.exitCode !== null || server.child.signalCode !== null) {
  console.log(`FAILED: the process ended with ${server.child.exitCode ?? server.child.signalCode}:\n${server.log().slice(-8000)}`);
  process.exit(1);
}
await besides;
const attacked = await stop();
await end(load, 'SIGTERM');
await check('attacked', attacked);
const third = Math.floor(samples.length / 3);
const most = (list) => Math.max(...list) / 1048576;
const [second, last] = [most(samples.slice(third, 2 * third)), most(samples.slice(2 * third))];
console.log(`memory beside rows: at most ${second.toFixed(1)} MiB in the second third, ${last.toFixed(1)} in the last`);
expect(last < second * 1.1 + 8, 'memory grows');
await until('everything to be given back', async () => {
  const value = await metrics();
  return value('connections') < 10 && value('buffered_bytes') < 100000 && value('beacons_in_flight') === 0;
}, 60000).catch((error) => failures.push(error.message));
console.log(`p99 of the honest client: ${alone.p99} ms alone, ${attacked.p99} ms attacked`);
expect(server.log().length < 20000, `${server.log().length} bytes of log`);
expect((await end(server.child)) === 0, 'SIGTERM does not end with 0');
fs.rmSync(directory, { recursive: true });
for (const failure of failures) console.log(`FAILED: ${failure}`);
process.exit(failures.length > 0 ? 1 : 0);
