/*
 * Nine questions to drum, ClickHouse and DuckDB over the same rows, with one
 * thread and with two, data warm. Usage: node tests/bench/query.mjs; ROWS,
 * BENCH_DIR and others as lib/paths.mjs says, ROUNDS (default 5), RESULTS the
 * file of results to renew.
 *
 * First the answers: counts are equal, quantiles of large groups within 1 % of the exact ones, distinct values within 4 %. A peer's
 * function that is worse is not timed; of the others the fastest counts. Then
 * the engines take turns of half a second or more, and the least of all rounds counts: with
 * one thread CPU time, which other programs disturb least, with two wall time. Last the
 * same cold: each engine is started for one question, and the page cache has
 * nothing of its files; the median of the rounds counts.
 */
import { askCold, askDrum, drumAnswer, startPeer } from './lib/ask.mjs';
import { rows } from './lib/paths.mjs';
import { chdbVersion, duckdbVersion, loadAll } from './lib/peers.mjs';
import { QUERIES } from './lib/queries.mjs';
import { report, shown, table, targets, verdict } from './lib/results.mjs';

const rounds = Number(process.env.ROUNDS ?? 5);

/* ---- answers --------------------------------------------------------------- */

/* Numbers by key, in the peers' units; rows by time are in order instead. */
function normalise(query, answer, ours) {
  const ordered = / ORDER BY [hd]$/.test(query.drum);
  return new Map(answer.map((row, i) => {
    const values = row.slice(query.keys).flatMap((cell) => (cell.match(/[-+\d.e]+/g) ?? [NaN]).map(Number));
    const scaled = values.map((value, at) => (ours && typeof query.kinds[at] === 'number' ? value * query.kinds[at] : value));
    return [ordered ? i : row.slice(0, query.keys).join('\t'), scaled];
  }));
}

/* The errors of quantiles against the exact ones, in %; anything else must agree. */
function compare(query, exact, got, who) {
  const limits = { c: 0, s: 1e-6, d: 100 };
  const errors = [];
  if (got.size !== exact.size) throw new Error(`${query.name}: ${who} has ${got.size} groups of ${exact.size}`);
  for (const [key, right] of exact) {
    const values = got.get(key);
    query.kinds.forEach((kind, i) => {
      const error = (Math.abs(values[i] - right[i]) / right[i]) * 100;
      if (typeof kind !== 'number' && values[i] !== right[i] && error > limits[kind])
        throw new Error(`${query.name}: ${who}: ${key}: ${values} instead of ${right}`);
      if (kind === 'd' || (typeof kind === 'number' && (query.kinds[0] !== 'c' || right[0] >= (query.least ?? 1000)))) errors.push(error);
    });
  }
  return { mean: errors.reduce((a, b) => a + b, 0) / errors.length, worst: Math.max(...errors) };
}

const exactly = (query) => query.clickhouse.find((one) => /Exact/.test(one.name)) ?? query.clickhouse[0];

/* Errors of all, and each peer's fastest function among those good enough. */
async function choose(query, peers, accuracy) {
  const exact = normalise(query, (await peers.clickhouse.ask(exactly(query).sql, 2)).answer);
  const judge = (name, answer, ours) => {
    const { mean, worst } = compare(query, exact, normalise(query, answer, ours), name);
    if (!Number.isNaN(mean)) accuracy.push([query.name, name, shown(mean, 3), shown(worst, 2)]);
    return !(worst > (query.kinds.includes('d') ? 4 : 1));
  };
  if (!judge('drum', drumAnswer(query), true)) throw new Error(`${query.name}: drum is wrong: ${accuracy.at(-1)}`);
  const chosen = {};
  for (const peer of Object.keys(peers)) {
    for (const one of query[peer]) {
      const { cpu, answer } = await peers[peer].ask(one.sql, 1);
      if (judge(`${peer} ${one.name}`, answer) && !(cpu > chosen[peer]?.cpu)) chosen[peer] = { ...one, cpu };
    }
  }
  return chosen;
}

/* ---- times ----------------------------------------------------------------- */

/* least[engine][threads] is { wall, cpu } in ms. */
async function measure(query, chosen, peers) {
  const least = {};
  const take = (engine, threads, { wall, cpu }) => {
    const old = ((least[engine] ??= {})[threads] ??= { wall, cpu });
    least[engine][threads] = { wall: Math.min(old.wall, wall), cpu: Math.min(old.cpu, cpu) };
  };
  for (let round = 0; round < rounds; round++) {
    for (const threads of [1, 2]) {
      for (const peer of Object.keys(chosen)) {
        take('drum', threads, askDrum(query, threads)); // before each: their turns are seconds, as disturbances are
        take(peer, threads, await peers[peer].ask(chosen[peer].sql, threads));
      }
    }
  }
  return least;
}

const COLD_THREADS = 2;

/* Median ms of each engine. */
async function measureCold(query, chosen) {
  const taken = {};
  for (let round = 0; round < rounds; round++) {
    for (const engine of ['drum', ...Object.keys(chosen)]) (taken[engine] ??= []).push(await askCold(engine, query, chosen[engine]?.sql, COLD_THREADS));
  }
  return Object.fromEntries(Object.entries(taken).map(([engine, ms]) => [engine, ms.sort((a, b) => a - b)[ms.length >> 1]]));
}

const WAY = { 1: 'cpu', 2: 'wall' };
const ENGINES = { drum: 'drum', clickhouse: 'ClickHouse', duckdb: 'DuckDB' };
const digits = (ms) => (ms === undefined ? '–' : shown(ms, ms < 10 ? 2 : ms < 100 ? 1 : 0));
const HEAD = (threads) => ['query', 'drum, ms', 'ClickHouse, ms', 'DuckDB, ms', 'fastest peer : drum', 'prototype’s ratio', 'within 2 x of it',
  ...(threads === 1 ? ['wall: drum', 'ClickHouse', 'DuckDB'] : ['CPU: drum', 'ClickHouse', 'DuckDB'])];

function lineOf({ query, least, chosen }, threads, goals) {
  const way = WAY[threads];
  const other = way === 'cpu' ? 'wall' : 'cpu';
  const peers = Object.keys(chosen);
  const fastest = peers.reduce((a, b) => (least[a][threads][way] <= least[b][threads][way] ? a : b));
  const ratio = least[fastest][threads][way] / least.drum[threads][way];
  const engines = Object.keys(ENGINES);
  goals?.add(`${query.name} ${query.what}, ${threads === 1 ? 'one thread' : 'two threads'}, ms`, `fastest peer ${query.target} x`, digits(least.drum[threads][way]), ratio >= query.target, `${digits(least[fastest][threads][way])} (${ENGINES[fastest]})`, shown(ratio));
  return [`${query.name} ${query.what}`, ...engines.map((e) => digits(least[e]?.[threads][way])), shown(ratio),
    shown(query.prototype[threads - 1]), verdict(ratio >= query.prototype[threads - 1] / 2), ...engines.map((e) => digits(least[e]?.[threads][other]))];
}

function coldLine({ query, cold }, goals) {
  const [fastest] = Object.keys(cold).filter((e) => e !== 'drum').sort((a, b) => cold[a] - cold[b]);
  goals?.add(`${query.name} cold, two threads, ms`, 'faster than both peers', digits(cold.drum), cold.drum < cold[fastest], `${digits(cold[fastest])} (${ENGINES[fastest]})`, shown(cold[fastest] / cold.drum));
  return [query.name, ...Object.keys(ENGINES).map((e) => digits(cold[e]))];
}

async function main() {
  loadAll();
  const peers = { clickhouse: startPeer('clickhouse'), duckdb: startPeer('duckdb') };
  const accuracy = [];
  const measured = [];
  for (const query of QUERIES) {
    const chosen = await choose(query, peers, accuracy);
    measured.push({ query, chosen, least: await measure(query, chosen, peers) });
    console.error(`${query.name}: ${lineOf(measured.at(-1), 1).slice(1, 5)} | ${lineOf(measured.at(-1), 2).slice(1, 5)}`);
  }
  await Promise.all(Object.values(peers).map((peer) => peer.end())); // ClickHouse opens a directory once
  for (const one of measured) {
    one.cold = await measureCold(one.query, one.chosen);
    console.error(`${one.query.name}, cold: ${coldLine(one).slice(1)}`);
  }
  const goals = targets();
  const lines = (threads) => table(HEAD(threads), measured.map((m) => lineOf(m, threads, goals)));
  const details = ['One thread, CPU time (wall time at the right):', lines(1), 'Two threads, wall time (CPU time at the right):', lines(2),
    `Cold: wall time, ms, of the first question after a start, nothing of the engine’s files in the page cache; two threads, median of ${rounds} rounds:`,
    table(['query', ...Object.values(ENGINES)], measured.map((m) => coldLine(m, goals)))];
  const used = measured.map(({ query, chosen }) => [query.name, ...['clickhouse', 'duckdb'].map((peer) => chosen[peer]?.name ?? 'has none')]);
  report(`Queries, ${shown(rows)} rows`, `ROWS=${rows} node tests/bench/query.mjs`, [
    `drum, ClickHouse ${chdbVersion} (chdb, MergeTree ORDER BY (site, ts), LowCardinality dimensions, Delta and T64 codecs with LZ4, OPTIMIZE FINAL), DuckDB ${duckdbVersion} (ENUM dimensions, sorted by site, ts); in process, data warm, engines in turns of half a second or more, ${rounds} rounds, least of each. The prototype is a plain C scan of bit-packed columns, measured against the same peers on another machine.`,
    goals.table(), ...details,
    'The peers’ functions that were timed, the fastest of those within 1 % of the exact value (distinct counts: 4 %):', table(['query', 'ClickHouse', 'DuckDB'], used),
    'Errors against the exact answer, large groups, in %:', table(['query', 'function', 'mean', 'worst'], accuracy)]);
}

await main();
