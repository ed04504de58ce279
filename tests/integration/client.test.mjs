/*
 * Goal: an unmodified @clickhouse/client works with drum's address alone: ping,
 * queries in every format that it reads, parameters, compression both ways,
 * inserts, errors, abort. Method: the package from npm, against one server.
 */
import assert from 'node:assert';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';

import { createClient } from '@clickhouse/client';

import { TOKEN, keepAll, serve } from '../serve.mjs';

const HOUR_MS = 3600000;
let directory, server, client;

const connect = (more = {}) =>
  createClient({ url: server.url, username: 'default', password: TOKEN, request_timeout: 120000, ...more });

async function rows(query, more = {}) {
  return (await client.query({ query, format: 'JSONEachRow', ...more })).json();
}

before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-client-'));
  server = await serve(path.join(directory, 'data'), keepAll(directory));
  client = connect();
});

after(async () => {
  await client.close();
  assert.equal(await server.end(), 0);
  fs.rmSync(directory, { recursive: true });
});

test('ping', async () => {
  assert.deepEqual(await client.ping(), { success: true });
  assert.deepEqual(await client.ping({ select: true }), { success: true });
  const stranger = connect({ password: 'wrong' });
  const { success, error } = await stranger.ping({ select: true });
  assert.equal(success, false);
  assert.equal(error.code, '516');
  await stranger.close();
});

test('insert: objects, lists of named columns, a stream, compressed', async () => {
  const ts = Date.now() - HOUR_MS;
  const time = new Date(ts).toISOString().slice(0, 23);
  const values = [
    { ts: time, site: 'shop', path: '/p/42', device: 'mobile', lcp: 1234.5, view_id: '18446744073709551615', tags: { plan: 'pro' } },
    { ts, site: 'shop', path: '/', device: 'desktop', lcp: null, cls: 0.0123, _sample_interval: 10 },
  ];
  const inserted = await client.insert({ table: 'pageviews', values, format: 'JSONEachRow' });
  assert.equal(inserted.summary.written_rows, '2');
  assert.deepEqual(
    await rows("SELECT toUnixTimestamp(ts) AS t, site, path, device, lcp, cls, toString(view_id) AS view, tags['plan'] AS plan, _sample_interval AS w FROM pageviews ORDER BY device DESC"),
    [{ t: Math.floor(ts / 1000), site: 'shop', path: '/p/:id', device: 'mobile', lcp: 1234.5, cls: null, view: '18446744073709551615', plan: 'pro', w: 1 },
      { t: Math.floor(ts / 1000), site: 'shop', path: '/', device: 'desktop', lcp: null, cls: 0.0123, view: '0', plan: '', w: 10 }]);

  await client.insert({ table: 'events', columns: ['site', 'name', 'value'], values: [['shop', 'a', 1.5], ['shop', 'b', null]] });
  const sender = connect({ compression: { request: true } });
  const many = Array.from({ length: 5000 }, (_, i) => ({ site: 'shop', name: 'many', value: i }));
  await sender.insert({ table: 'default.events', values: many, format: 'JSONEachRow' });
  await sender.close();
  assert.deepEqual(await rows('SELECT name, count() AS n, sum(value) AS s FROM events GROUP BY name ORDER BY name'), [
    { name: 'a', n: 1, s: 1.5 }, { name: 'b', n: 1, s: null }, { name: 'many', n: 5000, s: 12497500 }]);
});

test('query_params of every type, and what they may hold', async () => {
  const query = 'SELECT {s:String} AS s, {u:UInt64} AS u, {i:Int32} AS i, {f:Float64} AS f';
  const s = 'it\'s\n\ta "quoted" \\ path /x ü';
  assert.deepEqual(await rows(query, { query_params: { s, u: '18446744073709551615', i: -5, f: 0.25 }, clickhouse_settings: { output_format_json_quote_64bit_integers: 1 } }),
    [{ s, u: '18446744073709551615', i: -5, f: 0.25 }]);
  assert.deepEqual(await rows('SELECT count() AS n FROM events WHERE name IN ({a:String}, {b:String})', { query_params: { a: 'a', b: 'b' } }), [{ n: 2 }]);
});

test('every format that the client reads; compressed answers', async () => {
  const query = 'SELECT name, value FROM events WHERE name = \'many\' ORDER BY value';
  const squeezed = connect({ compression: { response: true } });
  for (const c of [client, squeezed]) {
    const json = await (await c.query({ query, format: 'JSON' })).json();
    assert.equal(json.rows, 5000);
    assert.equal(json.data.length, 5000);
    assert.equal(json.meta[0].type, 'LowCardinality(String)');
    assert.ok(json.statistics.rows_read >= 5000);
    const text = await (await c.query({ query, format: 'CSV' })).text();
    assert.equal(text.trim().split('\n').length, 5000);
    const compact = await (await c.query({ query: `${query} LIMIT 1`, format: 'JSONCompact' })).json();
    assert.deepEqual(compact.data, [['many', 0]]);
  }
  await squeezed.close();
  for (const format of ['JSONEachRow', 'JSONCompactEachRow', 'CSVWithNames', 'TabSeparated', 'TabSeparatedWithNames']) {
    const lines = [];
    const set = await client.query({ query, format });
    for await (const chunk of set.stream()) for (const row of chunk) lines.push(row.text);
    assert.equal(lines.length, 5000 + (format.endsWith('WithNames') ? 1 : 0), format);
  }
});

test('query ids and summaries', async () => {
  const set = await client.query({ query: 'SELECT count() FROM events', format: 'TabSeparated', query_id: 'my-own-id' });
  assert.equal(set.query_id, 'my-own-id');
  assert.equal(set.response_headers['x-clickhouse-query-id'], 'my-own-id');
  assert.equal(set.response_headers['x-clickhouse-format'], 'TabSeparated');
  assert.equal(set.response_headers['x-clickhouse-timezone'], 'UTC');
  const summary = JSON.parse(set.response_headers['x-clickhouse-summary']);
  assert.equal(summary.read_rows, '5002');
  assert.ok(Number(summary.read_bytes) > 0 && Number(summary.elapsed_ns) > 0);
  assert.equal(await set.text(), '5002\n');
});

test('errors carry code, type and message', async () => {
  for (const [query, code, type] of [
    ['SELEC 1', '62', 'SYNTAX_ERROR'],
    ['SELECT nothing FROM pageviews', '47', 'UNKNOWN_IDENTIFIER'],
    ['SELECT 1 FROM nowhere', '60', 'UNKNOWN_TABLE'],
  ]) {
    await assert.rejects(client.query({ query, format: 'JSON' }), (error) => {
      assert.equal(error.code, code);
      assert.equal(error.type, type);
      return true;
    });
  }
});

test('a bad row refuses the whole insert and is named', async () => {
  const good = { site: 'shop', name: 'refused' };
  for (const [bad, reason] of [
    [{ site: 'shop', nme: 'x' }, /Row 2: unknown column nme in table events/],
    [{ name: 'x' }, /Row 2: site: missing/],
    [{ site: 'shop', ts: '2999-01-01 00:00:00' }, /Row 2: ts: more than 5 minutes ahead/],
    [{ site: 'shop', value: 'many' }, /Row 2: value: expected a finite number/],
    [{ site: 'shop', asn: -1 }, /Row 2: asn: expected an integer/],
    [{ site: 'shop', _sample_interval: 0 }, /Row 2: _sample_interval: at least 1/],
  ]) {
    await assert.rejects(client.insert({ table: 'events', values: [good, bad], format: 'JSONEachRow' }), reason);
  }
  assert.deepEqual(await rows("SELECT count() AS n FROM events WHERE name = 'refused'"), [{ n: 0 }]);
  await assert.rejects(client.insert({ table: 'nowhere', values: [good] }), /Unknown table nowhere/);
  await assert.rejects(client.insert({ table: 'events', values: [good], format: 'Parquet' }));
});

test('command, exec, and a repeated insert with a token', async () => {
  const query = 'INSERT INTO events FORMAT JSONEachRow {"site":"shop","name":"once"}';
  for (let i = 0; i < 2; i++)
    await client.command({ query, clickhouse_settings: { insert_deduplication_token: 'the-same' } });
  assert.deepEqual(await rows("SELECT count() AS n FROM events WHERE name = 'once'"), [{ n: 1 }]);
  // The same bytes are other rows in another table, and in other columns.
  const token = { clickhouse_settings: { insert_deduplication_token: 'the-same' } };
  await client.command({ query: 'INSERT INTO errors FORMAT JSONEachRow {"site":"shop","message":"once"}', ...token });
  await client.command({ query: 'INSERT INTO reports (site, type) FORMAT TSV\nshop\tonce', ...token });
  await assert.rejects(client.command({ query: 'INSERT INTO reports (type, site) FORMAT TSV\nshop\tonce', ...token }), /came with other rows/);
  assert.deepEqual(await rows("SELECT (SELECT count() FROM errors WHERE message = 'once') AS e, count() AS r FROM reports WHERE type = 'once'"), [{ e: 1, r: 1 }]);
  const { stream } = await client.exec({ query: 'SHOW TABLES FORMAT TabSeparated' });
  let text = '';
  for await (const chunk of stream) text += chunk;
  assert.match(text, /^(errors|events|pageviews|reports)\n/);
});

test('the client goes away: its query ends', async () => {
  const controller = new AbortController();
  const query = client.query({ query: 'SELECT count() FROM events', abort_signal: controller.signal });
  controller.abort();
  await assert.rejects(query);
  assert.deepEqual(await client.ping(), { success: true });
});
