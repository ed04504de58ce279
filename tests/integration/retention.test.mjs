/*
 * Goal: rows live as long as their table's retention, and nothing older comes
 * in by import. Method: imports of known ages; the same directory served with
 * and without retention. Ages are days and a half, so that no midnight between
 * two steps matters.
 */
import assert from 'node:assert';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';

import { TOKEN, keepAll, serve, until } from '../serve.mjs';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-retention-'));
after(() => fs.rmSync(directory, { recursive: true }));

const DAY_MS = 24 * 3600 * 1000;
let views = 0;

function beacon(days) {
  const view = (++views).toString(16).padStart(16, '0');
  return JSON.stringify({ v: 1, site: 'shop', view, t: Date.now() - days * DAY_MS, url: 'https://shop.example/',
    errors: [{ kind: 'error', message: 'x' }], events: [{ category: 'custom', name: 'y' }] });
}

function configured(text) {
  const file = path.join(directory, 'drum.yaml');
  fs.writeFileSync(file, text);
  return ['--config', file];
}

const load = (server, ...lines) => fetch(`${server.url}/import`, { method: 'POST', body: lines.join('\n'),
  headers: { Authorization: `Bearer ${TOKEN}` } });

async function metric(server, name) {
  return Number(new RegExp(`^drum_${name} (\\d+)$`, 'm').exec(await (await fetch(`${server.url}/metrics`)).text())[1]);
}

async function counts(server) {
  const found = [];
  for (const table of ['pageviews', 'errors', 'events']) found.push(Number(await server.query(`SELECT count() FROM ${table}`)));
  return found;
}

test('imports: too old and too far ahead are rejected and counted', async () => {
  const server = await serve(path.join(directory, 'import'), configured('retention_days: {pageviews: 3, errors: 1, events: 0}\n'));
  try {
    const answer = await (await load(server, beacon(0), beacon(1.5), beacon(2.5), beacon(3.5), beacon(-1 / 24))).json();
    assert.deepEqual(answer, { stored: 3, repeated: 0, late: 0, rejected: 2, first: true, accepted: 3, sampled_out: 0, skipped: 0,
      errors: ['line 4: t: older than the retention of 3 days', 'line 5: t: more than 5 minutes ahead of the clock'] });
    assert.deepEqual(await counts(server), [3, 1, 3]);
    assert.equal(await metric(server, 'import_lines_rejected_total'), 2);
    assert.equal(await metric(server, 'import_expired_total'), 4, 'two beacons and two errors');
    const none = await load(server, beacon(400));
    assert.equal(none.status, 400);
    assert.equal(await none.text(), 'line 1: t: older than the retention of 3 days\n');
    assert.equal(await metric(server, 'import_expired_total'), 5);
    assert.deepEqual(await counts(server), [3, 1, 3]);
  } finally {
    assert.equal(await server.end(), 0);
  }
});

test('days beyond retention go, by table; 0 keeps them', async () => {
  const data = path.join(directory, 'days');
  let server = await serve(data, keepAll(directory));
  assert.equal((await (await load(server, beacon(0), beacon(1.5), beacon(5.5), beacon(100))).json()).stored, 4);
  assert.equal(await server.end(), 0);
  server = await serve(data, configured('retention_days: {pageviews: 3, errors: 30, events: 0}\n'));
  try {
    await until('retention', async () => (await metric(server, 'rows_expired_total')) === 3);
    assert.deepEqual(await counts(server), [2, 3, 4]);
    assert.equal(await metric(server, 'segments_expired_total'), 3);
  } finally {
    assert.equal(await server.end(), 0);
  }
});
