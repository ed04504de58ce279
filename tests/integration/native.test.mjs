/*
 * Goal: ClickHouse itself understands drum's Native, the format of Grafana's
 * plugin, clickhouse-connect and Superset, and writes what it found there as
 * drum does in every other format, byte for byte. Method: queries of every type
 * over fixed rows. Where chdb is installed (tests/bench) it reads the bytes of
 * this run and writes them in each format; elsewhere drum's must be the
 * recorded ones (native.json: Native, ClickHouse's JSON of it, and a hash of
 * each format's text).
 *
 *   RECORD=1 node --test tests/integration/native.test.mjs   (needs chdb)
 */
import assert from 'node:assert';
import crypto from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';

import { TOKEN, keepAll, serve } from '../serve.mjs';

const RECORDED = 'tests/integration/native.json';
const READABLE = 'JSONCompactEachRowWithNamesAndTypes';
const recorded = fs.existsSync(RECORDED) ? JSON.parse(fs.readFileSync(RECORDED, 'utf8')) : {};
let directory, server, chdb;

try {
  chdb = createRequire(path.resolve('tests/bench/package.json'))('chdb');
} catch {
  // not installed: the recorded bytes are compared
}

const queries = [
  'SELECT 1 AS u8, 256 AS u16, 65536 AS u32, 4294967296 AS u64, 18446744073709551615 AS max',
  'SELECT -1 AS i8, -129 AS i16, -40000 AS i32, -3000000000 AS i64',
  "SELECT 'text' AS s, '' AS nothing, 'ä\\n\\t\\'\"' AS odd",
  'SELECT 0.1 AS f, -1e300 AS small, 1 / 0 AS inf, -1 / 0 AS minus, 0 / 0 AS nan',
  'SELECT true AS t, false AS f',
  'SELECT NULL AS n',
  "SELECT toDate('2026-01-02') AS d, toDateTime('2026-01-02 03:04:05') AS t, toDateTime64('2026-01-02 03:04:05.678', 3) AS t64",
  'SELECT ts, site, path, session_id, view_id, tags, _sample_interval FROM pageviews ORDER BY ts',
  'SELECT lcp, cls, viewport_width, save_data, asn, error_count FROM pageviews ORDER BY ts',
  'SELECT name, value, text FROM events ORDER BY value, name',
  'SELECT device, count() AS n, avg(lcp), quantile(0.75)(lcp), min(ts), max(ts), sum(error_count) FROM pageviews GROUP BY device ORDER BY device',
  'SELECT quantiles(0.5, 0.9)(lcp) AS q FROM pageviews',
  'SELECT uniqExact(site) AS u, countIf(lcp > 1000) AS slow FROM pageviews',
  "SELECT site FROM pageviews WHERE site = 'nobody'",
  'SELECT toStartOfHour(ts) AS hour, count() AS n FROM pageviews GROUP BY hour ORDER BY hour',
  'SELECT name FROM events ORDER BY name LIMIT 300',
  'SHOW TABLES',
];

const FORMATS = [...fs.readFileSync('server/format.def', 'utf8').matchAll(/^FORMAT\(\w+,\s+"(\w+)"/gm)]
  .map(([, name]) => name).filter((name) => !['Native', 'Null'].includes(name));

/** Without what differs from run to run. */
const stable = (text) => text.replace(/,\s*"rows_before_limit_at_least": \d+/, '').replace(/,\s*"statistics":\s*\{[^}]*\}/, '');
const hash = (text) => crypto.createHash('sha256').update(text).digest('base64').slice(0, 12);

async function ask(sql, format, parameters = '') {
  const answer = await fetch(`${server.url}/?default_format=${format}${parameters}`, {
    method: 'POST', body: sql, headers: { Authorization: `Bearer ${TOKEN}`, 'Accept-Encoding': 'identity' } });
  const bytes = Buffer.from(await answer.arrayBuffer());
  assert.equal(answer.status, 200, `${sql}: ${bytes}`);
  assert.equal(answer.headers.get('x-clickhouse-format'), format);
  return bytes;
}

async function insert(head, rows) {
  const answer = await fetch(`${server.url}/?query=${encodeURIComponent(`INSERT INTO ${head}`)}`, {
    method: 'POST', body: rows.join('\n'), headers: { Authorization: `Bearer ${TOKEN}` } });
  assert.equal(answer.status, 200, await answer.text());
}

/** What ClickHouse reads in the bytes, as text. */
function readByClickHouse(bytes, format = READABLE) {
  const file = path.join(directory, 'answer.native');
  fs.writeFileSync(file, bytes);
  return chdb.query(`SELECT * FROM file('${file}', 'Native') SETTINGS output_format_json_quote_64bit_integers = 0, output_format_pretty_single_large_number_tip_threshold = 0, max_threads = 1`, format);
}

before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-native-'));
  server = await serve(path.join(directory, 'data'), keepAll(directory));
  const views = Array.from({ length: 40 }, (_, i) => JSON.stringify({
    ts: 1767322800000 + i * 600123, site: i % 7 ? 'shop' : 'news', path: ['/', '/a', '/ä/b'][i % 3],
    device: ['mobile', 'desktop', ''][i % 3], session_id: `${2n ** 63n + BigInt(i)}`, view_id: i,
    lcp: i % 4 ? i * 100.5 : null, cls: i % 5 ? i / 1000 : null, viewport_width: i % 2 ? 400 + i : null,
    save_data: i % 2, asn: i * 1000, error_count: i % 3, _sample_interval: 1,
    tags: i % 2 ? { plan: 'pro', n: `${i}` } : {} }));
  await insert('pageviews FORMAT JSONEachRow', views);
  const events = Array.from({ length: 300 }, (_, i) => `shop\tname ${i}\t${i % 10 ? i / 8 : '\\N'}\ttext ${i % 3}`);
  await insert('events (site, name, value, text) FORMAT TabSeparated', events);
  assert.equal(await server.query('SELECT count() FROM pageviews'), '40\n');
  assert.equal(await server.query('SELECT count() FROM events'), '300\n');
});

after(async () => {
  assert.equal(await server.end(), 0);
  fs.rmSync(directory, { recursive: true });
  if (process.env.RECORD) fs.writeFileSync(RECORDED, `${JSON.stringify(recorded, null, 1)}\n`);
});

for (const sql of queries) {
  test(sql, async () => {
    const bytes = await ask(sql, 'Native');
    const own = `${await ask(sql, READABLE)}`;
    if (chdb) {
      const read = bytes.length === 0 ? '' : readByClickHouse(bytes);
      if (process.env.RECORD) recorded[sql] = { native: bytes.toString('base64'), read };
      assert.equal(own, read || own, 'ClickHouse reads what drum says');
    }
    assert.ok(recorded[sql], 'a recorded answer: run with RECORD=1');
    assert.equal(bytes.toString('base64'), recorded[sql].native);
    assert.equal(own, recorded[sql].read || own);
  });

  test(`as any other format: ${sql}`, async () => {
    const bytes = await ask(sql, 'Native'), hashes = {};
    for (const format of FORMATS) {
      const text = stable(`${await ask(sql, format)}`);
      if (chdb && bytes.length > 0) assert.equal(text, stable(readByClickHouse(bytes, format)), format);
      hashes[format] = hash(text);
    }
    if (chdb && process.env.RECORD) recorded[sql].formats = hashes;
    assert.deepEqual(hashes, recorded[sql].formats);
  });
}

test('WITH TOTALS, in every format', async () => {
  const sql = (from) => `SELECT device, count() AS n, max(lcp) AS slowest FROM ${from} GROUP BY device WITH TOTALS ORDER BY device`;
  const rows = await ask('SELECT device, lcp FROM pageviews', 'Native'), hashes = {};
  const file = path.join(directory, 'rows.native');
  fs.writeFileSync(file, rows);
  for (const format of FORMATS) {
    const text = stable(`${await ask(sql('pageviews'), format)}`);
    if (chdb)
      assert.equal(text, stable(chdb.query(`${sql(`file('${file}', 'Native')`)} SETTINGS output_format_json_quote_64bit_integers = 0`, format)), format);
    hashes[format] = hash(text);
  }
  if (chdb && process.env.RECORD) recorded.totals = hashes;
  assert.deepEqual(hashes, recorded.totals);
});

test('blocks of 65536 rows, and dictionaries of more than 256 and 65536 strings', async () => {
  const rows = Array.from({ length: 70000 }, (_, i) => `wide\tn${i}\t${i}`);
  await insert('events (site, name, value) FORMAT TabSeparated', rows);
  const sql = "SELECT site, name, value FROM events WHERE site = 'wide' ORDER BY value";
  const bytes = await ask(sql, 'Native');
  assert.ok(bytes.length > 70000 * 14);
  if (!chdb) return;
  assert.equal(readByClickHouse(bytes), `${await ask(sql, READABLE)}`);
});
