/*
 * Goal: what is erased is in no file any more and everything else still is; a
 * backup taken under load is whole; the requests say what was wrong with them.
 * Method: the real server and command line. Erased rows are looked for as bytes
 * in every file of the data directory, where they are found before; beacons go
 * on meanwhile, and what was acknowledged is counted.
 */
import assert from 'node:assert';
import { execFile, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { promisify } from 'node:util';

import { DRUM, TOKEN, serve, until } from '../serve.mjs';

const run = promisify(execFile);
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-admin-'));
after(() => fs.rmSync(directory, { recursive: true }));

const SESSION = 'ffee00dd11cc22bb'; // the highest of its chunks, where it stands as their maximum
const authorized = { Authorization: `Bearer ${TOKEN}` };
const post = (url, body, headers = authorized) => fetch(url, { method: 'POST', body, headers });
let views = 0;

function beacon(more = {}) {
  const view = (++views).toString(16).padStart(16, '0');
  return { v: 1, site: 'shop', view, session: '1234567890abcdef', seq: 0, t: Date.now(), url: 'https://shop.example/',
    errors: [{ kind: 'error', message: 'usual' }], events: [{ category: 'custom', name: 'usual' }], ...more };
}

async function send(server, value) {
  const answer = await post(`${server.url}/beacon`, JSON.stringify(value), {});
  assert.equal(answer.status, 204, await answer.text());
}

/** A beacon whose bytes can be found: texts that are nowhere else. */
function marked(mark, more) {
  return beacon({ url: `https://shop.example/${mark}`, release: mark, tags: { plan: mark },
    errors: [{ kind: 'error', message: mark, stack: `at ${mark}` }], events: [{ category: 'custom', name: mark, text: mark }], ...more });
}

function files(from) {
  return fs.readdirSync(from, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.path, entry.name));
}

/** The files that have any of the needles. One may go, or get another name, while they are read. */
function having(from, ...needles) {
  for (;;) {
    try {
      return files(from).filter((file) => {
        const bytes = fs.readFileSync(file);
        return needles.some((needle) => bytes.includes(needle));
      });
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
  }
}

/** A session's number as it may stand on disk. */
function formsOf(session) {
  const big = Buffer.from(session, 'hex'), little = Buffer.from(big).reverse(), varint = [];
  for (let left = BigInt(`0x${session}`); varint.length === 0 || left > 0n; left >>= 7n) varint.push(Number(left & 127n) | (left > 127n ? 128 : 0));
  return [big, little, Buffer.from(varint), session];
}

async function counts(server, where = '1') {
  const found = [];
  for (const table of ['pageviews', 'errors', 'events']) found.push(Number(await server.query(`SELECT count() FROM ${table} WHERE ${where}`)));
  return found;
}

async function metric(server, name) {
  return Number(new RegExp(`^drum_${name} (\\d+)$`, 'm').exec(await (await fetch(`${server.url}/metrics`)).text())[1]);
}

/** Beacons one after another until stopped; their views, as they are acknowledged. */
function load(server, more = {}) {
  const acknowledged = [];
  let stopped = false;
  const done = (async () => {
    while (!stopped) {
      const value = beacon(more);
      await send(server, value);
      acknowledged.push(value.view);
    }
  })();
  done.catch(() => {}); // of interest only to those who await it
  return { acknowledged, stop: () => ((stopped = true), done) };
}

for (const [what, query, more] of [
  ['session', `session=${SESSION}`, { session: SESSION }],
  ['site', 'site=gone-for-good', { site: 'gone-for-good' }],
]) {
  test(`a ${what} erased from a running server is in no file any more`, async () => {
    const data = path.join(directory, what), mark = randomBytes(20).toString('hex');
    const needles = what === 'session' ? [...formsOf(SESSION), mark] : [mark, 'gone-for-good'];
    const where = what === 'session' ? `session_id = ${BigInt(`0x${SESSION}`)}` : "site = 'gone-for-good'";
    let server = await serve(data);
    for (let i = 0; i < 5; i++) await send(server, marked(mark, more));
    for (let i = 0; i < 20; i++) await send(server, beacon());
    assert.equal(await server.end(), 0);
    const inSegments = having(data, mark);
    assert.ok(inSegments.some((file) => file.endsWith('.seg')), 'the search finds it in segments');
    if (what === 'session') assert.ok(having(data, formsOf(SESSION)[1]).length > 0, 'and the number');
    server = await serve(data);
    for (let i = 0; i < 3; i++) await send(server, marked(mark, more));
    for (let i = 0; i < 10; i++) await send(server, beacon());
    assert.ok(having(path.join(data, 'wal'), mark).length > 0, 'and in the log');
    assert.deepEqual(await counts(server, where), [8, 8, 8]);

    const others = load(server);
    await until('some load', () => others.acknowledged.length > 5);
    const answer = await post(`${server.url}/admin/erase?${query}`);
    assert.equal(await answer.text(), '{"rows":24}\n');
    assert.equal(answer.status, 200);
    assert.deepEqual(having(data, ...needles), []);
    await others.stop();
    assert.deepEqual(await counts(server, where), [0, 0, 0]);
    const kept = 30 + others.acknowledged.length;
    assert.deepEqual(await counts(server), [kept, kept, kept]);
    assert.equal(await metric(server, 'erasures_total'), 1);
    assert.equal(await metric(server, 'rows_erased_total'), 24);
    assert.match(server.log(), new RegExp(`Z admin: erase ${query.replace('=', ' ')}: asked for by DRUM_TOKEN from 127\\.0\\.0\\.1\n`));
    assert.match(server.log(), new RegExp(`Z admin: erase ${query.replace('=', ' ')}: 24 rows are erased\n`));

    assert.deepEqual(await (await post(`${server.url}/admin/erase?${query}`)).json(), { rows: 0 }, 'again is no harm');
    await send(server, beacon(more));
    assert.deepEqual(await counts(server, where), [1, 1, 1], 'what comes later is stored');
    await server.end('SIGKILL');
    server = await serve(data);
    assert.deepEqual(await counts(server, where), [1, 1, 1]);
    assert.deepEqual(await counts(server), [kept + 1, kept + 1, kept + 1]);
    assert.deepEqual(having(data, mark), []);
    assert.equal(await server.end(), 0);
    const check = spawnSync(DRUM, ['check', '--deep', data], { encoding: 'utf8' });
    assert.equal(check.status, 0, check.stdout);
  });
}

test('drum erase: from a server and from a stopped one', async () => {
  const data = path.join(directory, 'cli'), mark = randomBytes(20).toString('hex');
  const erase = (...args) => run(DRUM, ['erase', ...args], { env: { ...process.env, DRUM_TOKEN: '' } });
  const server = await serve(data);
  await send(server, marked(mark, { session: SESSION }));
  await send(server, marked(mark, { site: 'gone-for-good' }));
  await send(server, beacon());
  const { stdout } = await erase('--site', 'gone-for-good', '--url', server.url, '--token', TOKEN);
  assert.equal(stdout, 'erased 3 rows of site gone-for-good\nBackups, and files set aside as *.damaged or *.orphan, keep what they have.\n');
  assert.deepEqual(await counts(server), [2, 2, 2]);
  await assert.rejects(erase('--session', SESSION, '--data', data), (error) => {
    assert.equal(error.code, 1);
    assert.match(error.stderr, new RegExp(`in use by process ${server.child.pid}`));
    return true;
  });
  assert.equal(await server.end(), 0);
  assert.match((await erase('--session', SESSION, '--data', data)).stdout, /^erased 3 rows of session ffee00dd11cc22bb\n/);
  assert.deepEqual(having(data, ...formsOf(SESSION), mark, 'gone-for-good'), []);
  assert.equal((await run(DRUM, ['query', '--data', data, 'SELECT count() FROM pageviews'])).stdout, 'count()\n1\n');
});

test('a backup under load has every beacon acknowledged before', async () => {
  const data = path.join(directory, 'loaded'), imported = path.join(directory, 'imported');
  let server = await serve(data);
  fs.writeFileSync(imported, spawnSync(DRUM, ['generate', '--views', '3000', '--days', '5', '--end', String(Date.now() - 3600000)], { maxBuffer: 1 << 26 }).stdout);
  await run(DRUM, ['import', '--url', server.url, '--token', TOKEN, imported]);
  assert.equal(await server.end(), 0);
  server = await serve(data);
  const loads = [load(server), load(server, { site: 'blog' }), load(server, { site: 'docs' })];
  const backups = [];
  for (let i = 0; i < 4; i++) {
    const sent = () => loads.flatMap((one) => one.acknowledged);
    const soFar = sent().length, to = path.join(directory, `backup-${i}`);
    await until('load', () => sent().length > soFar + 50);
    const before = sent();
    if (i % 2 === 0) {
      const answer = await post(`${server.url}/admin/backup?to=${encodeURIComponent(to)}`);
      assert.equal(answer.status, 200);
      const counted = await answer.json();
      assert.ok(counted.segments > 0 && counted.segment_bytes > 0 && counted.segment_rows >= 3000 && counted.wal_bytes > 0, JSON.stringify(counted));
    } else {
      const { stdout } = await run(path.resolve(DRUM), ['backup', '--url', server.url, '--token', TOKEN, `backup-${i}`], { cwd: directory });
      assert.match(stdout, new RegExp(`^backup in backup-${i}: \\d+ segments with \\d+ rows and \\d+ bytes, \\d+ bytes of WAL\n$`));
    }
    backups.push({ to, before });
    if (i === 1) await post(`${server.url}/admin/erase?site=nobody`); // flushes: later backups have more in segments
  }
  for (const one of loads) await one.stop();
  assert.match(server.log(), /Z admin: backup to \S+backup-0: asked for by DRUM_TOKEN from 127\.0\.0\.1\n/);
  assert.match(server.log(), /Z admin: backup to \S+backup-0: done, \d+ segments and \d+ bytes of WAL\n/);
  assert.equal(await server.end(), 0);

  for (const { to, before } of backups) {
    const check = spawnSync(DRUM, ['check', '--deep', to], { encoding: 'utf8' });
    assert.equal(check.status, 0, check.stdout + check.stderr);
    assert.match(check.stdout, /no problems found\n$/);
    const copy = await serve(to);
    try {
      for (const table of ['pageviews', 'errors', 'events']) {
        const found = await copy.query(`SELECT view_id FROM ${table} WHERE view_id IN (${before.map((view) => `${BigInt(`0x${view}`)}`)})`);
        assert.deepEqual(found.trim().split('\n').map((view) => BigInt(view).toString(16).padStart(16, '0')).sort(), [...before].sort());
      }
      await send(copy, beacon({ session: SESSION }));
    } finally {
      assert.equal(await copy.end(), 0);
    }
    assert.equal(spawnSync(DRUM, ['check', '--deep', to]).status, 0, 'after serving it too');
  }
});

test('drum backup of a stopped server; the copy is one of its own', async () => {
  const data = path.join(directory, 'stopped'), to = path.join(directory, 'copy');
  const server = await serve(data);
  for (let i = 0; i < 10; i++) await send(server, beacon());
  await server.end('SIGKILL');
  const { stdout } = await run(DRUM, ['backup', '--data', data, to]);
  assert.match(stdout, /^backup in \S+copy: 0 segments with 0 rows and 0 bytes, \d+ bytes of WAL\n$/);
  await run(DRUM, ['erase', '--data', data, '--site', 'shop']);
  assert.equal((await run(DRUM, ['query', '--data', to, 'SELECT count() FROM pageviews'])).stdout, 'count()\n10\n');
  await run(DRUM, ['check', '--deep', to]);
  await assert.rejects(run(DRUM, ['backup', '--data', data, to]), (error) => error.code === 1 && /copy is there already/.test(error.stderr));
  await assert.rejects(run(DRUM, ['backup', '--data', path.join(directory, 'nowhere'), `${to}2`]), (error) => error.code === 1 && /nowhere: No such file or directory\n/.test(error.stderr));
  await assert.rejects(run(DRUM, ['backup', '--data', directory, `${to}2`]), (error) => error.code === 1 && /is no store/.test(error.stderr));
  assert.ok(!fs.existsSync(path.join(directory, 'nowhere')));
});

test('what is wrong with a request is one line, and does nothing', async () => {
  const data = path.join(directory, 'wrong'), there = path.join(directory, 'there');
  fs.mkdirSync(data);
  const make = (role) => spawnSync(DRUM, ['token', '--data', data, '--role', role, '--name', `for ${role}`]).stdout.toString().trim();
  const [query, importer, admin] = ['query', 'import', 'admin'].map(make);
  const server = await serve(data);
  fs.mkdirSync(there);
  try {
    await send(server, beacon());
    await send(server, beacon({ session: undefined }));
    for (const [route, status, line, headers] of [
      ['erase', 400, /^give \?session=ID or \?site=KEY\n$/],
      ['erase?session=1234567890abcdef&site=shop', 400, /^give \?session=ID or \?site=KEY\n$/],
      ['erase?session=1234', 400, /^session: expected 16 hex digits, not all 0\n$/],
      ['erase?session=0000000000000000', 400, /^session: expected 16 hex digits/],
      ['erase?session=0x34567890abcdef', 400, /^session: expected 16 hex digits/],
      ['erase?session=1234567890abcdef%00', 400, /^session: expected 16 hex digits/],
      ['erase?session=1234567890abcdef&session=1234567890abcde0', 400, /^session: given twice\n$/],
      ['erase?site=', 400, /^site: expected 1 to 64 bytes\n$/],
      [`erase?site=${'x'.repeat(65)}`, 400, /^site: expected 1 to 64 bytes\n$/],
      [`erase?site=${'x'.repeat(6000)}`, 400, /^site: expected 1 to 64 bytes\n$/],
      ['erase?site=shop&dry_run=1', 400, /^dry_run: unknown parameter\n$/],
      ['backup', 400, /^give \?to=DIR\n$/],
      ['backup?to=', 400, /^to: expected an absolute path\n$/],
      ['backup?to=here', 400, /^to: expected an absolute path\n$/],
      ['backup?to=/tmp/a%00b', 400, /^to: expected an absolute path\n$/],
      [`backup?to=/${'x'.repeat(6000)}`, 400, /^to: expected an absolute path\n$/],
      [`backup?to=${there}`, 400, /there is there already: a backup makes a new directory\n$/],
      [`backup?to=${there}/no/such`, 500, /No such file or directory\n$/],
      ['erase?site=shop', 401, /^no token/, {}],
      ['erase?site=shop', 403, /role/, { Authorization: `Bearer ${query}` }],
      [`backup?to=${there}/x`, 403, /role/, { Authorization: `Bearer ${importer}` }],
    ]) {
      const answer = await post(`${server.url}/admin/${route}`, undefined, headers);
      const text = await answer.text();
      assert.equal(answer.status, status, `${route}: ${text}`);
      assert.match(text, line);
      assert.equal(text.trim().split('\n').length, 1);
    }
    assert.equal((await fetch(`${server.url}/admin/erase?site=shop`, { headers: authorized })).status, 405);
    assert.deepEqual(await counts(server), [2, 2, 2]);
    assert.deepEqual(fs.readdirSync(there), []);
    const answer = await post(`${server.url}/admin/erase?site=shop`, undefined, { Authorization: `Bearer ${admin}` });
    assert.deepEqual(await answer.json(), { rows: 6 });
    assert.match(server.log(), /admin: erase site shop: asked for by for admin from 127/);
    assert.match(server.log(), /admin: backup to \S+: failed: \S+there is there already/);
  } finally {
    assert.equal(await server.end(), 0);
  }
});

test('commands: help, usage and their exit codes', () => {
  for (const command of ['erase', 'backup', 'check']) {
    const help = spawnSync(DRUM, [command, '--help'], { encoding: 'utf8' });
    assert.equal(help.status, 0);
    assert.match(help.stdout, new RegExp(`^usage: drum ${command} `));
  }
  for (const args of [['erase'], ['erase', '--session', '12'], ['erase', '--session', SESSION, '--site', 'a'], ['erase', '--site', ''],
    ['erase', '--site', 'a', 'more'], ['erase', '--nonsense'], ['backup'], ['backup', 'a', 'b'], ['backup', '--nonsense', 'a'],
    ['check'], ['check', 'a', 'b'], ['check', '--dump', 'a', 'b'], ['check', '--nonsense', 'a']]) {
    const { status, stderr } = spawnSync(DRUM, args, { encoding: 'utf8' });
    assert.equal(status, 2, args.join(' '));
    assert.match(stderr, new RegExp(`usage: drum ${args[0]} `));
  }
  assert.match(spawnSync(DRUM, ['check'], { encoding: 'utf8' }).stderr, /^drum: check needs the directory of a store.*\nusage: /);
  assert.match(spawnSync(DRUM, ['check', 'a', 'b'], { encoding: 'utf8' }).stderr, /^drum: 'b' is one argument too many\nusage: /);
  const nobody = spawnSync(DRUM, ['erase', '--site', 'a', '--url', 'http://127.0.0.1:1', '--token', 'x'], { encoding: 'utf8' });
  assert.equal(nobody.status, 1);
  assert.match(nobody.stderr, /is `drum serve` running there/);
});
