/*
 * Goal: what the beacon script sends is the native beacon, whatever the visit
 * looks like: members and their types, one view with rising seqs and cumulative
 * values, lists that hold only what is new, nothing negative.
 * Method: the built script in real Chromium, on small pages from a server in
 * this process that records each beacon.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { until } from '../serve.mjs';
import { hide, openBrowser, watch } from './browser.mjs';
import { painted as paintedOn, shown, Site, TRACE } from './site.mjs';

const site = new Site();
const { pages, bodies, arrived } = site;
let origin;
let browser;
let page;
let seen;

/** Opens a page and waits until it is loaded and its first paint is reported. */
async function visit(path, options) {
	await page.goto(`${origin}${path}`, options);
	await shown(page);
}

const painted = () => paintedOn(page);

/** The browser has reported the slow button's click and its long animation frame. */
const slowReported = () =>
	page.evaluate(() => {
		const entry = (type) =>
			new Promise((done) => {
				const slow = (e) => e.duration >= 200 && (e.name === 'click' || e.scripts?.some((s) => /demo\.js$/.test(s.sourceURL)));
				new PerformanceObserver((list) => list.getEntries().some(slow) && done()).observe({ type, buffered: true });
			});
		return Promise.all([entry('event'), entry('long-animation-frame')]);
	});

/** Leaves the page for another one, which carries no script. */
const leave = () => page.goto(`${origin}/empty`);

before(async () => {
	origin = (await site.open()).origin;
	browser = await openBrowser();
});

after(async () => {
	await browser?.close();
	site.close();
});

beforeEach(async () => {
	await page?.close();
	site.clear();
	page = await browser.context.newPage();
	seen = watch(page);
});

/** Every number at or above zero, no nulls, at any depth. */
function checkValues(value, path = '') {
	assert.notEqual(value, null, `${path} is null`);
	if (typeof value === 'number') assert.ok(value >= 0, `${path} is ${value}`);
	if (typeof value === 'object') {
		for (const [key, inner] of Object.entries(value)) checkValues(inner, `${path}.${key}`);
	}
}

test('a visit is one beacon with every member', async () => {
	const begun = Date.now();
	await visit('/demo#secret', { referer: 'https://news.example/' });
	await page.click('#slow');
	await slowReported();
	await leave();
	const [beacon] = await arrived(1);
	assert.equal(site.beacons[0].path, '/beacon');
	assert.match(site.beacons[0].type, /^text\/plain\b/);
	checkValues(beacon);
	assert.equal(beacon.v, 1);
	assert.equal(beacon.site, 'demo');
	assert.match(beacon.view, /^[0-9a-f]{16}$/);
	assert.match(beacon.session, /^[0-9a-f]{16}$/);
	assert.equal(beacon.seq, 0);
	assert.ok(Number.isInteger(beacon.t) && beacon.t > begun - 10000 && beacon.t <= Date.now());
	assert.equal(beacon.rate, 1);
	assert.equal(beacon.trace, TRACE);
	assert.match(beacon.serverTiming, /^cache;desc=HIT;dur=1\.5, traceparent/);
	assert.equal(beacon.url, `${origin}/demo`, 'the fragment stays in the browser');
	assert.equal(beacon.env, 'demo');
	assert.equal(beacon.nav, 'navigate');
	assert.equal(typeof beacon.lang, 'string');
	assert.equal(beacon.bot, true); // Playwright drives it
	assert.equal(typeof beacon.net.type, 'string');
	assert.equal(typeof beacon.net.save, 'boolean');
	assert.ok(beacon.dev.vw > 0 && beacon.dev.vh > 0 && beacon.dev.dpr > 0 && beacon.dev.cpu > 0);
	const { timing, vitals, why } = beacon;
	assert.equal(timing.tls, undefined, 'plain HTTP has no TLS phase');
	assert.equal(timing.protocol, 'http/1.1');
	assert.ok(timing.bytes > 0);
	assert.ok(timing.ttfb > 0 && timing.ttfb <= timing.domInteractive);
	assert.ok(timing.domInteractive <= timing.domContentLoaded && timing.domContentLoaded <= timing.load);
	assert.ok(vitals.fcp > 0 && vitals.lcp >= vitals.fcp);
	assert.ok(vitals.inp >= 200, `the button works for 200 ms, INP is ${vitals.inp}`);
	assert.equal(vitals.cls, 0);
	assert.equal(why.lcp.element, '#hero');
	assert.equal(why.lcp.url, `${origin}/demo.svg`);
	const parts = timing.ttfb + why.lcp.loadDelay + why.lcp.loadTime + why.lcp.renderDelay;
	assert.ok(Math.abs(parts - vitals.lcp) < 1, `LCP ${vitals.lcp} is the sum of its parts ${parts}`);
	assert.equal(why.inp.target, '#slow');
	assert.equal(why.inp.type, 'pointer');
	assert.ok(why.inp.processing >= 195);
	assert.equal(why.inp.script, `${origin}/demo.js`);
	assert.ok(beacon.visible > 200 && beacon.visible < Date.now() - begun + 1000);
	assert.ok(beacon.blocking >= 100, `a 200 ms task blocks ${beacon.blocking}`);
	assert.deepEqual(beacon.tags, { page: 'shop' });
	assert.deepEqual([beacon.errors, beacon.events], [[], []]);
	assert.deepEqual(seen.complaints, []);
	assert.equal(site.beacons.length, 1, 'leaving sends once');
});

test('a view hidden twice is sent twice, cumulative, and not again for nothing', async () => {
	await visit('/demo');
	const first = await hide(browser.context, page);
	const [zero] = await arrived(1);
	await first.shown();
	await page.click('#slow');
	await page.click('#shift');
	await page.waitForSelector('.banner');
	await painted();
	const second = await hide(browser.context, page);
	const [, one] = await arrived(2);
	await second.shown();
	await leave();
	const all = await arrived(3);
	assert.deepEqual(all.map((b) => b.seq), [0, 1, 2]);
	assert.equal(new Set(all.map((b) => b.view)).size, 1);
	assert.equal(new Set(all.map((b) => b.t)).size, 1);
	assert.equal(zero.vitals.inp, undefined, 'no interaction, no INP');
	assert.ok(one.vitals.inp >= 200);
	assert.ok(one.vitals.cls > zero.vitals.cls, `CLS rose: ${one.vitals.cls}`);
	assert.match(one.why.cls.element, /\S/);
	assert.equal(one.vitals.lcp, zero.vitals.lcp);
	for (const [earlier, later] of [[zero, one], [one, all[2]]]) {
		assert.ok(later.visible > earlier.visible && later.blocking >= earlier.blocking);
		assert.deepEqual(later.timing, earlier.timing);
	}
	all.forEach((b) => checkValues(b));
});

test('a hidden page sends nothing more, unless something happened there', async () => {
	await visit('/demo');
	await hide(browser.context, page);
	const [quiet] = await arrived(1);
	await page.close();
	page = await browser.context.newPage();
	await visit('/demo');
	await hide(browser.context, page);
	const [, loud] = await arrived(2);
	await page.evaluate(() => window.drum('error', new Error('in the background')));
	await page.close();
	const last = (await arrived(3))[2];
	assert.notEqual(loud.view, quiet.view, 'the quiet page was closed without a word');
	assert.deepEqual([last.view, last.seq, last.visible], [loud.view, 1, loud.visible]);
	assert.equal(last.errors[0].message, 'in the background');
	page = await browser.context.newPage();
});

test('errors and events are sent once, folded and bounded', async () => {
	await visit('/demo');
	await page.click('#error');
	await page.click('#error');
	await page.click('#rejection');
	await page.click('#event');
	await page.evaluate(() => {
		window.drum('error', new RangeError('handled \ud800 one'));
		window.drum('event', '', { value: NaN, category: 'nonsense', text: 'x'.repeat(5000) });
		window.drum('event', 'plain');
		window.drum('event', undefined, null);
		window.drum('tag', 'plan', 'pro');
		window.drum('tag', Symbol('hostile'), 1);
		window.drum('tag', '\u20ac'.repeat(99), 'long');
	});
	const cover = await hide(browser.context, page);
	const [first] = await arrived(1);
	await cover.shown();
	await page.click('#error');
	await page.evaluate(() => {
		for (let i = 0; i < 50; i++) window.drum('error', new Error(`storm ${i}`));
	});
	await leave();
	const [, second] = await arrived(2);
	checkValues(first);
	assert.deepEqual(
		first.errors.map((e) => [e.kind, e.type, e.message, e.handled, e.count]),
		[
			['error', 'TypeError', 'the demo shop has no checkout', false, 2],
			['rejection', 'Error', 'the payment was refused', false, 1],
			['error', 'RangeError', 'handled  one', true, 1],
		],
	);
	const [thrown] = first.errors;
	assert.equal(thrown.source, `${origin}/demo.js`);
	assert.ok(thrown.line > 0 && thrown.column > 0 && thrown.t >= first.t);
	assert.match(thrown.stack, /demo\.js:\d+/);
	assert.deepEqual(
		first.events.map((e) => [e.category, e.name, e.value, e.text?.length]),
		[
			['business', 'checkout_complete', 99.5, undefined],
			['custom', 'unnamed', undefined, 500],
			['custom', 'plain', undefined, undefined],
			['custom', 'unnamed', undefined, undefined],
		],
	);
	assert.deepEqual(first.tags, { page: 'shop', plan: 'pro', 'Symbol(hostile)': '1', ['_'.repeat(64)]: 'long' });
	assert.equal(second.seq, 1);
	assert.deepEqual(second.errors[0].count, 1, 'a repeat counts only what is new');
	assert.equal(second.errors.length, 1 + 17, 'twenty distinct errors a view');
	assert.deepEqual(second.events, []);
});

test('more events than a beacon holds are sent early, none lost', async () => {
	await visit('/demo');
	await page.evaluate(() => {
		for (let i = 0; i < 45; i++) window.drum('event', `e${i}`, { category: 'mark', value: i });
	});
	await leave();
	const all = await arrived(3);
	assert.deepEqual(all.map((b) => b.seq), [0, 1, 2]);
	assert.deepEqual(all.flatMap((b) => b.events).map((e) => e.value), [...Array(45).keys()]);
});

test('a beacon with huge errors keeps within 64 KiB', async () => {
	await visit('/demo');
	await page.evaluate(() => {
		for (let i = 0; i < 10; i++) {
			const error = new Error(`${i}${'\u20ac'.repeat(9999)}`);
			error.stack = '\u20ac'.repeat(9999);
			window.drum('error', error);
		}
	});
	await leave();
	const [beacon] = await arrived(1);
	assert.ok(Buffer.byteLength(JSON.stringify(beacon)) <= 65536);
	assert.ok(beacon.errors.length > 2 && beacon.vitals.fcp > 0);
});

test('a restore from the back/forward cache is a new view', async () => {
	await visit('/demo');
	await page.evaluate(() => window.drum('error', new Error('before')));
	await page.click('#cart-link');
	await page.waitForURL('**/demo/cart');
	await page.goBack({ waitUntil: 'commit' });
	await until('the restored page', () => page.evaluate(() => location.pathname === '/demo').catch(() => false));
	await page.click('#slow');
	await page.click('#cart-link');
	await page.waitForURL('**/demo/cart');
	const [first, cart, restored] = await arrived(3);
	checkValues(restored);
	assert.equal(cart.referrer, `${origin}/demo`);
	assert.equal(restored.nav, 'back_forward_cache');
	assert.equal(restored.url, `${origin}/demo`);
	assert.equal(new Set([first.view, cart.view, restored.view]).size, 3);
	assert.equal(new Set([first.session, cart.session, restored.session]).size, 1);
	assert.equal(restored.seq, 0);
	assert.ok(restored.t > first.t + first.visible);
	assert.equal(restored.timing, undefined);
	assert.equal(restored.trace, undefined);
	assert.ok(restored.vitals.lcp > 0 && restored.vitals.lcp < first.vitals.lcp + 1000);
	assert.ok(restored.vitals.inp >= 200);
	assert.deepEqual(restored.errors, []);
});

const tagged = (attributes) =>
	`<!doctype html><title>x</title><script async src="/drum.js" ${attributes}></script><h1>words</h1>`;

test('attributes set the site, endpoint, release, environment and tags', async () => {
	pages.set(
		'/tagged',
		tagged('data-site="a&quot;b" data-endpoint="/in/take" data-release="1.4.2" data-env="test" data-tag-plan="pro"'),
	);
	pages.set('/bare', tagged(''));
	await page.goto(`${origin}/tagged`);
	await page.goto(`${origin}/bare`);
	await leave();
	const [beacon, bare] = await arrived(2);
	assert.equal(site.beacons[0].path, '/in/take');
	assert.deepEqual(
		[beacon.site, beacon.release, beacon.env, beacon.tags],
		['a"b', '1.4.2', 'test', { plan: 'pro' }],
	);
	assert.equal(bare.site, '127.0.0.1');
	assert.deepEqual([bare.release, bare.env, bare.tags], [undefined, undefined, {}]);
});

test('data-rate sends one view in N and says so', async () => {
	const N = 4;
	const VISITS = 60;
	pages.set('/rate', tagged('data-site="s" data-rate="1/4"'));
	pages.set('/rates', '<!doctype html>' + '<iframe src="/rate"></iframe>'.repeat(VISITS));
	await page.goto(`${origin}/rates`);
	await until('every frame', () => page.evaluate(() => Array.from(window.frames).every((frame) => frame.drum)));
	pages.set('/share', tagged('data-site="last" data-rate="1.0"'));
	await page.goto(`${origin}/share`);
	await until('the script', () => page.evaluate(() => typeof drum === 'function'));
	await leave();
	const all = await until('the last view', () => bodies().some((b) => b.site === 'last') && bodies());
	const rated = all.filter((b) => b.site === 's');
	// Binomial(60, 1/4): outside of 3 to 30 once in 10,000 runs.
	assert.ok(rated.length >= 3 && rated.length <= 30, `${rated.length} of ${VISITS}`);
	assert.ok(rated.every((b) => b.rate === 1 / N));
	assert.equal(all.find((b) => b.site === 'last').rate, 1);
});

test('a page without storage, observers or sendBeacon is still measured and never broken', async () => {
	pages.set(
		'/hostile',
		`<!doctype html><title>x</title><script src="/hostile.js"></script>
		<script async src="/drum.js" data-site="s"></script><h1>words</h1>`,
	);
	pages.set(
		'/hostile.js',
		`Object.defineProperty(window, 'sessionStorage', { get() { throw new Error('blocked'); } });
		delete window.PerformanceObserver;
		Object.defineProperty(Navigator.prototype, 'sendBeacon', { value: undefined });
		Object.defineProperty(Navigator.prototype, 'connection', { value: undefined });`,
	);
	await visit('/hostile');
	await leave();
	const [beacon] = await arrived(1);
	checkValues(beacon);
	assert.equal(beacon.session, undefined);
	assert.equal(beacon.net, undefined);
	assert.ok(beacon.timing.ttfb > 0);
	assert.deepEqual([seen.exceptions, seen.complaints], [[], []]);
});
