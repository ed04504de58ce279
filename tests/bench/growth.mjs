/*
 * What becomes of drum when there are ten times as many rows, and again: load,
 * merge debt, bytes, start, memory, the nine questions; what the last step tells
 * of a billion rows. Each size is loaded into a store of its own; then all stores
 * are asked in turn, for a machine that others share is slower by a third for
 * minutes. The least of ROUNDS (3) counts. Needs 185 bytes a row in BENCH_DIR
 * (default build) while it loads, the page cache for 47 while it asks; nothing
 * is kept. The generator's 28 days get denser, so that there are ever more rows a
 * day.
 *
 * Usage: node tests/bench/growth.mjs; ROWS_MAX (default 20,000,000; 200,000,000
 * takes half an hour and 37 GB). Target: nothing grows faster than the rows, by
 * more than a tenth. Draws growth.svg beside the file of RESULTS, else in build.
 */
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

import { keepAll, serve } from '../serve.mjs';
import { QUERIES } from './lib/queries.mjs';
import { report, shown, table, targets } from './lib/results.mjs';

const TOOL = 'build/tests/bench/bench_store';
const MOST = Number(process.env.ROWS_MAX ?? 20000000);
const BILLION = 1e9;
const MEMORY_LOOK_MS = 100;
const TOLERANCE = 1.1;
const STARTS = 3;
const ROUNDS = Number(process.env.ROUNDS ?? 3);
const directory = fs.mkdtempSync(path.join(process.env.BENCH_DIR ?? 'build', 'growth-'));

/** MiB of a process's own memory, without files that it has mapped. */
const ownMemory = (pid) => Number(/^RssAnon:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) / 1024;

/* Loads the records; the figures that bench_store prints, and the most memory. */
async function load(records, store) {
  const child = spawn(TOOL, ['load', records, store, 'once'], { stdio: ['ignore', 'pipe', 'ignore'] });
  let text = '', memory = 0;
  child.stdout.on('data', (chunk) => (text += chunk));
  const look = setInterval(() => {
    try {
      memory = Math.max(memory, ownMemory(child.pid));
    } catch {
      // it has just ended
    }
  }, MEMORY_LOOK_MS);
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearInterval(look);
  if (code !== 0) throw new Error(`bench_store load: ${code}`);
  return { ...JSON.parse(text), memory };
}

/* Least time until `drum serve` listens, and its memory then. */
async function start(store) {
  let seconds = Infinity, memory = Infinity;
  for (let i = 0; i < STARTS; i++) {
    const began = performance.now();
    const server = await serve(store, keepAll(directory));
    seconds = Math.min(seconds, (performance.now() - began) / 1000);
    memory = Math.min(memory, ownMemory(server.child.pid));
    await server.end();
  }
  return { seconds, memory };
}

const storeOf = (rows) => path.join(directory, `store-${rows}`);

async function make(rows) {
  const records = path.join(directory, 'rows.bin');
  execFileSync(TOOL, ['generate', String(rows), '1', records]);
  const loaded = await load(records, storeOf(rows));
  fs.rmSync(records);
  console.error(`${shown(rows)} rows: ${JSON.stringify(loaded)}`);
  return { rows, ...loaded, queries: Object.fromEntries(QUERIES.map(({ name }) => [name, { cpu: Infinity, wall: Infinity }])) };
}

/* The stores take turns, question by question. */
function askInTurn(runs) {
  for (const query of QUERIES) {
    for (const { rows, queries } of runs) {
      const ask = (threads) => JSON.parse(execFileSync(TOOL, [query.weighted ? 'weighted' : 'query', storeOf(rows), String(threads), query.drum]))[0];
      const least = queries[query.name];
      least.cpu = Math.min(least.cpu, ask(1)[1]);
      least.wall = Math.min(least.wall, ask(2)[0]);
    }
  }
}

/* ---- the table ------------------------------------------------------------ */

/* grows: with the rows, if it does as it should; else it should stay. isTold: no target of its own. */
const FIGURES = [
  { name: 'load and merge, s', of: (run) => run.append_s + run.flush_s + run.merge_s, grows: true },
  { name: 'CPU of that, us a row', of: (run) => run.cpu_us_per_row - run.built_us_per_row },
  { name: 'CPU of reading the records for it, us a row', isTold: true, of: (run) => run.built_us_per_row },
  { name: 'of that, merging after the last row, s', isTold: true, of: (run) => run.merge_s, grows: true },
  { name: 'segments when the last row was flushed', isTold: true, of: (run) => run.segments_flushed, grows: true },
  { name: 'segments once merged', isTold: true, of: (run) => run.segments, grows: true },
  { name: 'bytes a row', of: (run) => run.bytes_per_row },
  { name: 'write amplification', isTold: true, of: (run) => run.write_amplification },
  { name: 'memory while loading, MiB', of: (run) => run.memory },
  { name: 'start until it listens, s', of: (run) => run.started.seconds, grows: true },
  { name: 'memory then, MiB', of: (run) => run.started.memory, grows: true },
  ...QUERIES.map(({ name }) => ({ name: `${name}, one thread, CPU ms`, of: (run) => run.queries[name].cpu, grows: true })),
  ...QUERIES.map(({ name }) => ({ name: `${name}, two threads, ms`, isTold: true, of: (run) => run.queries[name].wall, grows: true })),
];

const digits = (value) => (Number.isFinite(value) ? shown(value, value < 10 ? 2 : value < 100 ? 1 : 0) : '–');

/* As the line through the last two runs goes on. */
function extrapolate(runs, { of, grows }) {
  const [before, last] = runs.slice(-2);
  if (!grows || of(last) < of(before)) return of(last);
  return of(last) + ((of(last) - of(before)) / (last.rows - before.rows)) * (BILLION - last.rows);
}

/* ---- the drawing ------------------------------------------------------------ */

const WIDTH = 720, HEIGHT = 420, LEFT = 60, RIGHT = 190, TOP = 20, BOTTOM = 40;

/* Of each quantity its share of the first run's per row: flat is linear. */
function draw(runs) {
  const lines = FIGURES.filter(({ isTold }) => !isTold).map(({ name, of, grows }) =>
    ({ name: name.split(',')[0], values: runs.map((run) => (of(run) / of(runs[0])) / (grows ? run.rows / runs[0].rows : 1)) }));
  const logs = (value) => Math.log10(Math.max(value, 0.01));
  const x = (i) => LEFT + (i / (runs.length - 1)) * (WIDTH - LEFT - RIGHT);
  const y = (value) => TOP + ((1 - logs(value)) / 3) * (HEIGHT - TOP - BOTTOM); // from 0.01 to 10
  const parts = [0.01, 0.1, 1, 10].map((value) => `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}" stroke="#ccc"/><text x="${LEFT - 6}" y="${y(value) + 4}" text-anchor="end">${value}</text>`);
  runs.forEach((run, i) => parts.push(`<text x="${x(i)}" y="${HEIGHT - 14}" text-anchor="middle">${shown(run.rows)}</text>`));
  const ends = lines.map(({ values }) => y(values.at(-1))).map((at, i) => ({ at, i })).sort((a, b) => a.at - b.at);
  ends.forEach((end, i) => (end.at = Math.max(end.at, i > 0 ? ends[i - 1].at + 13 : 0)));
  for (const { at, i } of ends) {
    const colour = `hsl(${Math.round((i / lines.length) * 360)} 60% 40%)`;
    parts.push(`<polyline fill="none" stroke="${colour}" points="${lines[i].values.map((value, k) => `${x(k)},${y(value).toFixed(1)}`).join(' ')}"/>`,
      `<text x="${WIDTH - RIGHT + 8}" y="${(at + 4).toFixed(1)}" fill="${colour}">${lines[i].name}</text>`);
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>
<text x="${LEFT}" y="12">times the first run's, a row where it should grow with the rows: flat is as it should be</text>
${parts.join('\n')}
</svg>
`;
}

const sizes = [MOST / 100, MOST / 10, MOST];
const runs = [];
for (const rows of sizes) runs.push(await make(rows));
for (let round = 0; round < ROUNDS; round++) askInTurn(runs);
for (const run of runs) {
  run.started = await start(storeOf(run.rows));
  console.error(`${shown(run.rows)} rows: ${JSON.stringify({ started: run.started, queries: run.queries })}`);
}
fs.rmSync(directory, { recursive: true });
const results = process.env.RESULTS;
fs.writeFileSync(path.join(results ? path.dirname(results) : 'build', 'growth.svg'), draw(runs));

const goals = targets();
const rows = FIGURES.map((figure) => {
  const values = runs.map(figure.of);
  const steps = values.slice(1).map((value, i) => value / values[i]);
  const limit = figure.grows ? runs.at(-1).rows / runs.at(-2).rows : 1;
  if (!figure.isTold) goals.add(`${figure.name}, ${shown(runs.at(-1).rows)} rows to a tenth`, `at most ${shown(limit)} x`, digits(values.at(-1)), steps.at(-1) <= limit * TOLERANCE, digits(values.at(-2)), shown(steps.at(-1), 2));
  return [figure.name, ...values.map(digits), ...steps.map(digits), `about ${digits(extrapolate(runs, figure))}`];
});
report(`Growth to ${shown(MOST)} rows`, `ROWS_MAX=${MOST} node tests/bench/growth.mjs`, [
  `Each size is loaded, flushed and merged into a store of its own; then all stores are asked in turn, of which the least of ${ROUNDS} rounds counts, then served. Reading the records from their file is none of the store’s work; what was read leaves the page cache. The last column extrapolates the line through the last two sizes to 1,000,000,000 rows; nothing of that size was run.`,
  table(['', ...sizes.map((n) => shown(n)), ...sizes.slice(1).map((n) => `to ${shown(n)}, x`), 'a billion, extrapolated'], rows),
  goals.table(), '![growth](growth.svg)']);
