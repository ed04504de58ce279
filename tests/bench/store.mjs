/*
 * The store against the peers that a user would pick instead, on the same rows:
 * time to load, bytes on disk, write amplification, decoding, recovery. Prints
 * Markdown. Usage: node tests/bench/store.mjs; ROWS, BENCH_DIR, FRESH and others
 * as lib/paths.mjs says, RESULTS the file of results to renew.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { directory, records, rows, store, tool } from './lib/paths.mjs';
import { COLUMNS, chdbVersion, duckdbVersion, loadAll } from './lib/peers.mjs';
import { report, shown, table, targets, verdict } from './lib/results.mjs';

/* ns a value that a plain C prototype needed to decode the same encodings, on
 * another machine (Xeon with AVX-512). */
const PROTOTYPE = { ts: 0.3, path: 0.12, country: 0.05, device: 0.03, browser: 0.3, connection: 0.3, session_id: 0.9, ttfb: 0.16, lcp: 0.15, inp: 0.35, cls: 0.14, _sample_interval: 0.3 };
const SAMPLE_VIEWS = 100000;

/* Bytes of a native beacon as JSON. */
function beaconBytes() {
  const made = spawnSync('build/drum', ['generate', '--views', String(SAMPLE_VIEWS), '--seed', '1', '--days', '28'], { maxBuffer: 2 ** 30 });
  if (made.status !== 0) throw new Error(`drum generate: ${made.stderr}`);
  return made.stdout.length / made.stdout.reduce((lines, byte) => lines + (byte === 10), 0);
}

function recovery() {
  const place = path.join(directory, 'recover');
  fs.rmSync(place, { recursive: true, force: true });
  const got = JSON.parse(execFileSync(tool, ['recover', records, place], { stdio: ['ignore', 'pipe', 'ignore'] }).toString());
  fs.rmSync(place, { recursive: true });
  return got.recover_s / (got.wal_bytes / 2 ** 30);
}

function decoding() {
  const got = JSON.parse(execFileSync(tool, ['decode', store]));
  for (const column of Object.keys(PROTOTYPE))
    goals.add(`decoding ${column}, ns a value`, 'at most 1.5 of the prototype', shown(got[column], 2), got[column] <= 1.5 * PROTOTYPE[column], PROTOTYPE[column], shown(got[column] / PROTOTYPE[column]));
  return COLUMNS.map((column) => {
    const limit = PROTOTYPE[column];
    return [column, shown(got[column], 2), limit ? shown(limit, 2) : '–', limit ? shown(got[column] / limit) : '–', limit ? verdict(got[column] <= 1.5 * limit) : '–'];
  });
}

const drumFirst = loadAll();
const [drum, ...peers] = drumFirst;
const json = beaconBytes();
const rate = (load) => (load ? shown(rows / load.wall, 0) : '–');
const cpu = (load) => (load ? shown((load.cpu / rows) * 1e6, 2) : '–');
const engines = drumFirst.map((one) => [one.name, rate(one.loaded), rate(one.merged), cpu(one.merged), shown(one.bytes / rows), `${shown((json * rows) / one.bytes)} : 1`,
  one.when ?? '–', one.load ? shown(one.load) : '–']);

const lz4 = peers.find((peer) => peer.name.includes('LZ4'));
const fastest = peers.reduce((a, b) => (a.merged.wall <= b.merged.wall ? a : b));
const leastCpu = peers.reduce((a, b) => (a.merged.cpu <= b.merged.cpu ? a : b));
const goals = targets();
const target = (what, limit, value, other, ratio, met) => goals.add(what, limit, value, met, other, ratio);
const size = drum.bytes / lz4.bytes;
target('bytes a row', 'at most 0.85 of ClickHouse LZ4', shown(drum.bytes / rows), shown(lz4.bytes / rows), shown(size, 2), size <= 0.85);
target('raw JSON : disk', 'at least 18 : 1', shown((json * rows) / drum.bytes), shown((json * rows) / lz4.bytes), '–', (json * rows) / drum.bytes >= 18);
if (drum.merged) {
  const faster = fastest.merged.wall / drum.merged.wall;
  const less = leastCpu.merged.cpu / drum.merged.cpu;
  target('rows/s to a durable, merged store', 'at least 2 x the fastest peer', rate(drum.merged), `${rate(fastest.merged)} (${fastest.name})`, shown(faster, 2), faster >= 2);
  target('the same by CPU time, us a row', 'at most 1/2 of the least', cpu(drum.merged), `${cpu(leastCpu.merged)} (${leastCpu.name})`, shown(less, 2), less >= 2);
  target('write amplification', 'at most 3', shown(drum.write_amplification, 2), '–', '–', drum.write_amplification <= 3);
}
const recovered = recovery();
target('recovery, s a GiB of WAL', 'at most 5', shown(recovered, 2), '–', '–', recovered <= 5);

const decoded = decoding();
report(`Store, ${shown(rows)} rows`, `ROWS=${rows} node tests/bench/store.mjs`, [
  `${COLUMNS.length} columns; ClickHouse ${chdbVersion} (chdb, MergeTree ORDER BY (site, ts), OPTIMIZE FINAL), DuckDB ${duckdbVersion}. drum takes structures and syncs them in groups of 8,000 rows, up to four of which are under way; the peers take CSV and sync nothing. A beacon as JSON has ${shown(json, 0)} bytes (drum generate, ${shown(SAMPLE_VIEWS)} views).`,
  table(['engine', 'rows/s loaded', 'rows/s loaded and merged', 'CPU, us a row', 'bytes a row', 'JSON : disk', 'loaded at, UTC', 'load average'], engines),
  goals.table(),
  ...(drum.wal_bytes_per_row ? [`WAL: ${shown(drum.wal_bytes_per_row)} bytes a row, ${shown(drum.wal_sync_s)} s in fdatasync.`] : []),
  'Decoding, ns a value (CPU time, whole columns in the slices that queries read, least of 64 rounds):',
  table(['column', 'drum', 'prototype', 'ratio', 'within 1.5 x'], decoded)]);
