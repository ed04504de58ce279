/*
 * Goal: a full disk costs nobody what was acknowledged, and no restart: intake
 * is refused with 503, queries go on, and when there is room again intake
 * resumes by itself; a store that was killed while the disk was full opens on
 * it again. Method: a tmpfs of 8 MB, filled by beacons beside a ballast file
 * that is then deleted. Skipped where mounting is not allowed; the same on a
 * simulated disk is in tests/unit/store/test_faults.c. Of a limit on the size of
 * files: a program that has it.
 */
import assert from 'node:assert';
import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';

import { DRUM, serve, until } from '../serve.mjs';

const BALLAST_BYTES = 3 << 20;
const AT_ONCE = 8;

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-full-'));
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'none', directory], { encoding: 'utf8' });
const refused = mounted.status === 0 ? false : `mounting a tmpfs is refused: ${(mounted.stderr || String(mounted.error)).trim()}`;
after(() => {
  if (!refused) spawnSync('umount', [directory]);
  fs.rmdirSync(directory);
});

const data = path.join(directory, 'data'), ballast = path.join(directory, 'ballast');
const acknowledged = new Set();
let views = 0;

/** One view with an error of 6 KB that does not compress, of words that hide no
 * secret and are kept; its answer. */
async function send(server) {
  const number = ++views, view = number.toString(16).padStart(16, '0');
  const stack = [...crypto.randomBytes(6000)].map((byte, i) => (i % 9 === 8 ? ' ' : String.fromCharCode(97 + (byte % 26)))).join('');
  const response = await fetch(`${server.url}/beacon`, { method: 'POST', body: JSON.stringify({ v: 1, site: 'shop', view, seq: 0,
    t: Date.now(), url: 'https://shop.example/', errors: [{ kind: 'error', message: `error ${view}`, stack }] }) });
  if (response.status === 204) acknowledged.add(String(number));
  return { status: response.status, text: await response.text(), retry: response.headers.get('retry-after') };
}

/** Sends until an answer is not 204, or `count` have gone; gives the last. */
async function sendMany(server, count) {
  let last;
  for (let i = 0; i < count; i += AT_ONCE) {
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => send(server)));
    last = answers.find(({ status }) => status !== 204) ?? answers[0];
    if (last.status !== 204) break;
  }
  return last;
}

async function assertAllThere(server) {
  const found = async (table) => (await server.query(`SELECT DISTINCT view_id FROM ${table}`)).split('\n').filter(Boolean);
  for (const table of ['pageviews', 'errors']) {
    const there = await found(table);
    assert.equal(new Set(there).size, Number(await server.query(`SELECT count() FROM ${table}`)), 'none twice');
    for (const view of acknowledged) assert.ok(there.includes(view), `view ${view} in ${table}`);
  }
}

test('a full disk: 503, queries go on, intake resumes by itself', { skip: refused }, async () => {
  fs.writeFileSync(ballast, crypto.randomBytes(BALLAST_BYTES));
  let server = await serve(data);
  try {
    const full = await sendMany(server, 3000);
    assert.equal(full.status, 503);
    assert.equal(full.text, 'the disk is full\n');
    assert.match(full.retry, /^\d+$/);
    assert.ok(acknowledged.size > 100, `${acknowledged.size} fitted`);
    for (let i = 0; i < 2; i++) await assertAllThere(server);
    assert.equal((await fetch(`${server.url}/healthz`)).status, 200);

    fs.rmSync(ballast);
    const before = acknowledged.size;
    await until('intake', async () => (await send(server)).status === 204);
    assert.equal((await sendMany(server, 80)).status, 204);
    assert.ok(acknowledged.size > before + 80);
    await assertAllThere(server);

    await until('a full disk again', async () => (await sendMany(server, 3000)).status === 503, 60000);
  } finally {
    await server.end('SIGKILL');
  }
  // There is no room for a log file: refused with the reason, nothing lost; or
  // there is, and all is served.
  try {
    server = await serve(data);
  } catch (error) {
    assert.match(error.message, /No space left on device/);
    const check = spawnSync(DRUM, ['check', '--deep', data], { encoding: 'utf8' });
    assert.equal(check.status, 0, check.stdout + check.stderr);
    spawnSync('mount', ['-o', 'remount,size=12m', directory]);
    server = await serve(data);
  }
  await assertAllThere(server);
  await server.end('SIGKILL');
});

test('a limit on the size of files is a full disk, not the end', async () => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-limited-'));
  const limited = path.join(root, 'drum'), kept = path.join(root, 'data');
  fs.writeFileSync(limited, `#!/bin/sh\nulimit -f 512\nexec '${path.resolve(DRUM)}' "$@"\n`, { mode: 0o700 });
  acknowledged.clear();
  let server = await serve(kept, [], limited);
  try {
    assert.equal((await sendMany(server, 160)).status, 204); // 1 MB: in several files of the log
    assert.match(server.log(), /File too large; trying a new WAL file/);
    await assertAllThere(server);
  } finally {
    await server.end('SIGKILL');
  }
  server = await serve(kept);
  await assertAllThere(server);
  assert.equal(await server.end(), 0);
  fs.rmSync(root, { recursive: true });
});
