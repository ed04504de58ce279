/*
 * The engines of lib/peers.mjs as processes that answer: each peer one that stays,
 * for data that are warm, and any engine one of its own, whose files have been put
 * out of the page cache when it gets its only question.
 */
import { execFileSync, fork, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { store, tool } from './paths.mjs';
import { clickhouseDirectory, clock, duckdb, duckdbFile, openClickhouse } from './peers.mjs';

const TIMES = 2, FOR_MS = 500; // at least, of a peer's query, warm; bench_store asks drum as long

/* ---- in the peer's process, which answers { sql, threads, times, ms } --------------- */

function clickhousePeer() {
  const session = openClickhouse(clickhouseDirectory(false));
  return (sql, threads) => session.query(`${sql} SETTINGS max_threads = ${threads}, use_query_condition_cache = 0, use_uncompressed_cache = 0`, 'TSV');
}

async function duckdbPeer() {
  const instance = await duckdb().create(duckdbFile, { access_mode: 'READ_ONLY' });
  const connection = await instance.connect();
  let set = 0;
  return async (sql, threads) => {
    if (set !== threads) await connection.run(`SET threads = ${(set = threads)}`);
    return (await connection.runAndReadAll(sql)).getRows();
  };
}

async function servePeer(name) {
  const ask = await (name === 'clickhouse' ? clickhousePeer() : duckdbPeer());
  process.on('message', async ({ sql, threads, times, ms }) => {
    const least = { wall: Infinity, cpu: Infinity };
    const began = performance.now();
    let answer;
    for (let i = 0; i < times || performance.now() - began < ms; i++) {
      const start = clock();
      answer = await ask(sql, threads);
      const taken = clock(start);
      for (const key of ['wall', 'cpu']) least[key] = Math.min(least[key], taken[key] * 1000);
    }
    if (typeof answer === 'string') answer = answer.trim().split('\n').map((line) => line.split('\t'));
    process.send({ ...least, answer: answer.map((row) => row.map(String)) });
  });
  process.on('disconnect', () => process.exit(0));
}

/* ---- warm ----------------------------------------------------------------------- */

/** ask(sql, threads): the least { wall, cpu } in ms of some runs, and the answer. */
export function startPeer(name) {
  const child = fork(fileURLToPath(import.meta.url), ['--peer', name]);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const ask = (sql, threads, times = TIMES, ms = FOR_MS) => new Promise((resolve, reject) => {
    const early = (code) => reject(new Error(`${name} ended with ${code}: ${sql}`));
    child.once('exit', early);
    child.once('message', (message) => {
      child.off('exit', early);
      resolve(message);
    });
    child.send({ sql, threads, times, ms });
  });
  return { ask, end: () => (child.disconnect(), ended) };
}

/** The same of drum, a query of lib/queries.mjs. */
export function askDrum(query, threads) {
  const [[wall, cpu]] = JSON.parse(execFileSync(tool, [kind(query), store, String(threads), query.drum]));
  return { wall, cpu };
}

const kind = (query) => (query.weighted ? 'weighted' : 'query');

/** Its rows of cells. */
export const drumAnswer = (query) => execFileSync(tool, ['answer', kind(query), store, query.drum], { maxBuffer: 1 << 26 })
  .toString().trim().split('\n').map((line) => line.split('\t'));

/* ---- cold ----------------------------------------------------------------------- */

/* No file below `place` has pages in the cache, but those that a process has mapped
 * and read. */
function forgetFiles(place) {
  execFileSync('sync', ['-f', place]);
  execFileSync('find', [place, '-type', 'f', '-exec', 'dd', 'if={}', 'iflag=nocache', 'count=0', 'status=none', ';']);
}

async function coldPeer(name, sql, threads) {
  const peer = startPeer(name);
  await peer.ask('SELECT 1', threads, 1, 0);
  forgetFiles(name === 'clickhouse' ? clickhouseDirectory(false) : duckdbFile);
  const { wall } = await peer.ask(sql, threads, 1, 0);
  await peer.end();
  return wall;
}

async function coldDrum(query, threads) {
  const child = spawn(tool, ['first', kind(query), store, String(threads), query.drum], { stdio: ['pipe', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  await lines.next(); // it is open
  forgetFiles(store);
  child.stdin.end('\n');
  const [[wall]] = JSON.parse((await lines.next()).value);
  return wall;
}

/** ms of wall time of the first query (a peer's: sql) after a start, nothing in the page cache. */
export const askCold = (engine, query, sql, threads) => (engine === 'drum' ? coldDrum(query, threads) : coldPeer(engine, sql, threads));

if (process.argv[2] === '--peer') await servePeer(process.argv[3]);
