/*
 * Goal: the drivers that read only Native, and Altinity's Grafana plugin, get
 * answers of the form that they want to what they ask before and for every
 * query. Method: their requests, parameters and headers included, sent as they
 * send them; a reader of Native for the protocol revisions that they name.
 */
import assert from 'node:assert';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import zlib from 'node:zlib';

import { DRUM, TOKEN, keepAll, serve } from '../serve.mjs';

const BASIC = `Basic ${Buffer.from(`default:${TOKEN}`).toString('base64')}`;
let directory, server;

/** Status, headers and body as it came; fetch would inflate it. */
function request(method, target, headers, body) {
  return new Promise((resolve, reject) => {
    const sent = http.request(`${server.url}${target}`, { method, headers }, (answer) => {
      const parts = [];
      answer.on('data', (part) => parts.push(part));
      answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, body: Buffer.concat(parts) }));
      answer.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** Blocks of Native as a client of that revision reads them: [{ name, type, values }]. */
function readNative(bytes, revision) {
  const columns = [];
  let at = 0;
  const take = (size) => bytes.subarray(at, (at += size));
  const varuint = () => {
    for (let value = 0, shift = 1; ; shift *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * shift;
      if (byte < 128) return value;
    }
  };
  const string = () => take(varuint()).toString();
  const readers = {
    String: string, UInt8: () => take(1).readUInt8(), UInt32: () => take(4).readUInt32LE(), Bool: () => take(1).readUInt8() === 1,
    UInt64: () => Number(take(8).readBigUInt64LE()), Float64: () => take(8).readDoubleLE(), DateTime: () => take(4).readUInt32LE(),
    'DateTime64(3)': () => Number(take(8).readBigInt64LE()), Date: () => take(2).readUInt16LE(),
  };
  const lowCardinality = (rows) => {
    assert.equal(take(8).readBigUInt64LE(), 1n, 'version of the keys');
    if (rows === 0) return [];
    const flags = Number(take(8).readBigUInt64LE()), width = 1 << (flags & 3);
    assert.equal(flags & ~3, 0x600);
    const keys = Array.from({ length: Number(take(8).readBigUInt64LE()) }, string);
    assert.equal(Number(take(8).readBigUInt64LE()), rows);
    return Array.from({ length: rows }, () => keys[take(width).readUIntLE(0, width)]);
  };
  while (at < bytes.length) {
    if (revision > 0) {
      assert.deepEqual([...take(7)], [1, 0, 2, 255, 255, 255, 255], 'block info');
      if (revision >= 54480) assert.deepEqual([...take(2)], [3, 0]);
      assert.equal(take(1)[0], 0);
    }
    const count = varuint(), rows = varuint();
    for (let i = 0; i < count; i++) {
      const name = string(), type = string();
      if (revision >= 54454) assert.equal(take(1)[0], 0, 'no custom serialisation');
      const nullable = /^Nullable\((.+)\)$/.exec(type);
      const nulls = nullable ? [...take(rows)] : [];
      const values = type === 'LowCardinality(String)' ? lowCardinality(rows)
        : Array.from({ length: rows }, (_, row) => { const value = readers[nullable ? nullable[1] : type](); return nulls[row] ? null : value; });
      if (columns[i]) columns[i].values.push(...values);
      else columns.push({ name, type, values });
    }
  }
  return columns;
}

before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-drivers-'));
  server = await serve(path.join(directory, 'data'), keepAll(directory));
  const rows = Array.from({ length: 30 }, (_, i) => JSON.stringify({ site: 'shop', ts: 1767322800000 + i * 60000, device: i % 3 ? 'mobile' : 'desktop', country: 'DE', lcp: i * 100 }));
  const answer = await request('POST', '/', { Authorization: BASIC }, `INSERT INTO pageviews FORMAT JSONEachRow ${rows.join('\n')}`);
  assert.equal(answer.status, 200, `${answer.body}`);
});

after(async () => {
  assert.equal(await server.end(), 0);
  fs.rmSync(directory, { recursive: true });
});

/* ---- clickhouse-connect, and Superset over it ------------------------- */

const PYTHON = 'wait_end_of_query=1&session_id=0b3a&cancel_http_readonly_queries_on_client_close=1&enable_http_compression=1'
  + '&date_time_input_format=best_effort&cast_string_to_dynamic_use_inference=1&http_headers_progress_interval_ms=120000&send_progress_in_http_headers=1';

async function python(sql, revision = 54405) {
  const answer = await request('POST', `/?${PYTHON}&client_protocol_version=${revision}&database=default`, { Authorization: BASIC,
    'Accept-Encoding': 'lz4,br,gzip', 'User-Agent': 'clickhouse-connect/0.8.18 (lv:py/3.11.2; mode:sync; os:linux)', 'Content-Type': 'text/plain; charset=utf-8' },
  `${sql}\n FORMAT Native`);
  const body = answer.headers['content-encoding'] === 'gzip' ? zlib.gunzipSync(answer.body) : answer.body;
  assert.equal(answer.status, 200, `${sql}: ${body}`);
  assert.equal(answer.headers['x-clickhouse-timezone'], 'UTC');
  assert.match(answer.headers['x-clickhouse-query-id'], /^[0-9a-f-]{36}$/);
  assert.ok(JSON.parse(answer.headers['x-clickhouse-summary']).read_rows >= 0);
  return { body, columns: readNative(body, revision) };
}

test('clickhouse-connect: its handshake', async () => {
  const command = await request('POST', `/?${PYTHON}`, { Authorization: BASIC }, 'SELECT version(), timezone()');
  assert.match(`${command.body}`, /^\d+\.\d+\.\d+\.\d+\tUTC\n$/);
  const { columns } = await python('SELECT name, value, readonly as readonly FROM system.settings LIMIT 10000', 0);
  assert.deepEqual(columns.map(({ name }) => name), ['name', 'value', 'readonly']);
  assert.ok(columns[0].values.includes('max_execution_time'));
  // It looks at these bytes to see that the server knows the revision.
  const { body } = await python('SELECT 1 AS check');
  assert.equal(body.subarray(8, 16).toString('latin1'), '\x01\x01\x05check');
});

test('clickhouse-connect: rows, and none', async () => {
  const { columns } = await python('SELECT device, count() AS views, max(lcp) AS slowest, min(ts) AS first FROM pageviews GROUP BY device ORDER BY device');
  assert.deepEqual(columns, [
    { name: 'device', type: 'LowCardinality(String)', values: ['desktop', 'mobile'] },
    { name: 'views', type: 'UInt64', values: [10, 20] },
    { name: 'slowest', type: 'Nullable(Float64)', values: [2700, 2900] },
    { name: 'first', type: 'DateTime64(3)', values: [1767322800000, 1767322860000] }]);
  const none = await python("SELECT device FROM pageviews WHERE site = 'nobody'");
  assert.ok(none.columns.every(({ values }) => values.length === 0));
});

test('Superset: databases, tables, columns, functions', async () => {
  assert.deepEqual((await python('SHOW DATABASES')).columns[0].values, ['default', 'system']);
  assert.deepEqual((await python('SHOW TABLES FROM `default`')).columns[0].values, ['errors', 'events', 'pageviews', 'reports']);
  assert.equal((await python('EXISTS TABLE `default`.`pageviews`')).columns[0].values[0], 1);
  assert.equal((await python('EXISTS TABLE `default`.`nothing`')).columns[0].values[0], 0);
  assert.deepEqual((await python("SELECT name FROM system.databases WHERE name = 'default'")).columns[0].values, ['default']);
  const described = (await python('DESCRIBE TABLE `default`.`pageviews`')).columns;
  const column = (name) => described.find((c) => c.name === name).values;
  assert.equal(column('type')[column('name').indexOf('lcp')], 'Nullable(Float64)');
  assert.equal(column('type')[column('name').indexOf('country')], 'LowCardinality(String)');
  assert.ok((await python('SELECT name FROM system.functions')).columns[0].values.includes('toStartOfInterval'));
  assert.deepEqual((await python('SELECT currentDatabase()')).columns[0].values, ['default']);
});

/* ---- Grafana's plugin, which is clickhouse-go over HTTP --------------- */

async function go(sql, revision = 54460) {
  const answer = await request('POST', `/?client_protocol_version=${revision}&default_format=Native&database=default&enable_http_compression=1&max_execution_time=60`,
    { Authorization: BASIC, 'Accept-Encoding': 'gzip', 'User-Agent': 'grafana-clickhouse-datasource/4 clickhouse-go/2.30 (lv:go/1.22; os:linux)' }, sql);
  const body = answer.headers['content-encoding'] === 'gzip' ? zlib.gunzipSync(answer.body) : answer.body;
  assert.equal(answer.status, 200, `${sql}: ${body}`);
  assert.equal(answer.headers['x-clickhouse-format'], 'Native');
  return readNative(body, revision);
}

for (const revision of [54460, 54485]) {
  test(`Grafana: hello, schema, health (revision ${revision})`, async () => {
    const hello = await go('SELECT displayName(), version(), revision(), timezone()', revision);
    assert.deepEqual(hello.map(({ type }) => type), ['String', 'String', 'UInt32', 'String']);
    assert.equal(hello[3].values[0], 'UTC');
    assert.deepEqual((await go('SELECT 1', revision))[0].values, [1]);
    assert.deepEqual((await go('SHOW DATABASES', revision))[0].values, ['default', 'system']);
    assert.ok((await go('SHOW TABLES FROM "default"', revision))[0].values.includes('pageviews'));
    assert.ok((await go('DESC TABLE "default"."pageviews"', revision))[0].values.includes('lcp'));
    const columns = await go("SELECT name, type, table FROM system.columns WHERE database IN ('default')", revision);
    assert.deepEqual(columns.map(({ name }) => name), ['name', 'type', 'table']);
    assert.deepEqual((await go('SELECT DISTINCT country FROM default.pageviews LIMIT 1000', revision))[0].values, ['DE']);
  });
}

test('Grafana: what its macros become', async () => {
  const series = await go('SELECT toStartOfInterval(toDateTime(ts), INTERVAL 600 second) AS time, device, count() AS views FROM default.pageviews '
    + 'WHERE ts >= toDateTime(1767322800) AND ts <= toDateTime(1767326400) GROUP BY time, device ORDER BY time ASC, device');
  assert.equal(series[0].type, 'DateTime');
  assert.deepEqual(series[0].values.slice(0, 2), [1767322800, 1767322800]);
  assert.equal(series[2].values.reduce((sum, n) => sum + n), 30);
  const exact = await go('SELECT count() FROM pageviews WHERE ts >= fromUnixTimestamp64Milli(1767322800000) AND ts <= fromUnixTimestamp64Milli(1767322860000)');
  assert.deepEqual(exact[0].values, [2]);
});

/* ---- Altinity's Grafana plugin ---------------------------------------- */

test('Altinity: a GET with headers of its own, FORMAT JSON', async () => {
  const sql = 'SELECT (intDiv(toUInt32(ts), 600) * 600) * 1000 AS t, count() AS views FROM default.pageviews WHERE ts >= toDateTime(1767322800) AND ts <= toDateTime(1767326400) GROUP BY t ORDER BY t FORMAT JSON';
  const answer = await request('GET', `/?add_http_cors_header=1&query=${encodeURIComponent(sql)}`,
    { 'X-ClickHouse-User': 'default', 'X-ClickHouse-Key': TOKEN });
  assert.equal(answer.status, 200, `${answer.body}`);
  const { data, meta, rows } = JSON.parse(answer.body);
  assert.deepEqual(meta.map(({ name }) => name), ['t', 'views']);
  assert.deepEqual(data, [0, 1, 2].map((i) => ({ t: (1767322800 + i * 600) * 1000, views: 10 })));
  assert.equal(rows, 3);
});

/* ---- what all of them may meet ---------------------------------------- */

test('errors come with their code, whatever the format', async () => {
  for (const [sql, code, status] of [['SELECT nothing FROM pageviews', 47, 404], ['SELECT 1 FROM pageviews WHERE', 62, 400], ['SELECT lcp FROM pageviews ARRAY JOIN tags', 48, 501]]) {
    const answer = await request('POST', '/?default_format=Native&client_protocol_version=54460', { Authorization: BASIC, 'Accept-Encoding': 'gzip' }, sql);
    assert.equal(answer.status, status, `${sql}: ${answer.body}`);
    assert.equal(answer.headers['x-clickhouse-exception-code'], `${code}`);
    assert.match(`${answer.body}`, new RegExp(`^Code: ${code}\\. DB::Exception: .* \\([A-Z_]+\\)\n$`));
  }
});

test('GET changes nothing; roles are kept apart; one way to send a token', async () => {
  const insert = `/?query=${encodeURIComponent('INSERT INTO events FORMAT JSONEachRow {"site":"shop"}')}`;
  const got = await request('GET', insert, { Authorization: BASIC });
  assert.equal(got.status, 500);
  assert.equal(got.headers['x-clickhouse-exception-code'], '164');
  const both = await request('POST', `/?password=${TOKEN}`, { Authorization: BASIC }, 'SELECT 1');
  assert.equal(both.headers['x-clickhouse-exception-code'], '516');
  const data = path.join(directory, 'roles');
  fs.mkdirSync(data);
  const [reader, writer] = ['query', 'import'].map((role) => execFileSync(DRUM, ['token', '--data', data, '--role', role], { encoding: 'utf8' }).trim());
  const other = await serve(data);
  try {
    const ask = async (token, sql) => (await fetch(`${other.url}/`, { method: 'POST', body: sql, headers: { Authorization: `Bearer ${token}` } }));
    assert.equal((await ask(reader, 'SELECT 1')).status, 200);
    assert.equal((await ask(writer, 'INSERT INTO events FORMAT JSONEachRow {"site":"shop"}')).status, 200);
    for (const [token, sql] of [[reader, 'INSERT INTO events FORMAT JSONEachRow {"site":"shop"}'], [writer, 'SELECT 1']]) {
      const refused = await ask(token, sql);
      assert.equal(refused.status, 403);
      assert.equal(refused.headers.get('x-clickhouse-exception-code'), '497');
    }
  } finally {
    await other.end();
  }
});
