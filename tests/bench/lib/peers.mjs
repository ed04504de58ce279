/*
 * The same rows (rows.h) in drum, ClickHouse and DuckDB, loaded once and kept
 * where paths.mjs says for the next run, with 700 bytes a row. What is there
 * stays; FRESH=1 loads again.
 *
 * drum takes rows as structures, syncs every group of 8,000, flushes and merges
 * everything; the peers take CSV. ClickHouse is loaded twice, with LZ4 and the
 * codecs an expert would choose, and with ZSTD(1); DuckDB as it is, and sorted
 * with enums. Each load has a process of its own.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { directory, records, rows, store, tool } from './paths.mjs';

const require = createRequire(import.meta.url);
const csv = path.join(directory, 'rows.csv');

const STRINGS = ['site', 'path', 'country', 'region', 'device', 'browser', 'browser_version', 'os', 'connection', 'release', 'nav_type'];
const METRICS = ['dns', 'tcp', 'tls', 'ttfb', 'download', 'dom_interactive', 'dom_content_loaded', 'load', 'fcp', 'lcp', 'inp', 'cls'];
export const COLUMNS = ['ts', 'site', 'path', 'country', 'region', 'asn', 'device', 'browser', 'browser_version', 'os', 'connection', 'release', 'session_id', 'view_id', 'nav_type', ...METRICS, '_sample_interval'];

/* Wall and CPU seconds since `start`, which a call without it gives. */
export function clock(start) {
  if (!start) return { wall: performance.now(), cpu: process.cpuUsage() };
  const { user, system } = process.cpuUsage(start.cpu);
  return { wall: (performance.now() - start.wall) / 1000, cpu: (user + system) / 1e6 };
}

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

export const clickhouseDirectory = (zstd) => path.join(directory, `clickhouse-${zstd ? 'zstd' : 'lz4'}`);
export const duckdbFile = path.join(directory, 'sorted.db');

/* The peers as they come, from tests/bench/node_modules. */
export const openClickhouse = (place) => new (require('chdb').Session)(place);
export const { version: chdbVersion } = require('@chdb/lib-linux-x64-gnu/package.json');
export const { version: duckdbVersion } = require('@duckdb/node-api/package.json');
export const duckdb = () => require('@duckdb/node-api').DuckDBInstance;

function loadClickhouse(zstd) {
  fs.rmSync(clickhouseDirectory(zstd), { recursive: true, force: true });
  const session = openClickhouse(clickhouseDirectory(zstd));
  const structure = COLUMNS.map((c) => `${c} ${clickhouseType(c)}`).join(', ');
  session.query('CREATE DATABASE IF NOT EXISTS b ENGINE = Atomic');
  session.query(`CREATE TABLE b.pageviews (${COLUMNS.map((c) => clickhouseColumn(c, zstd)).join(', ')}) ENGINE = MergeTree ORDER BY (site, ts)`);
  const start = clock();
  session.query(`INSERT INTO b.pageviews SELECT fromUnixTimestamp64Milli(ts) AS ts, ${COLUMNS.slice(1).join(', ')} FROM file('${path.resolve(csv)}', CSV, '${structure}')`);
  const loaded = clock(start);
  session.query('OPTIMIZE TABLE b.pageviews FINAL');
  const merged = clock(start);
  const bytes = Number(session.query("SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'b'", 'CSV'));
  const count = Number(session.query('SELECT count() FROM b.pageviews', 'CSV'));
  session.query('SYSTEM STOP MERGES b.pageviews');
  if (count !== rows) throw new Error(`ClickHouse has ${count} rows`);
  return [{ name: zstd ? 'ClickHouse, codecs + ZSTD(1)' : 'ClickHouse, codecs + LZ4', loaded, merged, bytes }];
}

async function loadDuckdb() {
  const database = path.join(directory, 'duck.db');
  for (const file of [database, duckdbFile]) fs.rmSync(file, { force: true });
  const instance = await duckdb().create(database);
  const connection = await instance.connect();
  const type = (c) => (c === 'ts' ? 'BIGINT' : STRINGS.includes(c) ? 'VARCHAR' : c.endsWith('_id') ? 'UBIGINT' : 'UINTEGER');
  await connection.run(`CREATE TABLE raw (${COLUMNS.map((c) => `"${c}" ${type(c)}`).join(', ')})`);
  const start = clock();
  await connection.run(`COPY raw FROM '${csv}' (HEADER false)`);
  await connection.run('CHECKPOINT');
  const loaded = clock(start);
  const bytes = fs.statSync(database).size;
  await connection.run(`ATTACH '${duckdbFile}' AS s`);
  for (const c of STRINGS) await connection.run(`CREATE TYPE s.e_${c} AS ENUM (SELECT DISTINCT "${c}" FROM raw WHERE "${c}" IS NOT NULL)`);
  await connection.run(`CREATE TABLE s.pageviews AS SELECT ${COLUMNS.map((c) => (STRINGS.includes(c) ? `"${c}"::s.e_${c} AS "${c}"` : `"${c}"`)).join(', ')} FROM raw ORDER BY site, ts`);
  await connection.run('CHECKPOINT s');
  const sorted = clock(start);
  const result = [{ name: 'DuckDB', loaded, merged: loaded, bytes },
    { name: 'DuckDB, sorted, enums', loaded: sorted, merged: sorted, bytes: fs.statSync(duckdbFile).size }];
  connection.closeSync();
  instance.closeSync();
  fs.rmSync(database);
  return result;
}

function loadDrum() {
  fs.rmSync(store, { recursive: true, force: true });
  const got = JSON.parse(execFileSync(tool, ['load', records, store]).toString());
  const cpu = (got.cpu_us_per_row * rows) / 1e6;
  const loaded = { wall: got.append_s + got.flush_s, cpu };
  return [{ name: 'drum', loaded, merged: { wall: loaded.wall + got.merge_s, cpu }, bytes: got.bytes_per_row * rows, ...got }];
}

const LOADS = { 'clickhouse-lz4': () => loadClickhouse(false), 'clickhouse-zstd': () => loadClickhouse(true), duckdb: loadDuckdb };

/* Figures of a load, made now or kept from before. */
function figures(name, load) {
  const file = path.join(directory, `${name}.json`);
  if (process.env.FRESH || !fs.existsSync(file)) {
    const when = new Date().toISOString().slice(0, 16).replace('T', ' ');
    const made = load().map((one) => ({ ...one, when, load: os.loadavg()[0] }));
    fs.writeFileSync(file, JSON.stringify(made));
  }
  return JSON.parse(fs.readFileSync(file));
}

function loadApart(name) {
  const output = execFileSync(process.execPath, [fileURLToPath(import.meta.url), name], { maxBuffer: 1 << 24, stdio: ['ignore', 'pipe', 'inherit'] });
  return JSON.parse(output.toString().trim().split('\n').at(-1));
}

/** The loads' figures, drum's first: name, bytes, loaded and merged (seconds of
 * wall and CPU time), when and at which load average at the end. A store given by DRUM_STORE has only its bytes. */
export function loadAll() {
  fs.mkdirSync(directory, { recursive: true });
  if (!fs.existsSync(records)) execFileSync(tool, ['generate', String(rows), '1', records]);
  if (fs.statSync(records).size !== rows * 96) throw new Error(`${records} has not ${rows} records`);
  if (!fs.existsSync(csv)) execFileSync('sh', ['-c', `'${tool}' csv '${records}' > '${csv}.part' && mv '${csv}.part' '${csv}'`]);
  const drum = process.env.DRUM_STORE ? [{ name: 'drum', bytes: segmentBytes(store) }] : figures('drum', loadDrum);
  return [...drum, ...Object.keys(LOADS).flatMap((name) => figures(name, () => loadApart(name)))];
}

function segmentBytes(place) {
  const files = fs.readdirSync(place, { withFileTypes: true, recursive: true });
  return files.filter((f) => f.isFile() && !f.parentPath.endsWith('/wal'))
    .reduce((sum, f) => sum + fs.statSync(path.join(f.parentPath, f.name)).size, 0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(JSON.stringify(await LOADS[process.argv[2]]()));
  process.exit(0); // ClickHouse's own threads do not end by themselves
}
