/*
 * The dashboard's figures as its page shows them, by the names of whole.mjs:
 * texts, out of the DOM.
 */
import { TOKEN, until } from '../serve.mjs';
import { METRICS, TABLES, VITALS } from './whole.mjs';

const SETTLED_MS = 60000;

const settled = (page) => until('the panels to settle', () =>
	page.evaluate(() => document.querySelector('#main .panel') !== null && document.querySelector('#main [aria-busy]') === null), SETTLED_MS);

/** Rows of a panel's table: { name, key, cells, shares }. */
const rowsOf = (page, selector) => page.$$eval(`${selector} tbody tr`, (rows) => rows.map((tr) => ({
	key: tr.querySelector('[data-key]')?.dataset.key.replace(/^[^:]*:/, ''),
	cells: [...tr.cells].map((cell) => cell.textContent.replace(/\s+/g, ' ').trim()),
	shares: tr.querySelector('.shares')?.getAttribute('aria-label') ?? '',
})));

function putShares(seen, name, label) {
	for (const [, value, word] of label.matchAll(/((?:< )?[\d.]+ %) (good|needs|poor)/g)) seen.set(`${name} ${word}`, value);
}

/* "▲ 2.35 s" */
const withoutGlyph = (text) => text.replace(/^[●▲■]( good| needs improvement| poor)? /, '');

async function overview(page, seen) {
	const tiles = await page.$$eval('#tiles .tile', (all) => all.map((tile) => {
		const text = (selector) => tile.querySelector(selector)?.textContent.trim() ?? '';
		return { id: tile.id.replace('tile-', ''), value: text('.tile-value'), change: text('.change'), views: text('.note'), shares: tile.querySelector('.shares')?.getAttribute('aria-label') ?? '' };
	}));
	for (const { id, value, change, views, shares } of tiles) {
		if (!(id in VITALS)) {
			seen.set(`tile ${id}`, value);
			continue;
		}
		seen.set(`tile ${id} p75`, value.replace(/ p75$/, ''));
		seen.set(`tile ${id} change`, change);
		seen.set(`tile ${id} views`, views.replace(/ views?$/, ''));
		putShares(seen, `tile ${id}`, shares);
	}
	const facts = await page.$$eval('#diagnosis dt', (all) => all.map((dt) => [dt.textContent, dt.nextElementSibling.querySelector('.fact').textContent]));
	for (const [label, fact] of facts) seen.set(`diagnosis ${label}`, fact);
	seen.set('verdict', await page.$eval('#verdict', (e) => e.textContent));
	for (const part of await page.$$eval('#verdict-panel .verdict-part', (all) => all.map((e) => e.textContent))) {
		const [, key, value, share] = /^(\w+) (.+?) [●▲■] (.+ %) good$/.exec(part) ?? [];
		if (key) seen.set(`verdict ${key.toLowerCase()} p75`, value).set(`verdict ${key.toLowerCase()} good`, share);
	}
	const label = await page.getAttribute('#series .chart-views .plot', 'aria-label');
	const [, views, failed] = /^([\d,]+) views over time, ([\d,]+) of them/.exec(label) ?? [];
	seen.set('series views', views).set('series failed', failed);
}

async function where(page, seen, metric) {
	for (const key of TABLES) {
		for (const { key: value, cells, shares } of await rowsOf(page, `#by-${key}`)) {
			const name = `${key} ${value || '(none)'} ${metric}`;
			seen.set(`${name} views`, cells[1]).set(`${name} p75`, withoutGlyph(cells[2]));
			putShares(seen, name, shares);
		}
	}
	if (metric !== 'lcp') return;
	const bars = await page.$$eval('#distribution .bars > span', (all) => all.map((bar) => / ([\d,]+) views/.exec(bar.title)[1]));
	bars.forEach((views, i) => views !== '0' && seen.set(`bar ${i}`, views));
	const percentiles = await page.$$eval('#distribution .percentiles > div', (all) => all.map((one) => [...one.children].map((e) => e.textContent)));
	for (const [p, value] of percentiles) seen.set(`distribution ${p}`, value);
}

/** What the map says of a country that its table says otherwise. */
async function mapDiffers(page, seen) {
	const areas = await page.$$eval('#map-panel [data-country]', (all) => all.map((area) => [area.dataset.country, area.textContent]));
	return areas.filter(([country, label]) => !label.includes(`: p75 ${seen.get(`country ${country} lcp p75`)} (`) || !label.endsWith(`, ${seen.get(`country ${country} lcp views`)} views`)).map(([, label]) => label);
}

async function why(page, seen) {
	for (const key of ['lcp', 'inp'])
		for (const { cells } of await rowsOf(page, `#phases-${key}`)) seen.set(`phase ${key} ${cells[0]} mean`, cells[2]).set(`phase ${key} ${cells[0]} p75`, cells[3]);
}

async function compare(page, seen) {
	for (const { cells } of await rowsOf(page, '#figures')) {
		const [, label, what] = /^(\w+) (p75|good)$/.exec(cells[0]) ?? [];
		if (label) seen.set(`compare ${label.toLowerCase()} ${what}`, cells[3]);
	}
}

async function errors(page, seen, first) {
	seen.set('error share', await page.$eval('#error-share', (e) => e.textContent).catch(() => undefined));
	const rows = await rowsOf(page, '#groups');
	const types = rows.map(({ cells }) => cells[0].split(':')[0]);
	seen.set('error causes', [...types].sort().join(', '));
	rows.forEach(({ cells }, i) => {
		const name = `error ${types[i]}`;
		seen.set(`${name} views`, cells[1]).set(`${name} share`, cells[2]).set(`${name} times`, cells[3]).set(`${name} releases`, /^(\d+), to /.exec(cells[7])?.[1] ?? '1');
	});
	if (!types.includes(first)) return;
	await page.click(`#groups a:has-text("${first}")`);
	await page.waitForSelector('#group');
	await settled(page);
	for (const key of ['device', 'country', 'path'])
		for (const { key: value, cells } of await rowsOf(page, `#errors-by-${key}`)) seen.set(`error ${first} ${key} ${value || '(none)'} views`, cells[1]);
}

/** Reads a site's dashboard on every tab: { seen: Map of texts, wrong: [what is at odds with itself] }. `first`: the error whose page is read. */
export async function read(context, url, { site, range, first }) {
	const page = await context.newPage();
	const seen = new Map(), wrong = [];
	page.on('pageerror', (error) => wrong.push(`the page threw ${error.message}`));
	const open = async (search) => {
		await page.goto(`${url}/?${new URLSearchParams({ site, range, ...search })}#token=${TOKEN}`);
		await settled(page);
	};
	try {
		await page.setViewportSize({ width: 1440, height: 1000 });
		await open({});
		await overview(page, seen);
		for (const metric of METRICS) {
			await open({ tab: 'where', metric });
			await where(page, seen, metric);
			if (metric === 'lcp') for (const label of await mapDiffers(page, seen)) wrong.push(`the map says ${label}`);
		}
		await open({ tab: 'why' });
		await why(page, seen);
		await open({ tab: 'compare', a: 'device:mobile', b: 'device:desktop', rb: '' });
		await compare(page, seen);
		await open({ tab: 'errors' });
		await errors(page, seen, first);
	} finally {
		await page.close();
	}
	return { seen, wrong };
}
