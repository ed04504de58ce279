/*
 * The store against the peers that a user would pick instead, on the same rows
 * (rows.h): time to load, bytes on disk, write amplification. Prints Markdown.
 * Usage: node tests/bench/store.mjs; ROWS (default 20,000,000) and BENCH_DIR (a
 * directory with 700 bytes a row) in the environment.
 *
 * drum takes rows as structures, syncs every group of 8,000, flushes and merges
 * everything; the peers take CSV. ClickHouse is loaded twice, with LZ4 and the
 * codecs an expert would choose, and with ZSTD(1); DuckDB as it is, and sorted
 * with enums. Each engine has the machine to itself.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);
const rows = Number(process.env.ROWS ?? 20000000);
const directory = process.argv[2] === '--peer' ? process.argv[4]
  : fs.mkdtempSync(path.join(process.env.BENCH_DIR ?? os.tmpdir(), 'drum-bench-'));
const tool = 'build/tests/bench/bench_store';
const file = path.join(directory, 'rows.bin');
const csv = path.join(directory, 'rows.csv');

const STRINGS = ['site', 'path', 'country', 'region', 'device', 'browser', 'browser_version', 'os', 'connection', 'release', 'nav_type'];
const METRICS = ['dns', 'tcp', 'tls', 'ttfb', 'download', 'dom_interactive', 'dom_content_loaded', 'load', 'fcp', 'lcp', 'inp', 'cls'];
const COLUMNS = ['ts', 'site', 'path', 'country', 'region', 'asn', 'device', 'browser', 'browser_version', 'os', 'connection', 'release', 'session_id', 'view_id', 'nav_type', ...METRICS, '_sample_interval'];

const seconds = (start) => (performance.now() - start) / 1000;
const shown = (n, digits = 1) => n.toLocaleString('en-US', { maximumFractionDigits: digits });

function clickhouseType(column) {
  if (column === 'ts') return 'Int64';
  if (STRINGS.includes(column)) return 'String';
  if (METRICS.includes(column)) return 'Nullable(UInt32)';
  return column.endsWith('_id') ? 'UInt64' : 'UInt32';
}

function clickhouseColumn(column, zstd) {
  const codec = (chain) => (zstd ? `CODEC(${chain ? `${chain}, ` : ''}ZSTD(1))` : `CODEC(${chain ? `${chain}, ` : ''}LZ4)`);
  if (column === 'ts') return `ts DateTime64(3) ${codec('Delta(8)')}`;
  if (STRINGS.includes(column)) return `${column} LowCardinality(String) ${codec('')}`;
  if (METRICS.includes(column)) return `${column} Nullable(UInt32) ${codec('T64')}`;
  if (column === 'view_id') return 'view_id UInt64 CODEC(NONE)';
  if (column === 'session_id') return `session_id UInt64 ${codec('')}`;
  return `${column} UInt32 ${codec('T64')}`;
}

function loadClickhouse(zstd) {
  const { Session } = require('chdb');
  const session = new Session(path.join(directory, `clickhouse-${zstd}`));
  const structure = COLUMNS.map((c) => `${c} ${clickhouseType(c)}`).join(', ');
  session.query('CREATE DATABASE IF NOT EXISTS b ENGINE = Atomic');
  session.query(`CREATE TABLE b.pageviews (${COLUMNS.map((c) => clickhouseColumn(c, zstd)).join(', ')}) ENGINE = MergeTree ORDER BY (site, ts)`);
  const start = performance.now();
  session.query(`INSERT INTO b.pageviews SELECT fromUnixTimestamp64Milli(ts) AS ts, ${COLUMNS.slice(1).join(', ')} FROM file('${csv}', CSV, '${structure}')`);
  const loaded = seconds(start);
  session.query('OPTIMIZE TABLE b.pageviews FINAL');
  const merged = seconds(start);
  const bytes = Number(session.query("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'b'", 'CSV'));
  const count = Number(session.query('SELECT count() FROM b.pageviews', 'CSV'));
  session.cleanup();
  if (count !== rows) throw new Error(`ClickHouse has ${count} rows`);
  return { name: zstd ? 'ClickHouse, codecs + ZSTD(1)' : 'ClickHouse, codecs + LZ4', loaded, merged, bytes };
}

async function loadDuckdb() {
  const { DuckDBInstance } = require('@duckdb/node-api');
  const database = path.join(directory, 'duck.db');
  const instance = await DuckDBInstance.create(database);
  const connection = await instance.connect();
  const type = (c) => (c === 'ts' ? 'BIGINT' : STRINGS.includes(c) ? 'VARCHAR' : c.endsWith('_id') ? 'UBIGINT' : 'UINTEGER');
  await connection.run(`CREATE TABLE raw (${COLUMNS.map((c) => `"${c}" ${type(c)}`).join(', ')})`);
  const start = performance.now();
  await connection.run(`COPY raw FROM '${csv}' (HEADER false)`);
  await connection.run('CHECKPOINT');
  const loaded = seconds(start);
  const bytes = fs.statSync(database).size;
  for (const c of STRINGS) await connection.run(`CREATE TYPE e_${c} AS ENUM (SELECT DISTINCT "${c}" FROM raw WHERE "${c}" IS NOT NULL)`);
  const sorted = path.join(directory, 'sorted.db');
  await connection.run(`ATTACH '${sorted}' AS s`);
  for (const c of STRINGS) await connection.run(`CREATE TYPE s.e_${c} AS ENUM (SELECT DISTINCT "${c}" FROM raw WHERE "${c}" IS NOT NULL)`);
  await connection.run(`CREATE TABLE s.pageviews AS SELECT ${COLUMNS.map((c) => (STRINGS.includes(c) ? `"${c}"::s.e_${c} AS "${c}"` : `"${c}"`)).join(', ')} FROM raw ORDER BY site, ts`);
  await connection.run('CHECKPOINT s');
  const result = [{ name: 'DuckDB', loaded, merged: loaded, bytes },
    { name: 'DuckDB, sorted, enums', loaded: seconds(start), merged: seconds(start), bytes: fs.statSync(sorted).size }];
  connection.closeSync();
  instance.closeSync();
  return result;
}

const PEERS = { lz4: () => [loadClickhouse(false)], zstd: () => [loadClickhouse(true)], duckdb: loadDuckdb };

/* Each in a process of its own: none has another's memory or threads. */
function run(peer) {
  const output = execFileSync(process.execPath, [fileURLToPath(import.meta.url), '--peer', peer, directory], { maxBuffer: 1 << 24 });
  return JSON.parse(output.toString().trim().split('\n').at(-1));
}

function line(name, loaded, merged, bytes, json) {
  console.log(`| ${name} | ${shown(rows / loaded, 0)} | ${shown(rows / merged, 0)} | ${shown(bytes / rows)} | ${shown(json / (bytes / rows))} : 1 |`);
}

/* The size of the rows as native beacons, for the ratio. */
const JSON_BYTES = 850;

async function main() {
  const store = path.join(directory, 'store');
  execFileSync(tool, ['generate', String(rows), '1', file]);
  const ours = JSON.parse(execFileSync(tool, ['load', file, store]).toString());
  fs.rmSync(store, { recursive: true });
  execFileSync('sh', ['-c', `'${tool}' csv '${file}' > '${csv}'`]);
  fs.rmSync(file);
  const peers = Object.keys(PEERS).flatMap(run);
  console.log(`\n### Store: ${shown(rows, 0)} page views, ${COLUMNS.length} columns\n`);
  console.log('| engine | rows/s loaded | rows/s loaded and merged | bytes a row | JSON : disk |');
  console.log('|---|---|---|---|---|');
  const total = ours.append_s + ours.flush_s + ours.merge_s;
  line('drum', ours.append_s + ours.flush_s, total, ours.bytes_per_row * rows, JSON_BYTES);
  for (const peer of peers) line(peer.name, peer.loaded, peer.merged, peer.bytes, JSON_BYTES);
  const expert = peers.find((p) => p.name.includes('LZ4')).bytes / rows;
  const fastest = Math.max(...peers.map((p) => rows / p.loaded));
  console.log('\n| target | measured | |');
  console.log('|---|---|---|');
  const target = (text, value, met) => console.log(`| ${text} | ${value} | ${met ? 'met' : 'NOT met'} |`);
  target('bytes a row at most 0.85 of ClickHouse LZ4 with codecs', shown(ours.bytes_per_row / expert, 2), ours.bytes_per_row <= 0.85 * expert);
  target('merged rows/s at least 2 of the fastest peer', shown(rows / total / fastest, 2), rows / total >= 2 * fastest);
  target('write amplification at most 3', shown(ours.write_amplification, 2), ours.write_amplification <= 3);
  target('JSON : disk at least 18 : 1', shown(JSON_BYTES / ours.bytes_per_row), JSON_BYTES / ours.bytes_per_row >= 18);
  console.log(`\nWAL: ${shown(ours.wal_bytes_per_row)} bytes a row. CPU: ${shown(ours.cpu_us_per_row, 2)} us a row.`);
}

try {
  if (process.argv[2] === '--peer') console.log(JSON.stringify(await PEERS[process.argv[3]]()));
  else await main();
} finally {
  if (process.argv[2] !== '--peer') fs.rmSync(directory, { recursive: true, force: true });
}
