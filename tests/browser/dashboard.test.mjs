/*
 * Goal: what each panel of the dashboard shows is what SQL answers; the state is
 * in the URL; the keyboard reaches everything; a failed query stays in its panel.
 * Method: generated views in a real server, real Chromium at a fixed period; the
 * figures are read from the page and compared with queries written here.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TOKEN, until } from '../serve.mjs';
import { BEFORE, FROM_MS, RANGE, TO_MS, cellsOf, count, hooks, measure, ms, open, page, percent, rowsOf, seen, server, settled, textOf, vital, where } from './dashboard.mjs';

const VITALS = { lcp: [2500, 4000], inp: [200, 500], cls: [0.1, 0.25], fcp: [1800, 3000], ttfb: [800, 1800] };
const TABS = ['overview', 'where', 'why', 'errors', 'compare', 'setup'];
const AT = { site: 'shop', range: RANGE };

hooks();

const show = (search) => open({ ...AT, ...search });
const rows = rowsOf;
const signed = (x, shown) => `${!/[1-9]/.test(shown) ? '±' : x > 0 ? '+' : '−'}${shown}`;

test('overview: every tile is what SQL answers', async () => {
	await show();
	const columns = Object.entries(VITALS).map(([key, [good, poor]]) =>
		`quantile(0.75)(${key}) AS ${key}_p, countIf(${key} <= ${good}) / count(${key}) AS ${key}_good, countIf(${key} > ${poor}) / count(${key}) AS ${key}_poor`);
	const select = (range) => rows(`SELECT count() AS views, uniq(session_id) AS sessions, countIf(error_count > 0) AS failed, ${columns.join(', ')} FROM pageviews WHERE ${where(...range)}`);
	const [[now], [then]] = await Promise.all([select([]), select(BEFORE)]);
	for (const [key, [good, poor]] of Object.entries(VITALS)) {
		const text = await textOf(`#tile-${key}`);
		const value = now[`${key}_p`];
		assert.ok(text.includes(`${vital(key, value)} p75`), `${key}: ${text}`);
		assert.ok(text.includes(value <= good ? '● good' : value <= poor ? '▲ needs improvement' : '■ poor'), text);
		const label = await page.getAttribute(`#tile-${key} .shares`, 'aria-label');
		assert.equal(label, `${percent(now[`${key}_good`])} good, ${percent(1 - now[`${key}_good`] - now[`${key}_poor`])} needs improvement, ${percent(now[`${key}_poor`])} poor`);
		const change = value - then[`${key}_p`];
		assert.ok(text.includes(`${signed(change, vital(key, Math.abs(change)))} ±`), `${key} changed by ${change}: ${text}`);
	}
	assert.ok((await textOf('#tile-views')).includes(count(now.views)));
	assert.ok((await textOf('#tile-sessions')).includes(count(now.sessions)));
	const errors = await textOf('#tile-errors');
	assert.ok(errors.includes(percent(now.failed / now.views, 2)), errors);
	const moved = (now.failed / now.views - then.failed / then.views) * 100;
	assert.match(errors, / points/);
	assert.ok(errors.includes(`${signed(moved, Math.abs(moved).toFixed(2))} ± `), `errors moved by ${moved}: ${errors}`);
});

test('overview: the verdict is of 28 days, the series has the extremes', async () => {
	await show();
	const [, to] = RANGE.split('~');
	const [row] = await rows(`SELECT quantile(0.75)(lcp) AS lcp_p, quantile(0.75)(inp) AS inp_p, quantile(0.75)(cls) AS cls_p FROM pageviews WHERE site = 'shop' AND bot = '' AND ts < '${to.replace('T', ' ')}:00'`);
	const verdict = await textOf('#verdict-panel .verdict');
	for (const key of ['lcp', 'inp', 'cls']) assert.ok(verdict.includes(`${key.toUpperCase()} ${vital(key, row[`${key}_p`])}`), verdict);
	assert.ok(verdict.includes(row.lcp_p <= 2500 && row.inp_p <= 200 && row.cls_p <= 0.1 ? '✓ passed' : '✗ failed'), verdict);
	const steps = await rows(`SELECT intDiv(toUnixTimestamp(ts), 7200) AS t, quantile(0.75)(lcp) AS p FROM pageviews WHERE ${where()} GROUP BY t ORDER BY t`);
	const values = steps.map((step) => step.p);
	const label = await page.getAttribute('#series .chart-main .plot', 'aria-label');
	assert.ok(label.includes(`from ${ms(Math.min(...values))} to ${ms(Math.max(...values))}, at the end ${ms(values.at(-1))}; releases: 1.8.0 on `), label);
	const [all] = await rows(`SELECT count() AS n, countIf(error_count > 0) AS failed FROM pageviews WHERE ${where()}`);
	assert.equal(await page.getAttribute('#series .chart-views .plot', 'aria-label'), `${count(all.n)} views over time, ${count(all.failed)} of them with errors`);
});

test('overview: tables are by impact, for each vital and percentile', async () => {
	for (const [metric, p] of [['lcp', 75], ['inp', 95]]) {
		await show({ metric, p });
		const [good] = VITALS[metric];
		const expected = await rows(`SELECT path, count(${metric}) AS n, quantile(${p / 100})(${metric}) AS q FROM pageviews WHERE ${where()} GROUP BY path HAVING n > 0 ORDER BY n * greatest(q - ${good}, 0) DESC, n DESC LIMIT 8`);
		const cells = await cellsOf('#by-path');
		assert.deepEqual(cells.map(([path, n, q]) => [path, n, q.replace(/^[●▲■]( good| needs improvement| poor)? /, '')]), expected.map((row) => [row.path, count(row.n), vital(metric, row.q)]));
	}
});

test('overview: what to fix first names page, people, element and release', async () => {
	await show();
	const facts = await page.$$eval('#diagnosis .fact', (all) => all.map((e) => e.textContent));
	assert.deepEqual(facts, ['/category/:id', 'India, mobile', '#carousel>img', 'release 1.8.0', "TypeError: Cannot read properties of undefined (reading 'slides')"]);
	assert.match(await textOf('#diagnosis'), /Mostly load time/);
	const [row] = await rows(`SELECT count(lcp) AS n, quantile(0.75)(lcp) AS q FROM pageviews WHERE ${where()} AND path = '/category/:id' AND country = 'IN' AND device = 'mobile'`);
	assert.ok((await textOf('#diagnosis')).includes(`■ poor ${ms(row.q)} at p75, ${count(row.n)} views`));
	await page.click('#diagnosis a:has-text("India")');
	await settled();
	assert.deepEqual(new URL(page.url()).searchParams.getAll('f'), ['path:/category/:id', 'country:IN', 'device:mobile']);
	assert.ok((await textOf('#tile-views')).includes(count((await rows(`SELECT count() AS n FROM pageviews WHERE ${where()} AND path = '/category/:id' AND country = 'IN' AND device = 'mobile'`))[0].n)));
});

test('where: map, distribution and tables are what SQL answers', async () => {
	await show({ tab: 'where' });
	const countries = await rows(`SELECT country, count(lcp) AS n, quantile(0.75)(lcp) AS q FROM pageviews WHERE ${where()} GROUP BY country`);
	const shown = new Map(await page.$$eval('#map-panel [data-country]', (all) => all.map((e) => [e.dataset.country, e.textContent])));
	for (const { country, n, q } of countries.filter((row) => shown.has(row.country)))
		assert.ok(shown.get(country).endsWith(`: p75 ${ms(q)} (${q <= 2500 ? 'good' : q <= 4000 ? 'needs improvement' : 'poor'}), ${count(n)} views`), shown.get(country));
	assert.ok(shown.size >= countries.filter((row) => row.country !== '').length - 1, `${shown.size} countries on the map of ${countries.length}`);
	const bars = await page.$$eval('#distribution .bars > span', (all) => all.map((e) => Number(/: ([\d,]+) views/.exec(e.title)[1].replaceAll(',', ''))));
	const [whole] = await rows(`SELECT countIf(lcp <= 250) AS first, countIf(lcp > 2250 AND lcp <= 2500) AS last_good, countIf(lcp > 8000) AS beyond, count(lcp) AS n FROM pageviews WHERE ${where()}`);
	assert.deepEqual([bars[0], bars[9], bars[32], bars.reduce((a, b) => a + b)], [whole.first, whole.last_good, whole.beyond, whole.n]);
	const plans = await rows(`SELECT tags['plan'] AS plan, count(lcp) AS n FROM pageviews WHERE ${where()} GROUP BY plan ORDER BY n DESC`);
	assert.deepEqual((await cellsOf('#by-tag')).map(([plan, n]) => [plan, n]).sort(), plans.map(({ plan, n }) => [plan, count(n)]).sort());
	await page.click('#map-panel [data-country="DE"]', { position: { x: 5, y: 5 }, force: true }).catch(() => page.dispatchEvent('#map-panel [data-country="DE"]', 'click'));
	await until('the filter', () => new URL(page.url()).searchParams.get('f')?.startsWith('country:'));
});

test('where: the distribution of CLS has its thresholds at bars', async () => {
	await show({ tab: 'where', metric: 'cls' });
	const [row] = await rows(`SELECT countIf(cls <= 0.1) / count(cls) AS good, countIf(cls > 0.25) / count(cls) AS poor FROM pageviews WHERE ${where()}`);
	assert.equal(await page.getAttribute('#distribution .bars', 'aria-label'), `Distribution of CLS: ${percent(row.good)} good, ${percent(1 - row.good - row.poor)} needs improvement, ${percent(row.poor)} poor`);
});

test('why: phases and what is to blame', async () => {
	await show({ tab: 'why', f: 'path:/category/:id' });
	const here = `${where()} AND path = '/category/:id'`;
	const [row] = await rows(`SELECT avg(ttfb) AS a, avg(lcp_load_delay) AS b, avg(lcp_load_time) AS c, avg(lcp_render_delay) AS d, avg(lcp) AS e FROM pageviews WHERE ${here}`);
	assert.deepEqual((await cellsOf('#phases-lcp')).map((cells) => cells[2]), Object.values(row).map(ms));
	assert.ok(Math.abs(row.a + row.b + row.c + row.d - row.e) < 1, 'the phases add up to the LCP');
	const elements = await rows(`SELECT lcp_element AS name, count(lcp) AS n, quantile(0.75)(lcp) AS q FROM pageviews WHERE ${here} GROUP BY name ORDER BY n * greatest(q - 2500, 0) DESC`);
	assert.deepEqual((await cellsOf('#elements-lcp')).map(([name, n]) => [name, n]), elements.map(({ name, n }) => [name, count(n)]));
	const [inp] = await rows(`SELECT avg(inp_input_delay) AS a, avg(inp_processing) AS b, avg(inp_presentation) AS c, avg(inp) AS d FROM pageviews WHERE ${here} AND inp IS NOT NULL`);
	assert.deepEqual((await cellsOf('#phases-inp')).map((cells) => cells[2]), Object.values(inp).map(ms));
	const [nav] = await rows(`SELECT avg(dns) AS a, avg(load) AS b, count(redirect) AS redirects FROM pageviews WHERE ${here}`);
	const navigation = Object.fromEntries((await cellsOf('#navigation')).map((cells) => [cells[0], cells[2]]));
	assert.equal((await cellsOf('#navigation')).find(([label]) => label.startsWith('Waiting'))[3], '–');
	assert.deepEqual([navigation.DNS, navigation['To load']], [ms(nav.a), ms(nav.b)]);
	assert.deepEqual([nav.redirects, navigation.Redirects], [0, '–'], 'no view tells of redirects: not 0 ms');
	const [slowest] = await rows(`SELECT max(lcp) AS most FROM pageviews WHERE ${here}`);
	assert.ok((await cellsOf('#slowest'))[0][1].endsWith(ms(slowest.most)));
	await page.click('#phases-lcp a:has-text("beyond good")');
	await settled();
	const [slow] = await rows(`SELECT avg(lcp) AS mean FROM pageviews WHERE ${here} AND lcp > 2500`);
	assert.equal((await cellsOf('#phases-lcp')).at(-1)[2], ms(slow.mean));
});

test('errors: groups, and the page of one', async () => {
	await show({ tab: 'errors' });
	const groups = await rows(`SELECT toString(fingerprint) AS id, max(message) AS text, uniq(view_id) AS views, sum(occurrences) AS times FROM errors WHERE ${where()} GROUP BY fingerprint ORDER BY views DESC, times DESC`);
	const [all] = await rows(`SELECT count() AS views, countIf(error_count > 0) AS failed FROM pageviews WHERE ${where()}`);
	assert.equal(await textOf('#error-share'), percent(all.failed / all.views, 2));
	const cells = await cellsOf('#groups');
	assert.deepEqual(cells.map((row) => row.slice(1, 4)), groups.map((row) => [count(row.views), percent(row.views / all.views, 2), count(row.times)]));
	const slides = groups.find((row) => row.text.includes('slides'));
	const line = cells.find((row) => row[0].includes('slides'));
	assert.match(line[5], /^✦ /, 'new since the release');
	await page.click('#groups a:has-text("slides")');
	await settled();
	assert.equal(new URL(page.url()).searchParams.get('error'), slides.id);
	assert.match(await page.textContent('#group .stack'), /at Carousel\.next \(https:\/\/shop\.example\/carousel\.js:88:31\)/);
	const devices = await rows(`SELECT device, uniq(view_id) AS n FROM errors WHERE ${where()} AND fingerprint = ${slides.id} GROUP BY device ORDER BY n DESC`);
	assert.deepEqual((await cellsOf('#errors-by-device')).map(([name, n]) => [name, n]), devices.map((row) => [row.device, count(row.n)]));
	await page.goBack();
	await page.waitForSelector('#groups tbody tr');
});

test('compare: differences, and whether they are beyond chance', async () => {
	await show({ tab: 'compare', a: 'device:mobile', b: 'device:desktop', rb: '' });
	const of = async (device) => (await rows(`SELECT count() AS n, quantile(0.75)(lcp) AS lcp_p, countIf(lcp <= 2500) / count(lcp) AS good FROM pageviews WHERE ${where()} AND device = '${device}'`))[0];
	const [a, b] = [await of('mobile'), await of('desktop')];
	const figures = Object.fromEntries((await cellsOf('#figures')).map((row) => [row[0], row.slice(1)]));
	assert.ok(figures['LCP p75'][0].endsWith(ms(a.lcp_p)) && figures['LCP p75'][1].endsWith(ms(b.lcp_p)), figures['LCP p75'].join());
	assert.ok(figures['LCP p75'][2].startsWith(`+${ms(a.lcp_p - b.lcp_p)} ±`), figures['LCP p75'][2]);
	assert.equal(figures['LCP p75'][3], 'beyond chance');
	assert.deepEqual(figures['LCP good'].slice(0, 2), [percent(a.good, 2), percent(b.good, 2)]);
	assert.match((await cellsOf('#compare-rows'))[0][3], /▲ worse/);
	await page.click('#sides a:has-text("Release 1.8.0 against 1.7.0")');
	await settled();
	const [first] = await cellsOf('#compare-rows');
	assert.equal(first[0], '/category/:id');
	const [release] = await rows(`SELECT quantile(0.75)(lcp) AS q FROM pageviews WHERE ${where()} AND path = '/category/:id' AND release = '1.8.0'`);
	assert.ok(first[1].endsWith(ms(release.q)), first[1]);
});

test('compare: two halves of the same traffic differ by chance', async () => {
	await show({ tab: 'compare', a: 'tag.plan:free', b: 'tag.plan:free', rb: '' });
	for (const row of await cellsOf('#figures')) assert.equal(row[4], 'within chance', row.join());
});

test('explore: a query, its table, chart and CSV; an error; the schema', async () => {
	const q = `SELECT toStartOfDay(ts) AS day, count() AS views, max('=1+1') AS formula FROM pageviews WHERE ${where()} GROUP BY day ORDER BY day`;
	await show({ tab: 'explore' });
	await page.fill('#sql', q);
	await page.press('#sql', 'Control+Enter');
	await page.waitForSelector('#answer tbody tr');
	const expected = await rows(q);
	assert.deepEqual(await cellsOf('#answer'), expected.map((row) => [row.day, String(row.views), '=1+1']));
	assert.equal(new URL(page.url()).searchParams.get('q'), q);
	assert.equal(await page.locator('#answer-chart canvas').count(), 1);
	const saved = await page.evaluate(async () => {
		let blob;
		const make = URL.createObjectURL;
		URL.createObjectURL = (object) => make.call(URL, (blob = object));
		document.querySelector('#csv').click();
		return blob.text();
	});
	assert.equal(saved, ['"day","views","formula"', ...expected.map((row) => `"${row.day}",${row.views},"'=1+1"`)].map((line) => `${line}\r\n`).join(''));
	await page.fill('#sql', 'SELECT lpc FROM pageviews');
	await page.click('#run');
	await page.waitForSelector('#answer-status .error-text');
	assert.match(await textOf('#answer-status'), /Unknown column lpc .* maybe you meant: lcp/);
	await page.click('#schema button:has-text("lcp_element")');
	assert.match(await page.inputValue('#sql'), /lcp_element/);
	assert.ok((await page.$$eval('#history option', (all) => all.map((e) => e.value))).includes(q), 'the query is in the history');
});

test('every panel shows its SQL, and the SQL answers', async () => {
	let asked = 0;
	for (const tab of TABS) {
		await show({ tab, f: "path:/it's\\here", metric: 'inp' });
		for (const button of await page.$$('.panel button[aria-controls]')) await button.click();
		const queries = await page.$$eval('.sql-block pre', (all) => all.map((e) => e.textContent));
		assert.ok(queries.length >= (tab === 'setup' ? 3 : 1), `${tab}: ${queries.length}`);
		await Promise.all(queries.map((sql) => server.query(sql)));
		if (!['setup'].includes(tab)) assert.ok(queries.some((sql) => sql.includes("path = '/it\\'s\\\\here'")), tab);
		asked += queries.length;
	}
	assert.ok(asked > 40, `${asked} queries`);
	await page.click('.sql-block a');
	await page.waitForSelector('#answer tbody tr');
});

test('the state is in the URL: filters, reload, back', async () => {
	await show();
	await page.click('#by-path a:has-text("/category/:id")');
	await settled();
	await page.click('#by-device a:has-text("tablet")');
	await settled();
	await page.click('.chip a[aria-label^="Device is tablet: turn"]');
	await settled();
	const views = async (condition) => count((await rows(`SELECT count() AS n FROM pageviews WHERE ${where()} AND ${condition}`))[0].n);
	assert.ok((await textOf('#tile-views')).includes(await views(`path = '/category/:id' AND device != 'tablet'`)));
	const url = page.url();
	assert.ok(!url.includes(TOKEN));
	await page.reload();
	await settled();
	assert.equal(page.url(), url);
	assert.ok((await textOf('#tile-views')).includes(await views(`path = '/category/:id' AND device != 'tablet'`)));
	await page.goBack();
	await settled();
	await until('the filter as it was', async () => (await textOf('#tile-views')).includes(await views(`path = '/category/:id' AND device = 'tablet'`)));
	assert.ok((await page.$$eval('a[href]', (all) => all.map((a) => a.href))).every((href) => !href.includes(TOKEN)), 'no link carries the token');
});

test('long periods: a month, years, and all that can be told have their answers', async () => {
	for (const from of ['2025-12-01', '2020-01-01', '1970-01-01']) {
		for (const tab of ['overview', 'errors', 'where']) {
			await open({ site: 'shop', tab, range: `${from}T00:00~${RANGE.split('~')[1]}` });
			assert.deepEqual(await page.$$eval('.error-text', (found) => found.map((element) => element.textContent)), [], `${tab} from ${from}`);
		}
	}
});

test('a stretch drawn across a chart is the period', async () => {
	await show();
	const box = await page.locator('#series .chart-main .u-over').boundingBox();
	await page.mouse.move(box.x + box.width / 4, box.y + 50);
	await page.mouse.down();
	await page.mouse.move(box.x + box.width / 2, box.y + 60, { steps: 4 });
	assert.match(await textOf('#series .readout'), /p75 .* views$/);
	await page.mouse.up();
	await settled();
	const [from, to] = new URL(page.url()).searchParams.get('range').split('~').map((time) => Date.parse(`${time}Z`));
	const whole = TO_MS - FROM_MS;
	assert.ok(Math.abs(from - (FROM_MS + whole / 4)) < whole / 50 && Math.abs(to - (FROM_MS + whole / 2)) < whole / 50, `${from} to ${to}`);
	const [row] = await rows(`SELECT count() AS n FROM pageviews WHERE ${where(from, to)}`);
	await until('the views of that period', async () => (await textOf('#tile-views')).includes(count(row.n)));
});

test('a filter is typed, with suggestions', async () => {
	await show();
	await page.selectOption('#filter-key', 'country');
	await until('suggestions', () => page.$$eval('#filter-values option', (all) => all.length > 10));
	await page.fill('#filter-value', 'DE');
	await page.press('#filter-value', 'Enter');
	await settled();
	assert.equal(new URL(page.url()).searchParams.get('f'), 'country:DE');
	await page.selectOption('#filter-key', 'tag');
	await page.fill('#filter-tag', 'plan');
	await page.fill('#filter-value', 'pro');
	await page.press('#filter-value', 'Enter');
	await settled();
	assert.ok((await textOf('#tile-views')).includes(count((await rows(`SELECT count() AS n FROM pageviews WHERE ${where()} AND country = 'DE' AND tags['plan'] = 'pro'`))[0].n)));
});

test('the keyboard', async () => {
	await show();
	const param = (name) => new URL(page.url()).searchParams.get(name);
	await page.keyboard.press('2');
	await page.waitForSelector('#map-panel');
	assert.equal(param('tab'), 'where');
	await page.keyboard.press('v');
	assert.equal(param('metric'), 'inp');
	await page.keyboard.press('p');
	assert.equal(param('p'), '90');
	await page.keyboard.press('/');
	assert.equal(await page.evaluate(() => document.activeElement.id), 'filter-value');
	await page.keyboard.type('2vp');
	assert.equal(param('metric'), 'inp', 'what is typed is no command');
	await page.keyboard.press('Escape');
	await page.evaluate(() => document.activeElement.blur());
	await page.keyboard.press('?');
	assert.ok(await page.isVisible('#help'));
	await page.keyboard.press('Escape');
	assert.ok(!(await page.isVisible('#help')));
	await page.keyboard.press('?');
	assert.ok(await page.evaluate(() => { // a key before the next frame, in which the focus leaves what is hidden
		document.getElementById('help').close();
		const { activeElement } = document;
		activeElement.dispatchEvent(new KeyboardEvent('keydown', { key: '1', bubbles: true, cancelable: true }));
		return activeElement.id === 'shortcuts';
	}));
	await page.waitForSelector('#tiles');
	await page.click('#help-open');
	await page.uncheck('#shortcuts');
	await page.keyboard.press('Escape');
	await page.keyboard.press('2');
	await settled();
	assert.equal(param('tab'), null, 'shortcuts can be turned off');
	await page.evaluate(() => localStorage.clear());
});

test('a failed query stays in its panel, with a retry', async () => {
	let refuse = true;
	await page.route('**/query?*', (route) =>
		refuse && route.request().postData().includes('uniqIf(session_id') ? route.fulfill({ status: 500, contentType: 'text/plain', body: 'Code: 241. DB::Exception: too much memory (MEMORY_LIMIT_EXCEEDED)\n' }) : route.continue());
	await show();
	assert.match(await textOf('#tiles .panel-status'), /too much memory/);
	assert.ok((await cellsOf('#by-path')).length > 0, 'the others live on');
	refuse = false;
	await page.click('#tiles .panel-status button');
	await page.waitForSelector('#tile-lcp');
	assert.equal(await textOf('#tiles .panel-status'), '');
});

test('it meets its own vitals, and its first view is small', async () => {
	let bytes = 0;
	const network = await page.context().newCDPSession(page);
	await network.send('Network.enable');
	network.on('Network.loadingFinished', (event) => (bytes += event.encodedDataLength));
	await measure();
	await show();
	assert.ok(bytes < 150e3, `${bytes} bytes`);
	const loads = [await page.evaluate(() => window.measured)];
	/* The best counts, for other programs run beside this one: until that is good, or no doubt is left. */
	const best = () => Math.min(...loads.map((load) => load.lcp));
	for (let i = 0; i < 2 || (best() >= 1000 && i < 30); i++) {
		await page.reload();
		await settled();
		loads.push(await page.evaluate(() => window.measured));
	}
	assert.ok(loads.every(({ cls }) => cls < 0.001), `CLS ${loads.map(({ cls, shifts }) => `${cls} ${shifts}`)}`);
	assert.ok(best() > 0 && best() < 1000, `LCP ${best()} ms`);
	/* What a click on nothing takes is the machine's share. */
	for (let i = 0; i < 3; i++) await page.click('footer span');
	const idle = await page.evaluate(() => window.measured.handled.splice(0) && window.measured.durations.splice(0));
	const share = Math.max(0, ...idle), tabs = ['#tabs a:nth-child(2)', '#tabs a:nth-child(1)', '#tile-lcp'];
	let handled = [], durations = [];
	for (let round = 0; round === 0 || (round < 20 && (Math.min(...handled) >= 50 || Math.min(...durations) - share >= 100)); round++) {
		for (const selector of round === 0 ? ['#tile-inp', '#tile-cls', '#by-path a', ...tabs] : tabs) {
			await page.click(selector);
			await settled();
		}
		({ durations, handled } = await page.evaluate(() => window.measured));
	}
	assert.ok(Math.min(...handled) < 50, `handlers ran for ${handled} ms`);
	assert.ok(Math.min(...durations) - share < 100, `clicks took ${durations} ms until the next frame, on nothing ${share} ms`);
});

test('answers that are slow move nothing, and the first figures do not wait for the last', async () => {
	/* Later than half a second after a click a shift counts. */
	let late = [], release;
	const held = new Promise((resolve) => (release = resolve));
	await page.route('**/query?*', async (route) => {
		const sql = route.request().postData();
		await new Promise((resolve) => setTimeout(resolve, 600));
		if (late.some((text) => sql.includes(text))) await held;
		route.continue().catch(() => {});
	});
	await measure();
	late = ['toStartOfInterval(ts'];
	const opened = open(AT);
	await page.waitForSelector('#tile-lcp');
	assert.ok((await page.getAttribute('#tiles', 'aria-busy')) !== null, 'the tiles are there before their course');
	release();
	await opened;
	assert.equal(await page.locator('#tile-lcp polyline').count(), 1);
	late = [];
	for (const tab of [...TABS.slice(1), 'overview']) {
		await page.click(`#tabs [data-key="tab-${tab}"]`);
		await settled();
	}
	const { cls, shifts } = await page.evaluate(() => window.measured);
	assert.ok(cls < 0.001, `CLS ${cls}: ${shifts}`);
});

test('set-up: coverage is of the pages that the logs know, while those last', async () => {
	const put = (table, all) => server.query(`INSERT INTO ${table} FORMAT JSONEachRow ${all.map((row) => JSON.stringify({ site: 'covered', ...row })).join('\n')}`);
	const now = Date.now();
	const recent = (minutes) => new Date(now - 86400000 + minutes * 60000).toISOString().slice(0, 19).replace('T', ' ');
	await put('events', [0, 1, 2, 10].map((minutes) => ({ ts: recent(minutes), category: 'request', name: 'page', path: '/one' }))
		.concat([3, 4].map((minutes) => ({ ts: recent(minutes), category: 'request', name: 'page', path: '/two' })), { ts: recent(5), category: 'request', name: 'page', path: '/one', bot: 'a bot' }));
	await put('pageviews', [
		{ ts: recent(0), path: '/one', view_id: 1 }, { ts: recent(1), path: '/one', view_id: 2 }, { ts: recent(10), path: '/one', view_id: 3 },
		{ ts: recent(2), path: '/one', view_id: 4, nav_type: 'back_forward_cache' }, { ts: recent(11), path: '/two', view_id: 5 }, { ts: recent(-60), path: '/one', view_id: 6 },
	]);
	await open({ tab: 'setup', site: 'covered' });
	const cells = await cellsOf('#coverage');
	assert.deepEqual(cells, [['covered', '6', '3', '50.0 %'], ['/two', '2', '0', '0.0 %'], ['/one', '4', '3', '75.0 %']]);
});
