/*
 * Goal: the server samples as its rules say, from beacon to answer: who is kept
 * stays kept, updates are judged anew, answers count what was left out, and a
 * crash changes nothing. Method: the real binary with rules that are sure (keep
 * 0 or 1) or drawn; SIGKILL and a second start; the examples in drum.yaml
 * checked one by one.
 */
import assert from 'node:assert';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';

import { DRUM, TOKEN, serve } from '../serve.mjs';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-sampling-'));
const servers = [];
after(async () => {
  for (const server of servers) await server.end('SIGKILL');
  fs.rmSync(directory, { recursive: true });
});

async function start(...args) {
  servers.push(await serve(...args));
  return servers.at(-1);
}

function configured(text, name = 'drum.yaml') {
  const file = path.join(directory, name);
  fs.writeFileSync(file, text);
  return ['--config', file];
}

const id = (view) => view.toString(16).padStart(16, '0');

async function send(server, view, seq, more = {}) {
  const body = JSON.stringify({ v: 1, site: 'shop', view: id(view), seq, url: 'https://shop.example/', ...more });
  const { status } = await fetch(`${server.url}/beacon`, { method: 'POST', body });
  assert.equal(status, 204);
}

const load = (server, lines) => fetch(`${server.url}/import`, { method: 'POST', body: lines.join('\n'),
  headers: { Authorization: `Bearer ${TOKEN}` } });

const views = async (server) =>
  (await server.query('SELECT view_id, lcp, error_count, _sample_interval FROM pageviews ORDER BY view_id')).trimEnd();

test('updates are judged anew, and a crash keeps what was judged', async () => {
  const args = configured(`sampling:
  - {table: errors, keep: 1}
  - {when: "error_count > 0 or lcp > 4000", keep: 1}
  - {table: pageviews, when: "tags['plan'] = 'pro'", keep: 1}
  - {keep: 0}
`);
  const data = path.join(directory, 'updates');
  let server = await start(data, args);
  const error = [{ kind: 'error', message: 'x' }];
  await send(server, 1, 0, { vitals: { lcp: 100 } });
  await send(server, 2, 0, { vitals: { lcp: 5000 } });
  await send(server, 3, 0, { vitals: { lcp: 100 }, errors: error });
  await send(server, 4, 0, { vitals: { lcp: 100 } });
  await send(server, 5, 0, { vitals: { lcp: 5000 } });
  await send(server, 6, 0, { tags: { plan: 'pro' } });
  assert.equal(await views(server), '2\t5000\t0\t1\n3\t100\t1\t1\n5\t5000\t0\t1\n6\t\\N\t0\t1');
  await send(server, 3, 1, { vitals: { lcp: 200 } }); // its error counts still
  await send(server, 4, 1, { vitals: { lcp: 6000 } }); // dropped -> kept
  await send(server, 5, 1, { vitals: { lcp: 300 } }); // kept -> dropped
  const now = '2\t5000\t0\t1\n3\t200\t1\t1\n4\t6000\t0\t1\n6\t\\N\t0\t1';
  assert.equal(await views(server), now);
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assert.match(metrics, /^drum_rows_sampled_out_total 4$/m); // views 1 and 4, 3 until its error counted, 5 at last
  await server.end('SIGKILL');
  server = await start(data, args);
  assert.equal(await views(server), now);
  await send(server, 5, 1, { vitals: { lcp: 7000 } }); // seen before the crash
  await send(server, 1, 1, { vitals: { lcp: 7000 } });
  assert.equal(await views(server), `1\t7000\t0\t1\n${now}`);
  assert.equal(await server.query('SELECT count() FROM errors'), '1\n');
  assert.equal(await server.end(), 0);
  server = await start(data, args);
  assert.equal(await views(server), `1\t7000\t0\t1\n${now}`);
  assert.equal(await server.end(), 0);
});

test('answers count what was left out, of beacons and of imports', async () => {
  const server = await start(path.join(directory, 'weights'), configured(`sampling:
  - {site: docs, keep: 1}
  - {keep: 1/10}
`));
  const VIEWS = 4000;
  const lines = Array.from({ length: VIEWS }, (_, i) => JSON.stringify({ v: 1, site: i % 2 ? 'shop' : 'docs', view: id(i + 1), rate: 0.5, url: 'https://a.example/' }));
  assert.equal((await load(server, lines)).status, 200);
  const count = async (what, site) => Number(await server.query(`SELECT ${what} FROM pageviews WHERE site = '${site}'`));
  assert.equal(await count('sum(_sample_interval)', 'docs'), VIEWS, 'of 2,000 beacons the browser sent half');
  assert.equal(await count('min(_sample_interval)', 'shop'), 20);
  const kept = await count('sum(_sample_interval)', 'shop') / 20;
  assert.ok(kept > 130 && kept < 270, `${kept} of 2,000`);
  assert.equal(await count('count()', 'shop'), kept * 20);
  for (let view = 1; view < 100; view++) await send(server, 100000 + view, 0);
  const sent = Number(await server.query('SELECT uniq(view_id) FROM pageviews WHERE view_id > 100000'));
  assert.ok(sent < 35, `${sent} of 99`);
  assert.equal(await server.end(), 0);
});

test('a rule bounds what one beacon may stand for', async () => {
  const server = await start(path.join(directory, 'forged'), configured('sampling:\n  - {when: "_sample_interval > 10", keep: 0}\n  - {keep: 1}\n', 'forged.yaml'));
  const lists = { errors: [{ kind: 'error', message: 'x' }], events: [{ category: 'custom', name: 'y' }] };
  for (const [i, rate] of [1, 0.5, 0.1, 0.09, 0.001].entries()) await send(server, 1 + i, 0, { rate, ...lists });
  for (const table of ['pageviews', 'errors', 'events'])
    assert.equal(await server.query(`SELECT view_id, _sample_interval FROM ${table} ORDER BY view_id`), '1\t1\n2\t2\n3\t10\n', table);
  await send(server, 1, 1, { rate: 0.001 }); // an update that claims more
  assert.equal(await server.query('SELECT sum(_sample_interval) FROM pageviews'), '12\n');
});

test('--explain-sampling tells the rule of each row', () => {
  const beacons = path.join(directory, 'beacons.ndjson');
  fs.writeFileSync(beacons, [
    { v: 1, site: 'shop', view: id(1), url: 'https://a.example/checkout/pay', errors: [{ kind: 'error', message: 'x' }] },
    { v: 1, site: 'shop' },
    { v: 1, site: 'docs', view: id(2), url: 'https://a.example/', vitals: { lcp: 500 } },
  ].map((beacon) => JSON.stringify(beacon)).join('\n'));
  const [, config] = configured(`sampling:
  - {table: errors, keep: 1}
  - {when: "path like '/checkout%'", keep: 1/2}
  - {site: docs, max_per_second: 5}
`);
  const { status, stdout, stderr } = spawnSync(DRUM, ['serve', '--config', config, '--explain-sampling', beacons], { encoding: 'utf8' });
  assert.equal(stderr, '');
  assert.equal(stdout, "1\tpageviews\trule 2\tkeep 1/2 (path like '/checkout%')\n1\terrors\trule 1\tkeep 1\n" +
    '2\tmalformed\tview: missing\n3\tpageviews\trule 3\tkeep 1, at most 5 a second\n');
  assert.equal(status, 0);
  assert.equal(spawnSync(DRUM, ['serve', '--explain-sampling', path.join(directory, 'none')]).status, 1);
});

const example = fs.readFileSync('server/drum.yaml', 'utf8');

test('the example configuration is valid, and so is each of its parts', () => {
  const parts = example.split(/\n\n/).map((part) => part.split('\n').filter((line) => /^#( *[a-z_]+:| +-)/.test(line)).map((line) => line.slice(1)).join('\n'));
  const keys = parts.filter((part) => part !== '');
  assert.ok(keys.length >= 6, `${keys.length} parts`);
  for (const part of [example, ...keys]) {
    const [, file] = configured(`${part}\n`, 'part.yaml');
    const { status, stderr } = spawnSync(DRUM, ['serve', '--config', file, '--check-config'], { encoding: 'utf8' });
    if (/^certificate:/m.test(part)) {
      assert.match(stderr, /^drum: certificate \/etc\S+: No such file or directory\n$/);
    } else {
      assert.equal(stderr.replaceAll(/^drum: warning: geoip.*: No such file or directory\n/gm, ''), '', part);
      assert.equal(status, 0);
    }
  }
  assert.equal(keys.filter((part) => part.startsWith('sampling:')).length, 3);
});

test('a rule that is wrong is named with its line', () => {
  for (const [rule, reason] of [
    ['{when: "lcpp > 1", keep: 1/2}', /drum\.yaml line 3: sampling\[1\]\.when: Unknown column lcpp/],
    ['{keep: 3}', /drum\.yaml line 3: sampling\[1\]\.keep: expected/],
    ['{table: views, keep: 1}', /drum\.yaml line 3: sampling\[1\]\.table: use pageviews/],
    ['{site: shop}', /drum\.yaml line 3: sampling\[1\]: keep or max_per_second/],
    ['{keep: 1, sight: shop}', /line 3: unknown key sight in sampling\[1\]; known are table, site/],
  ]) {
    const [, file] = configured(`sampling:\n  - {keep: 1}\n  - ${rule}\n`);
    const { status, stderr } = spawnSync(DRUM, ['serve', '--config', file, '--check-config'], { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, reason);
  }
});
