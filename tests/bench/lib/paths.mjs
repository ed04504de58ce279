/*
 * Where benchmarks have their rows: a directory per number of rows in BENCH_DIR (default
 * build/bench). Must not need the peers.
 *
 * Environment: ROWS (default 20,000,000); RECORDS and DRUM_STORE name a file
 * of records and a loaded store made before, which are only read.
 */
import path from 'node:path';

export const rows = Number(process.env.ROWS ?? 20000000);
export const directory = path.join(process.env.BENCH_DIR ?? 'build/bench', String(rows));
export const tool = 'build/tests/bench/bench_store';
export const records = process.env.RECORDS ?? path.join(directory, 'rows.bin');
export const store = process.env.DRUM_STORE ?? path.join(directory, 'store');
