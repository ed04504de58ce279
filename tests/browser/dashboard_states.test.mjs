/*
 * Goal: nothing that a beacon says becomes markup or script, in any column and
 * on any tab; the page is accessible and fits 360 and 1440 px, light and dark;
 * it outlives a restart of the server, says when its token is refused, and
 * makes sense of an empty store and of one row.
 * Method: payloads inserted into every string column, with violations of the
 * content security policy recorded; axe-core on every tab; a proxy at a fixed
 * port, behind which servers come and go. Screenshots: build/screenshots.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import net from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { DRUM, TOKEN, serve, until } from '../serve.mjs';
import { RANGE, cellsOf, data, hooks, measure, open, page, rowsOf, seen, server, settled, textOf } from './dashboard.mjs';

const AXE = readFileSync('node_modules/axe-core/axe.min.js', 'utf8');
const SHOTS = 'build/screenshots';
const TABS = ['overview', 'where', 'why', 'errors', 'compare', 'explore', 'setup'];
const AT = { site: 'shop', range: RANGE };

/* Each breaks out of another context; all of them call xss() where they work. */
const PAYLOADS = [
	'<script>xss()</script>',
	'<img src=x onerror=xss()>',
	'"><svg/onload=xss()>',
	"'-xss()-'",
	'javascript:xss()',
	'</title></style></textarea><script>xss()</script>',
	'{{constructor.constructor("xss()")()}}',
	'${xss()}',
	"\\'; xss(); //",
	'<iframe srcdoc="<script>parent.xss()</script>">',
	'=HYPERLINK("javascript:xss()")',
	'<a href="javascript:xss()" autofocus onfocus=xss()>x</a>',
];

hooks();
mkdirSync(SHOTS, { recursive: true });

/* ---- what a stranger says ---------------------------------------------------- */

/** A row of a table with the payload in each of its string columns. */
async function poison(table, columns, payload, i) {
	const row = {};
	for (const { name, type } of columns) {
		if (name === 'tags') row.tags = { [payload]: payload, plan: payload };
		else if (/String\)?$/.test(type) && name !== 'bot') row[name] = `${payload} ${name}`;
		else if (/Float/.test(type)) row[name] = 3000 + i;
		else if (/UInt/.test(type)) row[name] = 1 + i;
	}
	row.ts = new Date(Date.now() - 60000 - i).toISOString().slice(0, 23).replace('T', ' ');
	for (const site of ['evil', payload])
		await server.query(`INSERT INTO ${table} FORMAT JSONEachRow ${JSON.stringify({ ...row, site })}`);
}

test('payloads in every string column stay text, and no policy is violated', async () => {
	for (const table of ['pageviews', 'errors', 'events', 'reports']) {
		const columns = await rowsOf(`DESCRIBE TABLE ${table}`);
		for (const [i, payload] of PAYLOADS.entries()) await poison(table, columns, payload, i);
	}
	await page.addInitScript(() => {
		window.hits = [];
		window.xss = () => window.hits.push('xss');
		document.addEventListener('securitypolicyviolation', (event) => window.hits.push(`${event.violatedDirective} ${event.blockedURI}`));
	});
	page.on('dialog', (dialog) => dialog.dismiss());
	const hits = [];
	const look = async (search, texts) => {
		await open(search);
		for (const button of await page.$$('.panel button[aria-controls]')) await button.click();
		const shown = await page.textContent('main');
		for (const text of texts) assert.ok(shown.includes(text), `${JSON.stringify(search)} shows ${text} as text`);
		hits.push(...(await page.evaluate(() => window.hits)));
	};
	const shown = { overview: PAYLOADS.slice(-1), where: PAYLOADS, why: PAYLOADS, errors: PAYLOADS, compare: [], explore: PAYLOADS, setup: PAYLOADS };
	for (const tab of TABS) await look({ tab, site: 'evil', range: '24h', rb: '', q: "SELECT * FROM pageviews WHERE site = 'evil'" }, shown[tab]);
	const [{ id }] = await rowsOf(`SELECT toString(fingerprint) AS id FROM errors WHERE message LIKE '%srcdoc%'`);
	await look({ tab: 'errors', site: '*', range: '24h', error: id }, ['srcdoc']);
	await look([['site', PAYLOADS[1]], ['range', '24h'], ...PAYLOADS.map((payload) => ['f', `!path:${payload}`])], []);
	for (const payload of PAYLOADS) assert.ok((await page.textContent('#chips')).includes(payload), 'a filter is text');
	await look([['tab', 'compare'], ['site', PAYLOADS[2]], ...PAYLOADS.flatMap((payload) => [['a', `tag.${payload}:${payload}`], ['tag', payload]])], PAYLOADS);
	await look({ tab: 'explore', q: PAYLOADS[0], site: PAYLOADS[5], metric: PAYLOADS[1], range: PAYLOADS[2], tag: PAYLOADS[3], error: PAYLOADS[4], by: PAYLOADS[6] }, ['Syntax error']);
	assert.deepEqual(hits, []);
	assert.deepEqual(seen.complaints.filter((text) => !text.includes('status of 400')), []);
});

/* ---- how it looks --------------------------------------------------------------- */

/* What may keep somebody out: WCAG 2.1 A and AA; or one rule alone. The map's
 * shapes are one image. */
async function violations(scope, rule) {
	const runOnly = rule ? { type: 'rule', values: [rule] } : ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];
	const { violations: found } = await page.evaluate((only) => window.axe.run({ exclude: ['.map *'] }, { runOnly: only, resultTypes: ['violations'] }), runOnly);
	return found.map(({ id, nodes }) => `${scope}: ${id}: ${nodes.slice(0, 3).map((node) => `${node.target.join(' ')} (${node.any[0]?.message ?? ''})`).join('; ')}`);
}

/* Rows of a table are alike: three of each will do. */
const trim = () => page.evaluate(() => document.querySelectorAll('tbody tr:nth-child(n + 4), .schema li:nth-child(n + 4)').forEach((row) => row.remove()));

const QUERY = 'SELECT toStartOfDay(ts) AS day, quantile(0.5)(lcp) AS p50, quantile(0.75)(lcp) AS p75 FROM pageviews GROUP BY day ORDER BY day';

for (const width of [1440, 360]) {
	test(`accessible, and fits ${width} px, light and dark`, async () => {
		await page.setViewportSize({ width, height: width === 360 ? 780 : 1000 });
		const found = [];
		for (const tab of TABS) {
			await page.emulateMedia({ colorScheme: 'light' });
			await open({ ...AT, tab, q: QUERY, f: tab === 'why' ? 'path:/category/:id' : 'device:mobile' });
			if (tab === 'where') await page.click('#by-path button[aria-controls]');
			const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
			assert.ok(wide <= 0, `${tab} is ${wide} px too wide`);
			const [from, to, least, most] = await page.evaluate(() => ['[aria-current]', null].flatMap((inside) => {
				const bar = document.getElementById('tabs'), { left, right } = (inside ? bar.querySelector(inside) : bar).getBoundingClientRect();
				return [left, right];
			}));
			assert.ok(from >= least - 1 && to <= most + 1, `the tab ${tab} is in view: ${from} to ${to} of ${least} to ${most}`);
			await page.screenshot({ path: `${SHOTS}/${tab}-${width}-light.png`, fullPage: true });
			await page.emulateMedia({ colorScheme: 'dark' });
			await page.screenshot({ path: `${SHOTS}/${tab}-${width}-dark.png`, fullPage: true });
			if (width === 360 && tab !== 'overview') continue; // the same elements, in another order
			await trim();
			await page.evaluate(AXE);
			found.push(...(await violations(`${tab}, dark`, 'color-contrast')));
			await page.emulateMedia({ colorScheme: 'light' });
			found.push(...(await violations(`${tab}, light`)));
		}
		await page.evaluate(AXE);
		await page.click('#help-open');
		found.push(...(await violations('help')));
		assert.deepEqual(found, []);
	});
}

/* ---- states ------------------------------------------------------------------------ */

/** A port that stays while servers come and go behind it: { origin, to(url), close }. */
async function proxy() {
	let target;
	const sockets = new Set();
	const listener = net.createServer((client) => {
		if (!target) {
			client.destroy();
			return;
		}
		const upstream = net.connect(Number(new URL(target).port), '127.0.0.1');
		for (const socket of [client, upstream]) {
			sockets.add(socket);
			socket.on('error', () => {}).on('close', () => (client.destroy(), upstream.destroy(), sockets.delete(socket)));
		}
		client.pipe(upstream).pipe(client);
	});
	await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
	const shut = () => sockets.forEach((socket) => socket.destroy());
	return {
		origin: `http://127.0.0.1:${listener.address().port}`,
		to(url) {
			target = url;
			shut();
		},
		close() {
			shut();
			listener.close();
		},
	};
}

const beacon = (i) => JSON.stringify({ v: 1, site: 'shop', view: `00000000000000a${i}`, session: '00000000000000b1', seq: 0, url: 'https://shop.example/one', vitals: { lcp: 3000 + i, cls: 0.02 } });

// As a person's browser: Node's own user agent is a bot's.
const PERSON = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36';
const send = (to, body, headers) =>
	fetch(`${to.url}/beacon`, { method: 'POST', body, headers: { 'User-Agent': PERSON, ...headers } });

test('the names of a chart\'s thresholds stand beside their lines, also where there is nothing else', async () => {
	await page.addInitScript(() => {
		window.texts = [];
		const { fillText } = CanvasRenderingContext2D.prototype;
		CanvasRenderingContext2D.prototype.fillText = function (text, ...at) {
			window.texts.push([text.slice(0, 4), this.textBaseline]);
			return fillText.call(this, text, ...at);
		};
	});
	for (const site of ['shop', 'nobody']) {
		await open({ ...AT, site });
		const texts = await page.evaluate(() => window.texts);
		assert.deepEqual([...new Set(texts.filter(([text]) => text === 'good').map(([, baseline]) => baseline))], ['alphabetic'], site);
	}
});

test('an empty store, its first view, a restart, an expired token', async () => {
	const store = join(data, 'empty');
	const front = await proxy();
	let one = await serve(store);
	try {
		const token = execFileSync(DRUM, ['token', '--data', store, '--name', 'browser'], { encoding: 'utf8' }).trim().split('\n').at(-1);
		await one.end();
		one = await serve(store);
		front.to(one.url);

		await page.addInitScript(() => Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true, configurable: true }));
		await page.goto(`${front.origin}/#token=${token}`);
		await page.waitForSelector('#waiting');
		assert.equal(new URL(page.url()).searchParams.get('tab'), 'setup', 'without data the page is for setting up');
		assert.equal(await page.textContent('#tag'), `<script async src="${front.origin}/drum.js" data-site="demo"></script>`);
		assert.match(await textOf('#refusal'), /Global Privacy Control/);
		for (const tab of TABS) {
			await page.click(`#tabs [data-key="tab-${tab}"]`);
			await settled();
			assert.equal(await page.locator('.panel.failed').count(), 0, `${tab} of an empty store`);
		}

		await send(one, '{}');
		await send(one, beacon(0), { 'Sec-GPC': '1' });
		await page.click('#tabs [data-key="tab-setup"]');
		await page.waitForSelector('#refused');
		assert.match(await textOf('#refused'), /1 of browsers that ask not to be measured .*1 malformed/);

		await send(one, beacon(1));
		await page.waitForSelector('#arrived tbody tr');
		assert.match(await textOf('#arrived'), /Views arrive for one site/);
		await page.click('#arrived tbody a');
		await page.waitForSelector('#tile-lcp');
		assert.match(await textOf('#tile-lcp'), /▲ needs improvement3\.00 s p75.*nothing to compare with1 view$/);
		assert.match(await textOf('#nothing-wrong'), /No page/);
		for (const tab of TABS) {
			await page.click(`#tabs [data-key="tab-${tab}"]`);
			await settled();
			assert.equal(await page.locator('.panel.failed').count(), 0, `${tab} of one row`);
		}
		await page.click('#tabs [data-key="tab-overview"]');
		await page.waitForSelector('#tile-lcp');

		front.to(null);
		await one.end();
		await page.click('#tile-cls');
		await page.waitForSelector('#banner:not([hidden])');
		assert.match(await textOf('#banner'), /does not answer/);
		assert.match(await textOf('#tile-lcp'), /3\.00 s/, 'the last figures stay');
		one = await serve(store);
		front.to(one.url);
		await send(one, beacon(2));
		await page.waitForSelector('#banner', { state: 'hidden' });
		await until('the new view', async () => (await textOf('#tile-views')).startsWith('Views2'));

		front.to(null);
		await one.end();
		await rm(join(store, 'tokens'));
		one = await serve(store);
		front.to(one.url);
		await page.waitForSelector('#login:not([hidden])');
		assert.match(await textOf('#login-why'), /does not know that token, or no longer/);
		assert.equal(await page.locator('#main .panel').count(), 0, 'what the token showed is gone');
		await page.fill('#token', TOKEN);
		await page.click('#login button');
		await page.waitForSelector('#tile-lcp');
	} finally {
		front.close();
		await one.end();
	}
});

test('without views it says so, counts the bots that are hidden, and shows them', async () => {
	const bots = [1, 2].map((i) => server.query(`INSERT INTO pageviews FORMAT JSONEachRow ${JSON.stringify({
		site: 'robots', ts: new Date(Date.now() - 60000 * i).toISOString().slice(0, 19).replace('T', ' '), path: '/', view_id: i, bot: 'curl', lcp: 1000 })}`));
	await Promise.all(bots);
	await measure();
	await open({ site: 'nobody', range: '1h' });
	assert.equal(await textOf('#diagnosis .panel-body'), 'No data: there are no views in this period.');
	await open({ site: 'robots', range: '1h' });
	assert.equal(await textOf('#diagnosis .panel-body'), 'No data: there are no views in this period.2 views of bots are hidden. Show them');
	assert.ok((await page.evaluate(() => window.measured.cls)) < 0.01);
	await page.click('#hidden-bots a');
	await settled();
	await until('the views of bots', async () => (await textOf('#tile-views')).startsWith('Views2'));
	assert.ok(await page.isChecked('#bots'));
	assert.match(await textOf('#nothing-wrong'), /No page/);
	await open({ site: 'robots', range: '1h', metric: 'inp', bots: '1' });
	assert.equal(await textOf('#diagnosis .panel-body'), 'No data: none of the views shown has INP.');
});

test('sampled rows count as many views as they stand for, and are marked', async () => {
	const ts = new Date(Date.now() - 600000).toISOString().slice(0, 19).replace('T', ' ');
	for (const [i, weight] of [1, 9, 90].entries())
		await server.query(`INSERT INTO pageviews FORMAT JSONEachRow ${JSON.stringify({ site: 'sampled', ts, path: '/', view_id: i + 1, session_id: i + 1, lcp: 1000 * (i + 1), _sample_interval: weight })}`);
	await open({ site: 'sampled', range: '1h' });
	assert.match(await textOf('#tile-views'), /^Views100/);
	assert.match(await textOf('#tile-lcp'), /3\.00 s p75/);
	assert.ok(await page.isVisible('#tiles .weighted'));
	assert.match(await textOf('#tile-sessions'), /^Sessions≥ 3/, 'those of which nothing was kept are not known');
});

test('errors of sampled views count as many views as they stand for', async () => {
	const ts = new Date(Date.now() - 600000).toISOString().slice(0, 19).replace('T', ' ');
	const view = (view_id) => ({ site: 'sampled-errors', ts, path: '/', device: view_id % 3 ? 'mobile' : 'desktop', view_id, _sample_interval: 10 });
	const put = (table, all) => server.query(`INSERT INTO ${table} FORMAT JSONEachRow ${all.map((row) => JSON.stringify(row)).join('\n')}`);
	await put('pageviews', [1, 2, 3, 4].map((id) => ({ ...view(id), error_count: id < 4 ? 2 : 0 })));
	await put('errors', [1, 1, 2, 3].map((id) => ({ ...view(id), type: 'TypeError', message: 'x', fingerprint: 7, occurrences: 2 })));
	await open({ tab: 'errors', site: 'sampled-errors', range: '1h' });
	assert.deepEqual((await cellsOf('#groups'))[0].slice(1, 4), ['30', '75.00 %', '80']);
	await page.click('#groups a');
	await page.waitForSelector('#group');
	await settled();
	assert.deepEqual(await cellsOf('#errors-by-device'), [['mobile', '20', '67 %'], ['desktop', '10', '33 %']]);
	assert.ok(await page.isVisible('#errors-by-device .weighted'));
});

test('a release does not stand out by views that were not kept', async () => {
	const at = (minutes) => new Date(Date.now() - minutes * 60000).toISOString().slice(0, 19).replace('T', ' ');
	const rows = Array.from({ length: 80 }, (_, i) => ({
		site: 'sampled-releases', ts: at(i < 40 ? 40 : 20), path: '/', view_id: i + 1, release: i < 40 ? '1' : '2', lcp: 3000 + 20 * (i % 40) + (i < 40 ? 0 : 60), _sample_interval: 100,
	}));
	await server.query(`INSERT INTO pageviews FORMAT JSONEachRow ${rows.map((row) => JSON.stringify(row)).join('\n')}`);
	await open({ site: 'sampled-releases', range: '1h' });
	assert.match(await textOf('#diagnosis'), /no release stands out/);
});

test('live: a view that arrives is shown without a reload', async () => {
	await open({ site: 'live', range: '1h' });
	assert.equal(await page.getAttribute('#live', 'data-state'), 'live');
	await send(server, beacon(3).replace('"shop"', '"live"'));
	await until('the view', async () => (await textOf('#tile-views')).startsWith('Views1'));
	await page.click('#pause');
	assert.equal(await page.getAttribute('#live', 'data-state'), 'still');
	await until('its path', async () => (await cellsOf('#by-path')).map((row) => row[0]).join() === '/one');
});
