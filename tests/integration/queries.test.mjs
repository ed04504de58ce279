/*
 * Goal: answers are kept for the same question on the same rows and for no
 * other; every query is in system.query_log with what it cost; queries whose
 * client leaves end. Method: one server with rows in segments and in memory;
 * each change of the rows must show in the next answer.
 */
import assert from 'node:assert';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';

import { DRUM, TOKEN, keepAll, serve, until } from '../serve.mjs';

const OLD_MS = Date.UTC(2026, 0, 2), DAY_MS = 86400000;
const PAST = "SELECT count() AS n, sum(error_count) AS errors FROM pageviews WHERE ts < '2026-01-10 00:00:00'";
let directory, server;

async function ask(sql, parameters = '', headers = {}) {
  const answer = await fetch(`${server.url}/?${parameters}`, {
    method: 'POST', body: sql, headers: { Authorization: `Bearer ${TOKEN}`, ...headers } });
  return { text: await answer.text(), status: answer.status, headers: answer.headers,
    cached: answer.headers.get('x-drum-cached') === '1' };
}

async function insert(rows) {
  const { status, text } = await ask(`INSERT INTO pageviews FORMAT JSONEachRow ${rows.map((row) => JSON.stringify(row)).join('\n')}`);
  assert.equal(status, 200, text);
}

async function metric(name) {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(new RegExp(`^drum_${name} (\\S+)$`, 'm').exec(text)?.[1]);
}

const start = async () => (server = await serve(path.join(directory, 'data'), keepAll(directory)));

before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-queries-'));
  await start();
  await insert(Array.from({ length: 1000 }, (_, i) => ({ site: 'shop', ts: OLD_MS + i * 60000, error_count: 1, session_id: 7 + (i % 2), path: `/${i % 10}` })));
  await server.end(); // to segments
  await start();
});

after(async () => {
  assert.equal(await server.end(), 0);
  fs.rmSync(directory, { recursive: true });
});

test('the same question again is answered from the cache, byte for byte', async () => {
  const hits = await metric('queries_cached_total');
  const first = await ask(PAST, 'default_format=JSON');
  const again = await ask(PAST, 'default_format=JSON');
  assert.equal(first.cached, false);
  assert.equal(again.cached, true);
  assert.equal(again.text, first.text);
  for (const name of ['x-clickhouse-format', 'x-clickhouse-summary', 'content-type'])
    assert.equal(again.headers.get(name), first.headers.get(name));
  assert.equal(await metric('queries_cached_total'), hits + 1);
  assert.ok(await metric('cached_bytes') > first.text.length);
});

test('another format, coding, setting or parameter is another question', async () => {
  const sql = 'SELECT path, count() AS n FROM pageviews WHERE session_id = {s:UInt64} GROUP BY path ORDER BY path';
  const seen = new Set();
  for (const [parameters, headers] of [
    ['param_s=7', {}], ['param_s=8', {}], ['param_s=7&default_format=JSON', {}],
    ['param_s=7&default_format=JSON&output_format_json_quote_64bit_integers=1', {}],
    ['param_s=7&default_format=JSON', { 'Accept-Encoding': 'identity' }],
    ['param_s=7', { 'X-ClickHouse-Format': 'CSV' }], ['param_s=07', {}]]) {
    const { cached, text, status } = await ask(sql, parameters, headers);
    assert.equal(status, 200, text);
    assert.equal(cached, false, parameters);
    assert.equal((await ask(sql, parameters, headers)).cached, true, parameters);
    seen.add(text);
  }
  assert.ok(seen.size >= 5);
  assert.equal((await ask(sql, 'param_s=7&use_query_cache=0')).cached, false);
});

test('a lower limit holds for what is kept, too', async () => {
  for (const [sql, limit, code] of [['SELECT path FROM pageviews ORDER BY view_id LIMIT 5', 'max_result_rows', 396],
    ['SELECT toHour(ts) AS h FROM pageviews GROUP BY h', 'max_rows_to_group_by', 158]]) {
    await ask(sql);
    assert.equal((await ask(sql)).cached, true);
    const { status, text } = await ask(sql, `${limit}=3`);
    assert.equal(status, 500, text);
    assert.match(text, new RegExp(`Code: ${code}`));
  }
});

test('rows outside of the times that a query reads do not disturb it', async () => {
  assert.equal((await ask(PAST)).text, '1000\t1000\n');
  await insert([{ site: 'shop' }]); // now
  const { cached, text } = await ask(PAST);
  assert.equal(text, '1000\t1000\n');
  assert.equal(cached, true);
});

test('a row in these times does, at once; a subquery sees every change', async () => {
  const nested = `SELECT count() FROM pageviews WHERE path IN (SELECT path FROM pageviews WHERE ts < '2026-01-10 00:00:00')`;
  const all = await ask(nested);
  assert.equal((await ask(nested)).cached, true);
  await insert([{ site: 'shop', ts: OLD_MS, error_count: 5, path: '/0' }]);
  const past = await ask(PAST), nestedAgain = await ask(nested);
  assert.equal(past.cached, false);
  assert.equal(past.text, '1001\t1005\n');
  assert.equal(nestedAgain.cached, false);
  assert.equal(Number(nestedAgain.text), Number(all.text) + 1);
});

test('erased rows are in no answer', async () => {
  const sql = `${PAST} AND session_id = 8`;
  assert.equal((await ask(sql)).text, '500\t500\n');
  assert.equal((await ask(sql)).cached, true);
  const erased = await fetch(`${server.url}/admin/erase?session=${(8).toString(16).padStart(16, '0')}`, {
    method: 'POST', headers: { Authorization: `Bearer ${TOKEN}` } });
  assert.equal(erased.status, 200, await erased.text());
  const { cached, text } = await ask(sql);
  assert.equal(cached, false);
  assert.match(text, /^0\t/);
});

test('what depends on the clock or the system is asked anew', async () => {
  for (const sql of ['SELECT count() FROM pageviews WHERE ts < now()', 'SELECT today(), count() FROM pageviews',
    'SELECT count() FROM pageviews WHERE ts < current_timestamp()', 'SELECT CURRENT_DATE(), count() FROM pageviews',
    'SELECT name FROM system.tables', 'SELECT 1', 'SHOW TABLES']) {
    await ask(sql);
    const { cached, status, text } = await ask(sql);
    assert.equal(status, 200, text);
    assert.equal(cached, false, sql);
  }
});

test('system.query_log has every query, who asked, and what it cost', async () => {
  const began = Date.now();
  await ask("SELECT uniqExact(ts) FROM pageviews WHERE ts < '2026-01-10 00:00:00' /* logged */", 'query_id=my-query&use_query_cache=0', { 'User-Agent': 'the-tester/1' });
  await ask('SELECT nothing FROM pageviews /* logged */');
  await ask('INSERT INTO events FORMAT JSONEachRow {"site":"shop","name":"logged, but not its data"}', 'query_id=my-insert');
  const { text } = await ask(`SELECT type, query_id, query_kind, query, read_rows, read_bytes > 0 AS bytes, written_rows, result_rows, memory_usage > 0 AS memory,
    exception_code, exception, user, http_user_agent, output_format, is_cached, query_start_time_ms, query_duration_us
    FROM system.query_log WHERE query LIKE '%logged */' OR query_id = 'my-insert' ORDER BY query_start_time_ms, query_id DESC FORMAT JSONEachRow`);
  assert.doesNotMatch(text, /^Code/);
  const rows = text.trim().split('\n').map((line) => JSON.parse(line));
  const [done] = rows.filter((row) => row.query_id === 'my-query');
  const [failed] = rows.filter((row) => row.exception_code === 47);
  const [inserted] = rows.filter((row) => row.query_id === 'my-insert');
  assert.equal(rows.length, 3, text);
  assert.equal(done.type, 'QueryFinish');
  assert.equal(done.query_kind, 'Select');
  assert.ok(done.read_rows >= 500 && done.bytes && done.memory && done.result_rows === 1);
  assert.equal(done.user, 'DRUM_TOKEN');
  assert.equal(done.http_user_agent, 'the-tester/1');
  assert.equal(done.output_format, 'TabSeparated');
  assert.equal(done.is_cached, false);
  assert.ok(done.query_duration_us > 0 && done.query_duration_us < 10e6);
  assert.ok(Math.abs(Date.parse(`${done.query_start_time_ms.replace(' ', 'T')}Z`) - began) < DAY_MS / 24);
  assert.equal(failed.type, 'ExceptionWhileProcessing');
  assert.match(failed.exception, /Unknown .*nothing/);
  assert.equal(inserted.query_kind, 'Insert');
  assert.equal(inserted.written_rows, 1);
  assert.equal(inserted.query, 'INSERT INTO events FORMAT JSONEachRow');
});

test('system.query_log shows a token its own queries, an admin\'s all', async () => {
  const data = path.join(directory, 'tokens'), before = server;
  fs.mkdirSync(data);
  const make = (role, name) => ({ Authorization: `Bearer ${spawnSync(DRUM, ['token', '--data', data, '--role', role, '--name', name]).stdout.toString().trim()}` });
  const ann = make('query', 'ann'), bob = make('query', 'bob'), root = make('admin', 'root');
  server = await serve(data);
  try {
    const log = async (who, sql = 'SELECT user, query FROM system.query_log WHERE query LIKE \'%secret%\' AND query NOT LIKE \'%query_log%\' ORDER BY user') => (await ask(sql, '', who)).text;
    for (const who of [ann, bob, root]) assert.equal((await ask('SELECT 7 AS secret', '', who)).status, 200);
    assert.equal(await log(ann), 'ann\tSELECT 7 AS secret\n');
    assert.equal(await log(bob), 'bob\tSELECT 7 AS secret\n');
    assert.equal(await log(root), 'ann\tSELECT 7 AS secret\nbob\tSELECT 7 AS secret\nroot\tSELECT 7 AS secret\n');
    const others = 'SELECT count() FROM (SELECT user FROM system.query_log) WHERE user != \'ann\'';
    assert.equal(await log(ann, others), '0\n');
    assert.ok(Number(await log(root, others)) >= 2);
    assert.ok(Number((await ask(others, '', {})).text) >= 2, 'DRUM_TOKEN is an admin\'s');
  } finally {
    await server.end();
    server = before;
  }
});

/** A search that takes minutes; its limit here is limits.query_s, 30. */
const slow = `SELECT count() FROM pageviews WHERE ${Array.from({ length: 400 }, (_, i) => `match(concat(path, '${'x'.repeat(200)}', toString(ts)), '(x?){900}y${i}')`).join(' OR ')}`;

test('a query ends when its client leaves: HTTP/1', async () => {
  const cancelled = await metric('queries_cancelled_total');
  const request = http.request(`${server.url}/`, { method: 'POST', headers: { Authorization: `Bearer ${TOKEN}` }, agent: false });
  request.on('error', () => {});
  request.end(slow);
  await until('the query to run', async () => await metric('queries_running') === 1);
  request.destroy();
  await until('its end', async () => await metric('queries_cancelled_total') === cancelled + 1);
  await until('nothing to run', async () => await metric('queries_running') === 0);
});

test('a query ends when its client leaves: HTTP/2', async () => {
  const cancelled = await metric('queries_cancelled_total');
  const session = http2.connect(server.url);
  const stream = session.request({ ':method': 'POST', ':path': '/', authorization: `Bearer ${TOKEN}` });
  stream.on('error', () => {});
  stream.end(slow);
  await until('the query to run', async () => await metric('queries_running') === 1);
  stream.close(http2.constants.NGHTTP2_CANCEL);
  await until('its end', async () => await metric('queries_cancelled_total') === cancelled + 1);
  session.destroy();
});
