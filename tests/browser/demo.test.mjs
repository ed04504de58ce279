/*
 * Goal: a visit to the demo page in a browser comes back from SQL, whole and
 * once, and the set-up page shows it.
 * Method: the real server on an empty store, real Chromium; every wait is a
 * poll with a deadline. Visits are told apart by their session id.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { serve, TOKEN, until } from '../serve.mjs';
import { hide, openBrowser, watch } from './browser.mjs';

let data;
let server;
let browser;
let page;
let seen;

before(async () => {
	data = await mkdtemp(join(tmpdir(), 'drum-browser-'));
	server = await serve(data);
	browser = await openBrowser();
});

after(async () => {
	await browser?.close();
	await server?.end();
	await rm(data, { recursive: true, force: true });
});

beforeEach(async () => {
	page = await browser.context.newPage();
	seen = watch(page);
});

afterEach(async () => {
	await page.close();
	assert.deepEqual(seen.complaints, [], 'nothing on the console: no violation of the content security policy');
});

const objects = (text) => text.split('\n').filter(Boolean).map((line) => JSON.parse(line));
const select = async (sql) => objects(await server.query(`${sql} FORMAT JSONEachRow`));

/** `session_id = …` of the visit that the page belongs to. */
async function ofThisVisit() {
	const hex = await until('the session', () => page.evaluate(() => sessionStorage['drum.session']));
	return `session_id = ${BigInt(`0x${hex}`)}`;
}

/** Opens the demo page and waits until it is loaded and painted. */
async function visit(origin = server.url, path = '/demo') {
	await page.goto(origin + path);
	await until('the first paint', () =>
		page.evaluate(() => document.readyState === 'complete' && performance.getEntriesByType('paint').length > 1),
	);
	await until('the script', () => page.evaluate(() => Boolean(window.drum)));
}

/** The rows of `sql` once there are `count` of them that pass `test`. */
const rowsOf = (sql, count, good = () => true) =>
	until(`${count} rows of ${sql}`, async () => {
		const rows = await select(sql);
		return rows.length >= count && rows.every(good) && rows;
	});

test('a hidden page is a row with its vitals and its browser', async () => {
	await visit();
	const visitor = await ofThisVisit();
	await page.click('#slow');
	await hide(browser.context, page);
	const [row] = await rowsOf(`SELECT * FROM pageviews WHERE ${visitor}`, 1);
	assert.ok(row.lcp > 0, `lcp ${row.lcp}`);
	assert.ok(row.fcp > 0 && row.fcp <= row.lcp);
	assert.ok(row.inp >= 200, `inp ${row.inp}`);
	assert.equal(row.cls, 0);
	assert.equal(row.lcp_element, '#hero');
	assert.equal(row.inp_target, '#slow');
	assert.deepEqual(
		[row.site, row.host, row.path, row.environment, row.nav_type],
		['demo', '127.0.0.1', '/demo', 'demo', 'navigate'],
	);
	assert.deepEqual([row.device, row.os], ['desktop', 'Linux']);
	assert.match(row.browser, /Chrom/);
	assert.ok(Number(row.browser_version) > 100);
	assert.equal(row.country, '', 'loopback is nowhere');
	assert.ok(row.ttfb > 0 && row.load >= row.dom_interactive);
	assert.ok(row.viewport_width > 0 && row.visible_time > 200);
});

test('updates of a view leave one row, with the last values', async () => {
	await visit();
	const visitor = await ofThisVisit();
	const first = await hide(browser.context, page);
	await rowsOf(`SELECT lcp FROM pageviews WHERE ${visitor}`, 1, (row) => row.lcp > 0);
	await first.shown();
	await page.click('#slow');
	await page.click('#error');
	await page.click('#error');
	await page.click('#event');
	await page.goto('about:blank');
	const [row] = await rowsOf(
		`SELECT inp, lcp, error_count FROM pageviews WHERE ${visitor}`,
		1,
		(found) => found.inp > 0,
	);
	assert.ok(row.inp >= 200 && row.lcp > 0);
	assert.equal(row.error_count, 2);
	assert.equal((await select(`SELECT lcp FROM pageviews WHERE ${visitor}`)).length, 1);
	const errors = await select(`SELECT kind, type, message, line, occurrences FROM errors WHERE ${visitor}`);
	assert.equal(errors.length, 1);
	assert.deepEqual(
		[errors[0].kind, errors[0].type, errors[0].message, errors[0].occurrences],
		['error', 'TypeError', 'the demo shop has no checkout', 2],
	);
	const events = await select(`SELECT category, name, value FROM events WHERE ${visitor}`);
	assert.deepEqual(events, [{ category: 'business', name: 'checkout_complete', value: 99.5 }]);
});

test('a restore from the back/forward cache is a second view', async () => {
	await visit();
	const visitor = await ofThisVisit();
	await page.click('#cart-link');
	await page.waitForURL('**/demo/cart');
	await page.goBack({ waitUntil: 'commit' });
	await until('the restored page', () => page.evaluate(() => location.pathname === '/demo').catch(() => false));
	await page.click('#cart-link');
	await page.waitForURL('**/demo/cart');
	const rows = await rowsOf(`SELECT path, nav_type FROM pageviews WHERE ${visitor} ORDER BY ts`, 3);
	assert.deepEqual(rows.map((row) => [row.path, row.nav_type]), [
		['/demo', 'navigate'],
		['/demo/cart', 'navigate'],
		['/demo', 'back_forward_cache'],
	]);
});

test('over TLS the view says h2', async () => {
	await visit(await server.https);
	const visitor = await ofThisVisit();
	await page.goto('about:blank');
	const [row] = await rowsOf(`SELECT protocol, tls, lcp FROM pageviews WHERE ${visitor}`, 1);
	assert.equal(row.protocol, 'h2');
	assert.ok(row.tls >= 0 && row.lcp > 0);
});

test('the set-up page shows the views and takes the token out of the URL', async () => {
	await visit(server.url, '/demo/cart');
	const visitor = await ofThisVisit();
	await page.goto(`${server.url}/?tab=setup&site=demo#token=${TOKEN}`);
	await rowsOf(`SELECT lcp FROM pageviews WHERE ${visitor}`, 1);
	const cells = await until('the view in the table', async () => {
		const found = await page.$$eval('#views tbody tr', (rows) => rows.map((tr) => [...tr.cells].map((td) => td.textContent)));
		return found.find((row) => row[2] === '/demo/cart') && found;
	});
	assert.ok(cells.length <= 20);
	const [, site, , , device, , lcp] = cells.find((row) => row[2] === '/demo/cart');
	assert.deepEqual([site, device], ['demo', 'desktop']);
	assert.match(lcp, /\d+ ms$/);
	assert.equal(page.url(), `${server.url}/?tab=setup&site=demo`);
	assert.equal(
		await page.textContent('#tag'),
		`<script async src="${server.url}/drum.js" data-site="demo"></script>`,
	);
	await page.reload();
	await page.waitForSelector('#views tbody tr');
	assert.equal(await page.isVisible('#login'), false, 'the token is kept for this tab');
});

for (const token of ['%ff', '%', '%F0%9F%98%80', 'wrong'])
	test(`the token ${token} is not known, and the page says so`, async () => {
		await page.goto(`${server.url}/#token=${token}`);
		await page.waitForSelector('#login:not([hidden])');
		assert.match(await page.innerText('#login'), /does not know that token/);
		assert.equal(page.url().includes('token'), false);
		const refused = /Failed to load resource.* 403/;
		assert.ok(seen.complaints.every((text) => refused.test(text)), seen.complaints.join('\n'));
		assert.deepEqual(seen.exceptions, []);
		seen.complaints.length = 0;
	});

test('without a token the page says where to find one', async () => {
	await page.goto(`${server.url}/`);
	await page.waitForSelector('#login:not([hidden])');
	assert.match(await page.innerText('#login'), /data\/token/);
	assert.equal(await page.isVisible('#tiles'), false);
	await page.fill('#token', TOKEN);
	await page.click('#login button');
	await page.waitForSelector('#tile-lcp');
	assert.equal(await page.isVisible('#login'), false);
});
