/*
 * Goal: `drum check` finds every kind of damage and names the file; a server
 * with a damaged file serves the rest, says so once and counts it; a directory
 * that cannot be written, or is a newer version's, is refused and left as it
 * is. Method: one store with segments of three tables and a log that a crash
 * left, copied for each case and damaged in one place.
 */
import assert from 'node:assert';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';

import { DRUM, TOKEN, serve } from '../serve.mjs';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-check-'));
after(() => fs.rmSync(directory, { recursive: true }));

const base = path.join(directory, 'base');
const authorized = { Authorization: `Bearer ${TOKEN}` };
// One for all: segments are by day, and of a day that is over they are merged. So it is of the
// day that lasts longer than this test, up to five minutes ahead.
const TIME_MS = Date.now() + 270000;
let views = 0, copies = 0;

async function send(server) {
  const view = (++views).toString(16).padStart(16, '0');
  const body = JSON.stringify({ v: 1, site: 'shop', view, session: 'ffee00dd11cc22bb', seq: 0, t: TIME_MS, url: 'https://shop.example/',
    vitals: { lcp: 1000 + views }, errors: [{ kind: 'error', message: `error ${view}` }], events: [{ category: 'custom', name: 'x', value: views }] });
  assert.equal((await fetch(`${server.url}/beacon`, { method: 'POST', body })).status, 204);
}

function check(...args) {
  const { status, stdout, stderr } = spawnSync(DRUM, ['check', ...args], { encoding: 'utf8' });
  return { status, stdout, stderr };
}

function copy() {
  const to = path.join(directory, `copy-${++copies}`);
  fs.cpSync(base, to, { recursive: true });
  return to;
}

const list = (from, ending) => fs.readdirSync(from, { recursive: true }).filter((name) => name.endsWith(ending)).sort().map((name) => path.join(from, name));
const segments = (from, table) => list(path.join(from, table), '.seg');
const logs = (from) => list(path.join(from, 'wal'), '.wal');

/** Every file's bytes but LOCK's, which a process that is refused may open. */
const contents = (from) => Object.fromEntries(fs.readdirSync(from, { withFileTypes: true, recursive: true })
  .filter((entry) => entry.isFile() && entry.name !== 'LOCK')
  .map((entry) => path.join(entry.path, entry.name)).sort().map((file) => [path.relative(from, file), fs.readFileSync(file).toString('base64')]));

/** In place, so that a process that has the file open sees it. */
function flip(file, at, bit = 0x10) {
  const fd = fs.openSync(file, 'r+'), byte = Buffer.alloc(1);
  fs.readSync(fd, byte, 0, 1, at);
  byte[0] ^= bit;
  fs.writeSync(fd, byte, 0, 1, at);
  fs.closeSync(fd);
}

async function metric(server, name) {
  return Number(new RegExp(`^drum_${name} (\\d+)$`, 'm').exec(await (await fetch(`${server.url}/metrics`)).text())[1]);
}

before(async () => {
  let server = await serve(base);
  for (let i = 0; i < 40; i++) await send(server);
  assert.equal(await server.end(), 0);
  server = await serve(base);
  for (let i = 0; i < 40; i++) await send(server);
  assert.equal(await server.end(), 0);
  server = await serve(base);
  for (let i = 0; i < 20; i++) await send(server);
  await server.end('SIGKILL');
});

test('a store that a crash left has no problems', () => {
  const to = copy(), was = contents(to);
  for (const args of [[to], ['--deep', to]]) {
    const { status, stdout, stderr } = check(...args);
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /^6 segments with 240 rows, 2 WAL files with 60 commits\nno problems found/m);
  }
  assert.deepEqual(contents(to), was, 'nothing was changed');
});

test('files that the manifest does not list are noted', () => {
  const to = copy(), [first] = segments(to, 'errors');
  const strays = ['00000000000000fe.seg', '00000000000000ff.seg.tmp', '00000000000000ff.seg.orphan'].map((name) => path.join(path.dirname(first), name));
  for (const stray of strays) fs.copyFileSync(first, stray);
  const { status, stdout } = check(to);
  assert.equal(status, 0, stdout);
  assert.deepEqual(stdout.match(/^note .*$/gm).sort(), strays.map((stray) => `note    ${stray}: MANIFEST does not list it`).sort());
  assert.equal(check(base).stdout.match(/does not list/), null);
});

const middle = (file) => fs.statSync(file).size >> 1;
/** Of its records: zeros may follow them. */
const middleOfLog = (file) => Number(/valid up to byte (\d+)/.exec(check('--dump', file).stdout)[1]) >> 1;
const damages = [
  ['a flipped bit in a segment', (to) => (flip(segments(to, 'errors')[0], 20), segments(to, 'errors')[0])],
  ['a flipped bit in a segment\'s footer', (to) => (flip(segments(to, 'errors')[1], fs.statSync(segments(to, 'errors')[1]).size - 60), segments(to, 'errors')[1])],
  ['a flipped bit in the manifest', (to) => (flip(path.join(to, 'MANIFEST'), 60), 'MANIFEST')],
  ['a flipped bit in the middle of the log', (to) => (flip(logs(to)[1], middleOfLog(logs(to)[1])), logs(to)[1])],
  ['a flipped bit in the log\'s head', (to) => (flip(logs(to)[0], 40), logs(to)[0])],
  ['a truncated segment', (to) => (fs.truncateSync(segments(to, 'pageviews')[0], middle(segments(to, 'pageviews')[0])), segments(to, 'pageviews')[0])],
  ['an empty segment', (to) => (fs.truncateSync(segments(to, 'pageviews')[0], 0), segments(to, 'pageviews')[0])],
  ['a missing segment', (to) => (fs.rmSync(segments(to, 'events')[0]), 'events/')],
  ['two segments in each other\'s place', (to) => {
    const [a, b] = segments(to, 'events');
    fs.renameSync(a, `${a}.x`);
    fs.renameSync(b, a);
    fs.renameSync(`${a}.x`, b);
    return a;
  }],
  ['a segment of another table', (to) => (fs.copyFileSync(segments(to, 'errors')[0], segments(to, 'events')[0]), segments(to, 'events')[0])],
  ['the log\'s first file missing', (to) => (fs.rmSync(logs(to)[0]), path.basename(logs(base)[0]))],
  ['a missing manifest', (to) => (fs.rmSync(path.join(to, 'MANIFEST')), 'MANIFEST')],
];

for (const [name, damage] of damages) {
  test(`check finds ${name}`, () => {
    const to = copy(), file = damage(to);
    const { status, stdout, stderr } = check('--deep', to);
    assert.equal(status, 1, stdout + stderr);
    assert.equal(stderr, '');
    const problems = stdout.split('\n').filter((line) => line.startsWith('PROBLEM'));
    assert.ok(problems.some((line) => line.includes(file)), `${file}:\n${stdout}`);
    assert.match(stdout, new RegExp(`^${problems.length} problems? found\n$`, 'm'));
  });
}

test('a shallow check reads no chunks; a dump shows a file\'s structure', () => {
  const to = copy(), [file] = segments(to, 'errors');
  flip(file, 20);
  assert.equal(check(to).status, 0);
  for (const [name, pattern] of [[path.join(to, 'MANIFEST'), /^MANIFEST: [^\n]*\n(  \w+\/\d{4}-\d\d-\d\d\/[0-9a-f]{16}\.seg: [^\n]*\n){6}$/],
    [file, /^segment: 40 rows in 1 blocks, .*\n(  [\w.]+: .*\n)+$/], [logs(to)[0], /^WAL [0-9a-f]{16}: .*\n(  commit \d+: \d+ bytes\n)+  valid up to byte \d+\n$/]]) {
    const { status, stdout } = check('--dump', name);
    assert.equal(status, 0);
    assert.match(stdout, pattern);
  }
  fs.truncateSync(file, 50);
  const { status, stderr } = check('--dump', file);
  assert.equal(status, 1);
  assert.match(stderr, /^drum: [^\n]*errors[^\n]*\n$/);
});

test('check refuses a directory that is being served', async () => {
  const to = copy(), server = await serve(to);
  try {
    const { status, stdout, stderr } = check('--deep', to);
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^drum: [^\n]* is being served: check a backup of it, or stop it first\n$/);
  } finally {
    assert.equal(await server.end(), 0);
  }
  assert.equal(check('--deep', to).status, 0);
  assert.match(check(path.join(directory, 'nowhere')).stderr, /^drum: \S+nowhere is not there\n$/);
});

test('damage while serving: the rest is served, one line, and counted', async () => {
  const to = copy(), server = await serve(to);
  try {
    assert.equal(await metric(server, 'corrupt_files'), 0);
    const [file] = segments(to, 'events');
    for (let at = 8; at < 600; at += 16) flip(file, at);
    const sum = 'SELECT count(), countIf(value > 0), max(name) FROM events';
    for (let i = 0; i < 3; i++) assert.equal(await server.query(sum), '60\t60\tx\n');
    assert.equal(await server.query('SELECT count(), max(message) != \'\' FROM errors'), '100\t1\n');
    assert.equal(await metric(server, 'corrupt_files'), 1);
    assert.equal(server.log().match(/DAMAGED/g).length, 1, server.log());
    assert.match(server.log(), new RegExp(`DAMAGED: ${file}: .* its 40 rows are left out\n`));
    await send(server);
    const erased = await fetch(`${server.url}/admin/erase?session=ffee00dd11cc22bb`, { method: 'POST', headers: authorized });
    assert.equal(erased.status, 500);
    assert.match(await erased.text(), /^erased, but damaged segments \(1, such as events\/\S+\.seg\) could not be searched[^\n]*\n$/);
    assert.equal(await server.query('SELECT count() FROM pageviews'), '0\n');
    assert.equal(await server.query('SELECT count() FROM events'), '0\n');
  } finally {
    assert.equal(await server.end(), 0);
  }
  assert.equal(check('--deep', to).status, 1);
});

for (const [name, damage, count, ending] of [
  ['a segment\'s footer', (to) => flip(segments(to, 'pageviews')[0], fs.statSync(segments(to, 'pageviews')[0]).size - 60), 60, 'its 40 rows are left out'],
  ['a truncated segment', (to) => fs.truncateSync(segments(to, 'pageviews')[0], 100), 60, 'its 40 rows are left out'],
  ['a missing segment', (to) => fs.rmSync(segments(to, 'pageviews')[0]), 60, 'its 40 rows are left out'],
  ['the middle of the log', (to) => flip(logs(to)[1], middleOfLog(logs(to)[1])), 99, 'what it held is lost; the records after it are kept'],
]) {
  test(`damage found at the start, ${name}: the rest is served, nothing is deleted`, async () => {
    const to = copy();
    damage(to);
    const was = contents(to), server = await serve(to);
    try {
      assert.equal(await server.query('SELECT count() FROM pageviews'), `${count}\n`);
      assert.equal(await metric(server, 'corrupt_files'), 1);
      await send(server);
      assert.equal(await server.query('SELECT count() FROM pageviews'), `${count + 1}\n`);
    } finally {
      assert.equal(await server.end(), 0);
    }
    assert.match(server.log(), new RegExp(`Z DAMAGED: [^\\n]*${to}/\\S+: [^\n]*${ending}\n`));
    const is = contents(to);
    for (const [file, bytes] of Object.entries(was))
      if (file.endsWith('.seg')) assert.equal(is[file], bytes, file);
    if (ending.startsWith('what')) assert.ok(Object.entries(is).some(([file, bytes]) => file.endsWith('.wal.damaged') && bytes === was[file.slice(0, -8)]), 'set aside');
    const again = await serve(to);
    assert.equal(await again.query('SELECT count() FROM pageviews'), `${count + 1}\n`);
    assert.equal(await again.end(), 0);
  });
}

test('a newer version\'s directory is refused and left as it is', () => {
  const to = copy(), manifest = path.join(to, 'MANIFEST');
  flip(manifest, 8, 3); // version 1 to 2
  const was = contents(to);
  for (const args of [['serve', '--data', to, '--http', '127.0.0.1:0', '--https', '127.0.0.1:0'], ['check', to], ['query', '--data', to, 'SELECT 1'],
    ['erase', '--data', to, '--site', 'shop'], ['backup', '--data', to, path.join(directory, 'newer')]]) {
    const { status, stderr } = spawnSync(DRUM, args, { encoding: 'utf8', timeout: 120000 });
    assert.equal(status, 1);
    assert.match(stderr, /^drum: \S+MANIFEST: format version 2 is newer than this program's 1: use a newer drum\n$/);
  }
  assert.deepEqual(contents(to), was);
  flip(manifest, 8, 3);
  assert.equal(check('--deep', to).status, 0);
});

/** As somebody who may read but not write: root may do anything. */
function asReader(args) {
  const binary = path.join(directory, 'drum');
  if (!fs.existsSync(binary)) fs.copyFileSync(DRUM, binary);
  fs.chmodSync(directory, 0o755);
  fs.chmodSync(binary, 0o755);
  return spawnSync(binary, args, { encoding: 'utf8', timeout: 120000, cwd: '/', ...(process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {}) });
}

test('a directory that cannot be written is refused by serve, and can be queried and checked', () => {
  const to = copy(), was = contents(to);
  spawnSync('chmod', ['-R', 'a=rX', to]);
  try {
    const served = asReader(['serve', '--data', to, '--http', '127.0.0.1:0', '--https', '127.0.0.1:0']);
    assert.equal(served.status, 1);
    assert.match(served.stderr, /^drum: [^\n]*: (Permission denied|Read-only file system)\n$/);
    assert.equal(asReader(['erase', '--data', to, '--site', 'shop']).status, 1);
    const asked = asReader(['query', '--data', to, 'SELECT count(), max(lcp) FROM pageviews']);
    assert.equal(asked.stdout, 'count()\tmax(lcp)\n100\t1100\n', asked.stderr);
    const checked = asReader(['check', '--deep', to]);
    assert.equal(checked.status, 0, checked.stdout + checked.stderr);
    assert.deepEqual(contents(to), was);
  } finally {
    spawnSync('chmod', ['-R', 'u+rwX', to]);
  }
});
