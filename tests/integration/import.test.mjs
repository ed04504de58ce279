/*
 * Goal: drum import and POST /import take files as they are found, lose nothing
 * and store nothing twice, whatever ends them, and stop at what is no file of
 * records. Method: the real binary on files made here: lines of access logs,
 * each with a path of its own, so that a row too many or too few is seen by
 * counting; killed with SIGKILL at random moments (SEED), rotated, cut off,
 * compressed, damaged; on stopped stores and on a server that restarts.
 */
import assert from 'node:assert';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import zlib from 'node:zlib';

import { DRUM, TOKEN, end, freePort, serve, until } from '../serve.mjs';

const SEED = Number(process.env.SEED) || Date.now() % 1000000;
console.log(`# SEED=${SEED}`);
let random = SEED;
const draw = (below) => {
  random = (random * 1103515245 + 12345) % 2147483648;
  return Math.floor((random / 2147483648) * below);
};

let directory;
const children = []; // that a failed test has left behind
before(() => (directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-import-'))));
after(async () => {
  for (const child of children) await end(child, 'SIGKILL');
  fs.rmSync(directory, { recursive: true });
});

async function start(...args) {
  const server = await serve(...args);
  children.push(server.child);
  return server;
}

/** drum import in the background. */
function background(args) {
  const child = spawn(DRUM, ['import', ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  children.push(child);
  return child;
}

const STAMP = '21/Nov/2025:10:00:00 +0000';
const line = (i) => `192.0.2.7 - - [${STAMP}] "GET /x/page-${i.toString(36)}-x HTTP/1.1" 200 5 "-" "-"\n`;
const lines = (from, to) => Array.from({ length: to - from }, (_, i) => line(from + i)).join('');
const scratch = (name) => path.join(fs.mkdtempSync(path.join(directory, 'x-')), name);

/** drum import on a stopped store, to its end. */
function run(args, input) {
  const { status, stdout, stderr } = spawnSync(DRUM, ['import', ...args], { input, encoding: 'utf8', maxBuffer: 1 << 26 });
  return { status, stdout, stderr };
}

function query(data, sql) {
  return execFileSync(DRUM, ['query', '--data', data, '--format', 'TabSeparated', sql], { encoding: 'utf8' }).trim();
}

const COUNTS = "SELECT count(), uniqExact(path) FROM events WHERE site = 's'";

/** Arguments of serve(): rows of any age, and as many paths as a test has. */
function unlimited() {
  const file = scratch('config.yaml');
  fs.writeFileSync(file, 'retention_days: {pageviews: 0, errors: 0, events: 0, reports: 0}\nlimits: {values: 1000000}\n');
  return ['--config', file];
}

/** Every path once. */
const assertOnce = (data, count) => assert.equal(query(data, COUNTS), `${count}\t${count}`);

test('plain, gzip, zstd, several members, standard input: the same rows', () => {
  const text = lines(0, 1000), half = Math.floor(text.length / 2);
  const zst = scratch('z.zst'), plain = scratch('log');
  fs.writeFileSync(plain, text);
  const zstd = spawnSync('zstd', ['-q', plain, '-o', zst]).status === 0;
  const files = {
    'log': text, 'gz': zlib.gzipSync(text), 'members.gz': Buffer.concat([zlib.gzipSync(text.slice(0, half)), zlib.gzipSync(text.slice(half))]),
    'padded': Buffer.concat([zlib.gzipSync(text), Buffer.alloc(1024)]), 'crlf': text.replaceAll('\n', '\r\n'), 'no-end': text.slice(0, -1),
    'bom': `\ufeff${text}`, ...(zstd && { 'zst': fs.readFileSync(zst) }),
  };
  for (const [name, bytes] of Object.entries(files)) {
    for (const input of name === 'log' || name === 'gz' ? [false, true] : [false]) {
      const data = scratch('data'), file = scratch(name);
      fs.writeFileSync(file, bytes);
      const { status, stdout, stderr } = run(['--data', data, '--site', 's', input ? '-' : file], input ? bytes : undefined);
      assert.deepEqual([status, stderr], [0, ''], name);
      assert.match(stdout, /^imported 1000 beacons \(0 repeated, 0 late, 0 rejected\)/, name);
      if (name === 'members.gz' || (input && name === 'gz')) assertOnce(data, 1000);
    }
  }
});

test('JSON arrays are read as they come, also over lines and one after another', () => {
  const beacon = (i) => ({ v: 1, site: 's', view: i.toString(16).padStart(16, '0'), url: `https://a.example/${i}`, tags: { odd: `[{"\\]}\n` } });
  const data = scratch('data'), file = scratch('array.json');
  const many = Array.from({ length: 20000 }, (_, i) => beacon(i + 1));
  fs.writeFileSync(file, `${JSON.stringify(many, null, 2)}\n[]\n[${JSON.stringify(beacon(30000))}] ${JSON.stringify(beacon(30001))}`);
  assert.match(run(['--data', data, file]).stdout, /^imported 20002 beacons/);
  assert.equal(query(data, "SELECT count(), uniqExact(view_id), any(tags['odd']) FROM pageviews"), '20002\t20002\t[{"\\\\]}\\n');
  for (const [bad, stored, error] of [
    [`[${JSON.stringify(beacon(1))},`, 1, /byte \d+: the text ends too early/],
    [`[${JSON.stringify(beacon(2))}`, 1, /the text ends too early/],
    [`[${JSON.stringify(beacon(3))},{"v":1,"site`, 1, /the text ends too early/],
    [`[${JSON.stringify(beacon(4))},5,"six",{"v":1}]`, 1, /line 2: .*\n.*line 3: .*\n.*line 4: site: missing/],
  ]) {
    fs.writeFileSync(file, bad);
    const result = run(['--data', scratch('data'), file]);
    assert.match(result.stdout, new RegExp(`^imported ${stored} beacons`), bad);
    assert.match(result.stderr, error, bad);
    assert.equal(result.status, error.source.includes('early') ? 1 : 0, bad);
  }
});

test('what is cut short, followed by something else, or a bomb ends with an error', () => {
  const text = lines(0, 20000), gz = zlib.gzipSync(text);
  const bomb = Buffer.concat(Array(9).fill(zlib.gzipSync(Buffer.alloc(16 << 20, 0x20), { level: 9 })));
  for (const [name, bytes, error] of [
    ['cut.gz', gz.subarray(0, gz.length - 100), /cut short/],
    ['garbage.gz', Buffer.concat([gz, Buffer.from('garbage')]), /something else follows the gzip data/],
    ['damaged.gz', Buffer.concat([gz.subarray(0, 2000), Buffer.alloc(500, 0xff), gz.subarray(2500)]), /malformed gzip data/],
    ['bomb.gz', bomb, /inflates to more than 500 times its size/],
  ]) {
    const data = scratch('data'), file = scratch(name);
    fs.writeFileSync(file, bytes);
    const result = run(['--data', data, '--site', 's', file]);
    assert.equal(result.status, 1, name);
    assert.match(result.stderr, error, name);
    if (name === 'garbage.gz') assertOnce(data, 20000);
  }
});

test('a line without end is one reject, and what follows is taken', () => {
  const data = scratch('data'), file = scratch('log'), rejects = scratch('rejects');
  fs.writeFileSync(file, `${line(1)}${'x'.repeat(9 << 20)}\n${line(2)}\0\0${line(3)}`);
  const { status, stdout, stderr } = run(['--data', data, '--site', 's', '--rejects', rejects, file]);
  assert.equal(status, 0);
  assert.match(stdout, /^imported 3 beacons \(0 repeated, 0 late, 1 rejected\)/);
  assert.match(stderr, /^drum: line 2: longer than 512 KiB\n$/);
  assert.equal(fs.statSync(rejects).size, (512 << 10) + 2);
});

test('a line that begins with a bracket is one reject, wherever it stands', async () => {
  const input = scratch('access.log'), rejects = scratch('rejects'), bracket = '[Mon Nov 23 16:00:00 2026] [core:notice] AH00094: Command line\n';
  fs.writeFileSync(input, bracket + lines(0, 1000));
  for (const format of ['combined', 'auto']) {
    const data = scratch('data'), { status, stdout } = run(['--data', data, '--site', 's', '--format', format, '--rejects', rejects, input]);
    assert.equal(status, 0);
    assert.match(stdout, /^imported 1000 beacons.* 1 rejected/s);
    assert.equal(fs.readFileSync(rejects, 'utf8'), bracket);
    assertOnce(data, 1000);
    fs.rmSync(rejects);
  }
  // Over HTTP, where any piece of the file may begin with such a line.
  const server = await start(scratch('data'), unlimited());
  fs.writeFileSync(input, lines(0, 30000).replaceAll('\n', `\n${bracket}`));
  assert.match(run(['--to', server.url, '--token', TOKEN, '--site', 's', input]).stdout, /^imported 30000 beacons.* 30000 rejected/s);
  assert.equal((await server.query(COUNTS)).trim(), '30000\t30000');
  for (const query of ['', '&format=combined', '&lines=1']) {
    const answer = await fetch(`${server.url}/import?site=other${query}`, { method: 'POST', body: bracket + line(30000), headers: { Authorization: `Bearer ${TOKEN}`, 'Idempotency-Key': `bracket${query}` } });
    assert.equal(answer.status, 200);
    const { accepted, rejected } = await answer.json();
    assert.deepEqual({ accepted, rejected }, { accepted: 1, rejected: 1 });
  }
  assert.equal(await server.end(), 0);
});

test('access logs as objects: names and values as servers write them', async () => {
  const server = await start(scratch('data'), unlimited()), msec = '"msec":1780000000', browser = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36';
  const records = [
    Buffer.concat([Buffer.from(`{${msec},"request":"GET /x/caf`), Buffer.from([0xe9]), Buffer.from('-menu HTTP/1.1","status":200,"host":"a.example"}\n')]),
    '{"time":"2026-05-28T20:26:40.000Z","remoteIP":"73.15.0.1","host":"b.example","request":"/x/apache","query":"?x=1","method":"GET","status":"200","referer":"-"}\n',
    `{${msec},"ip":"73.15.0.1","ua":"${browser}","host":"c.example","request":"GET /x/ua HTTP/1.1","status":200}\n`,
    '{"time":"[28/May/2026:20:26:40 +0000]","request":"GET /x/real HTTP/1.1","request_method":"GET","path":"/var/log/nginx/access.log","status":"200","host":"d.example"}\n',
    `{${msec},"RequestMethod":"GET","RequestPath":"/x/traefik","RequestHost":"e.example","Duration":250000000,"DownstreamStatus":200,"status":200}\n`,
    '{"type":"javascript_error","message":"{\\"v\\":1,\\"site\\":\\"victim\\",\\"view\\":\\"00000000000000ff\\",\\"url\\":\\"https://v.example/\\"}","filename":"https://f.example/a.js","line":3,"sessionId":"s","timestamp":1780000000000,"url":"https://f.example/x"}\n',
    `{"type":"purchase","amount":9.9,"currency":"EUR","sessionId":"s1","url":"https://g.example/x","ip":"73.15.0.1","ua":"${browser}","t":1780000000000}\n`,
  ];
  const answer = await fetch(`${server.url}/import`, { method: 'POST', body: Buffer.concat(records.map((record) => Buffer.from(record))), headers: { Authorization: `Bearer ${TOKEN}` } });
  const { accepted, skipped, errors } = await answer.json();
  assert.deepEqual({ accepted, skipped, errors }, { accepted: 7, skipped: 0, errors: [] });
  assert.equal(await server.query("SELECT site, path, browser, value FROM events WHERE path != '/x' ORDER BY site FORMAT TSV"),
    'a.example\t/x/caf%E9-menu\t\t\\N\nb.example\t/x/apache\t\t\\N\nc.example\t/x/ua\tChrome\t\\N\nd.example\t/x/real\t\t\\N\ne.example\t/x/traefik\t\t250\n');
  // What is called host may be the client: it is no site, and is not stored.
  const client = '{"host":"198.51.100.77","method":"GET","path":"/x/vector","status":200,"timestamp":"2026-05-28T20:26:40Z"}';
  for (const [query, want] of [['', { accepted: 0, rejected: 1 }], ['&site=h.example', { accepted: 1, rejected: 0 }]]) {
    const told = await (await fetch(`${server.url}/import?errors=1${query}`, { method: 'POST', body: client, headers: { Authorization: `Bearer ${TOKEN}` } })).json();
    assert.deepEqual({ accepted: told.accepted, rejected: told.rejected }, want);
  }
  assert.equal(await server.query("SELECT site, host, path FROM events WHERE site = 'h.example' FORMAT TSV"), 'h.example\t\t/x/vector\n');
  assert.equal(await server.query('SELECT site, position(message, \'victim\') > 0 FROM errors FORMAT TSV'), 'f.example\t1\n');
  assert.equal(await server.query("SELECT count() FROM pageviews WHERE site = 'victim' FORMAT TSV"), '0\n');
  const business = await server.query("SELECT text, browser FROM events WHERE site = 'g.example' FORMAT TSV");
  assert.match(business, /EUR/);
  assert.doesNotMatch(business, /Mozilla|address/);
  assert.equal(await server.end(), 0);
});

test('rejects: told with their lines, and kept as they came', () => {
  const data = scratch('data'), file = scratch('log'), rejects = scratch('rejects');
  const bad = Array.from({ length: 10 }, (_, i) => `bad line ${i} \x1b[31m`);
  fs.writeFileSync(file, lines(0, 70000) + bad.join('\n') + '\n' + lines(70000, 70001));
  const { status, stdout, stderr } = run(['--data', data, '--site', 's', '--rejects', rejects, file]);
  assert.equal(status, 0);
  assert.match(stdout, /^imported 70001 beacons \(0 repeated, 0 late, 10 rejected\)/);
  assert.match(stderr, /^drum: line 70001: neither JSON nor an access log's line.*\n(drum: line 7000\d: .*\n){4}drum: and 5 more\n$/);
  assert.equal(fs.readFileSync(rejects, 'utf8'), bad.map((text) => `${text}\n`).join(''));
});

/** Kills the import soon after its state has moved; false: it ended before. */
async function killed(args, state, within_ms = 60) {
  const child = background(args);
  const gone = new Promise((resolve) => child.once('exit', (code, signal) => resolve(signal === 'SIGKILL' ? true : code)));
  const stamp = () => (fs.existsSync(state) ? fs.statSync(state).mtimeMs : 0);
  const begun = stamp();
  let over = false;
  gone.then(() => (over = true));
  await until('the state to move', () => over || stamp() !== begun, 60000);
  await new Promise((resolve) => setTimeout(resolve, draw(within_ms)));
  child.kill('SIGKILL');
  return gone;
}

const LINES = 140000, BAD = 7;
function bigLog() {
  const file = scratch('access.log');
  fs.writeFileSync(file, '');
  for (let i = 0; i < BAD; i++) fs.appendFileSync(file, lines(Math.floor(i * LINES / BAD), Math.floor((i + 1) * LINES / BAD)) + `bad ${i}\n`);
  return file;
}

test('killed in the midst and run again: every line once, every reject once', async () => {
  let kills = 0, file, data, state, rejects, args;
  for (let tries = 0; kills === 0 && tries < 20; tries++) { // the first may end before this process is awake
    [file, data, state, rejects] = [bigLog(), scratch('data'), scratch('state'), scratch('rejects')];
    args = ['--data', data, '--site', 's', '--state', state, '--rejects', rejects, file];
    while (kills < 4 && (await killed(args, state)) === true) kills++;
  }
  const last = run(args);
  assert.equal(last.status, 0, last.stderr);
  assertOnce(data, LINES);
  assert.equal(fs.readFileSync(rejects, 'utf8'), Array.from({ length: BAD }, (_, i) => `bad ${i}\n`).join(''));
  assert.ok(kills > 0, 'it was killed');
  // Nothing is left; then only what is new is read, and half a line waits.
  assert.match(run(args).stdout, /^imported 0 beacons \(0 repeated, 0 late, 0 rejected\)/);
  fs.appendFileSync(file, line(LINES) + line(LINES + 1).slice(0, 40));
  const half = run(args);
  assert.match(half.stdout, /^imported 1 beacons/);
  assert.match(half.stderr, /40 bytes at the end are no whole line yet/);
  fs.appendFileSync(file, line(LINES + 1).slice(40));
  assert.match(run(args).stdout, /^imported 1 beacons/);
  assertOnce(data, LINES + 2);
  // A state that another import has, and files that are none.
  assert.match(run(['--data', data, '--state', file, file]).stderr, /is no state file of an import/);
});

test('killed again and again while the file grows: what was on its way goes again as it was', async () => {
  const file = scratch('log'), data = scratch('data'), state = scratch('state');
  const args = ['--data', data, '--site', 's', '--state', state, file];
  fs.writeFileSync(file, '');
  let kills = 0, count = 0;
  for (let round = 0; round < 12 || (kills <= 3 && round < 60); round++) {
    const more = 20000 + draw(20000); // enough to be killed within
    fs.appendFileSync(file, lines(count, count + more) + line(count + more).slice(0, 20));
    count += more;
    kills += (await killed(args, state, 25)) === true;
    fs.truncateSync(file, fs.statSync(file).size - 20);
  }
  assert.equal(run(args).status, 0);
  assertOnce(data, count);
  assert.ok(kills > 3, `${kills} kills`);
});

test('the same over HTTP, with a server that is killed too', async () => {
  const file = bigLog(), data = scratch('data'), state = scratch('state');
  let server = await start(data, unlimited());
  const args = () => ['--to', server.url, '--token', TOKEN, '--site', 's', '--state', state, file];
  for (let kills = 0; kills < 3 && (await killed(args(), state)) === true; kills++) {
    if (kills !== 1) continue;
    await server.end('SIGKILL');
    server = await start(data, unlimited());
  }
  const last = run(args());
  assert.equal(last.status, 0, last.stderr);
  assert.equal((await server.query(COUNTS)).trim(), `${LINES}\t${LINES}`);
  assert.equal(await server.end(), 0);
});

test('a state of an archive, and of a file that begins anew', () => {
  const data = scratch('data'), archive = scratch('log.gz'), file = scratch('log');
  const args = (name) => ['--data', data, '--site', 's', '--state', `${name}.state`, name];
  fs.writeFileSync(archive, zlib.gzipSync(lines(0, 70000)));
  assert.match(run(args(archive)).stdout, /^imported 70000 beacons/);
  assert.match(run(args(archive)).stdout, /^imported 0 beacons \(0 repeated/);
  fs.writeFileSync(file, lines(70000, 70100));
  assert.match(run(args(file)).stdout, /^imported 100 beacons/);
  // Cut off to a beginning of itself, then overwritten with more than it had.
  fs.truncateSync(file, lines(70000, 70050).length);
  let anew = run(args(file));
  assert.match(anew.stderr, /begins anew/);
  assert.match(anew.stdout, /^imported 50 beacons/);
  fs.writeFileSync(file, lines(70100, 70300));
  anew = run(args(file));
  assert.match(anew.stderr, /begins anew/);
  assert.match(anew.stdout, /^imported 200 beacons/);
  assert.match(run(args(file)).stdout, /^imported 0 beacons \(0 repeated/);
  // Another file, and the one before is nowhere.
  fs.renameSync(file, path.join(directory, 'elsewhere'));
  fs.writeFileSync(file, lines(70300, 70301));
  anew = run(args(file));
  assert.match(anew.stderr, /is another file than before, which is gone/);
  assert.match(anew.stdout, /^imported 1 beacons/);
});

test('two imports do not share a state', async () => {
  const file = scratch('log'), state = scratch('state');
  fs.writeFileSync(file, lines(0, 10));
  const child = background(['--data', scratch('data'), '--site', 's', '--follow', '--state', state, file]);
  await until('the state', () => fs.existsSync(state));
  const second = run(['--data', scratch('data'), '--site', 's', '--state', state, file]);
  assert.equal(second.status, 1);
  assert.match(second.stderr, /another import has this state/);
  assert.equal(await end(child), 0);
});

test('--follow: growth, rotation by rename and by truncation, a stop and a start', async () => {
  const folder = fs.mkdtempSync(path.join(directory, 'follow-')), file = path.join(folder, 'access.log');
  const state = scratch('state');
  const server = await start(scratch('data'), unlimited());
  const follow = () => background(['--to', server.url, '--token', TOKEN, '--site', 's', '--follow', '--state', state, file]);
  const seen = (count) => until(`${count} lines`, async () => (await server.query(COUNTS)).trim() === `${count}\t${count}`);
  fs.writeFileSync(file, lines(0, 10));
  let child = follow();
  await seen(10);
  fs.appendFileSync(file, lines(10, 20) + line(20).slice(0, 30));
  await seen(20);
  fs.appendFileSync(file, line(20).slice(30));
  await seen(21);
  // Renamed; the old file gets some more, and a last line without end.
  fs.renameSync(file, `${file}.1`);
  fs.appendFileSync(`${file}.1`, lines(21, 25));
  fs.writeFileSync(file, lines(25, 30));
  fs.appendFileSync(`${file}.1`, line(30).trimEnd());
  await seen(31);
  // Cut off: shorter at first, then longer than it was.
  fs.truncateSync(file);
  fs.appendFileSync(file, lines(31, 33));
  await seen(33);
  fs.writeFileSync(file, lines(33, 100));
  await seen(100);
  assert.equal(await end(child), 0);
  // Rotated while nobody was looking: what the old file has more comes first.
  fs.appendFileSync(file, lines(100, 110));
  fs.renameSync(file, `${file}.2`);
  fs.writeFileSync(file, lines(110, 120));
  child = follow();
  await seen(120);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  fs.appendFileSync(file, lines(120, 121));
  child = follow();
  await seen(121);
  assert.equal(await end(child), 0);
  assert.equal(await server.end(), 0);
});

test('a server that is busy or away is waited for', async () => {
  const file = scratch('log'), data = scratch('data');
  fs.writeFileSync(file, lines(0, 5));
  const port = await freePort(), url = `http://127.0.0.1:${port}`;
  const child = background(['--to', url, '--token', TOKEN, '--site', 's', '--follow', file]);
  const again = await start(data, ['--http', `127.0.0.1:${port}`, ...unlimited()]);
  await until('the lines', async () => (await again.query(COUNTS)).trim() === '5\t5');
  assert.equal(await end(child), 0);
  assert.equal(await again.end(), 0);
  const away = run(['--to', url, '--token', TOKEN, '--site', 's', file]);
  assert.equal(away.status, 1);
  assert.match(away.stderr, /is `drum serve` running there/);
});

test('an Idempotency-Key is known after a restart, and after a kill', async () => {
  const data = scratch('data');
  const post = async (server, body, key) => {
    const answer = await fetch(`${server.url}/import?site=s`, { method: 'POST', body, headers: { Authorization: `Bearer ${TOKEN}`, ...(key && { 'Idempotency-Key': key }) } });
    return { status: answer.status, ...(answer.status === 200 ? await answer.json() : {}) };
  };
  let server = await start(data, unlimited());
  assert.deepEqual(await post(server, lines(0, 10), 'a key'), { status: 200, stored: 10, repeated: 0, late: 0, rejected: 0, first: true, accepted: 10, sampled_out: 0, skipped: 0, errors: [] });
  assert.equal((await post(server, lines(10, 20))).first, true);
  for (const signal of ['SIGTERM', 'SIGKILL']) {
    await server.end(signal);
    server = await start(data, unlimited());
    const again = await post(server, lines(0, 10), 'a key');
    assert.deepEqual([again.first, again.stored], [false, 10], signal);
    assert.equal((await post(server, lines(10, 20))).first, false, signal);
    assert.equal((await post(server, lines(0, 9), 'a key')).status, 422, signal);
    assert.equal((await server.query(COUNTS)).trim(), '20\t20', signal);
  }
  assert.equal((await post(server, lines(0, 10), 'another')).first, true);
  assert.equal(await server.end(), 0);
});

test('POST /import: compressed without a word of it, bombs, further answers', async () => {
  const server = await start(scratch('data'), unlimited());
  const post = async (body, parameters = '') => {
    const answer = await fetch(`${server.url}/import?${parameters}`, { method: 'POST', body, headers: { Authorization: `Bearer ${TOKEN}` } });
    return `${answer.status} ${await answer.text()}`;
  };
  const gz = zlib.gzipSync(lines(0, 100));
  assert.match(await post(gz, 'site=s'), /^200 {"stored":100,/);
  assert.match(await post(gz, 'site=t'), /^200 {"stored":100,.*"first":true/);
  assert.match(await post(gz.subarray(0, 100), 'site=s'), /^400 compressed data are cut short/);
  assert.match(await post(Buffer.concat([gz, Buffer.from('garbage')]), 'site=s'), /^400 something else follows the gzip data/);
  assert.match(await post(zlib.gzipSync(Buffer.alloc(130 << 20), { level: 1 })), /^413 more than 128 MiB when inflated/);
  assert.match(await post('x\ny'), /^400 line 1: neither/);
  assert.match(await post('x\ny', 'errors=1'), /^200 {"stored":0,.*"rejected":2,.*"errors":\["line 1: neither.*"\]}/);
  for (const [parameters, error] of [['format=xml', 'format: use one of auto, native'], ['site=', 'site: expected'], ['site=%00', 'site: expected'], ['errors=x', 'errors: expected'], ['errors=1e9', 'errors: expected']])
    assert.ok((await post(line(1), parameters)).startsWith(`400 ${error}`), parameters);
  assert.match(await post(line(1)), /^400 line 1: site: the record names no host/);
  assert.equal(await server.end(), 0);
});

test('usage', () => {
  const file = scratch('log');
  fs.writeFileSync(file, line(1));
  for (const [args, status, error] of [
    [['--follow', '-'], 2, /--follow needs a file/], [['--format', 'xml', file], 2, /--format: use one of auto/],
    [['--site', 'x'.repeat(65), file], 2, /--site: expected/], [[file, file], 2, /^usage/], [[], 2, /^usage/],
    [['--data', scratch('data'), '/nowhere/at/all'], 1, /No such file/], [['--data', scratch('data'), directory], 1, /is no file/],
    [['--data', scratch('data'), '--state', scratch('s'), '-'], 1, /only a file can be followed or have a state/],
    [['--data', scratch('data'), '--rejects', '/nowhere/at/all', file], 1, /No such file/],
    [['--data', scratch('data'), '--rejects', file, file], 1, /rejects cannot go to the file that is imported/],
  ]) {
    const result = run(args, '');
    assert.match(result.stderr, error);
    assert.equal(result.status, status, args.join(' '));
  }
});

test('an answer with two lists of errors: the last one counts', async () => {
  const file = path.join(directory, 'refused.log');
  const errors = (count) => JSON.stringify(Array.from({ length: count }, (_, i) => `line ${i + 1}: no ${count}`));
  const server = http.createServer((request, response) => {
    request.resume().on('end', () => response.end(`{"stored":0,"rejected":9,"errors":${errors(9)},"rejected":2,"errors":${errors(2)}}`));
  });

  fs.writeFileSync(file, lines(0, 20));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const child = spawn(DRUM, ['import', '--url', `http://127.0.0.1:${server.address().port}`, '--token', 'x', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  children.push(child);
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text) => (said += text));
  const [code] = await once(child, 'close');
  server.close();
  assert.equal(code, 0);
  assert.equal(said, 'drum: line 1: no 2\ndrum: line 2: no 2\n');
});
