/*
 * Where and for whom: the map, the distribution, and a table by each dimension,
 * worst first. A click on any of them is a filter.
 */
import { h, replace, s } from './dom.js';
import { count, percent, vital } from './format.js';
import { dimensionPanel } from './overview.js';
import { Panel } from './panel.js';
import { badge, dimensionColumns, table } from './parts.js';
import { byDimension, isDimension, period, scope, select } from './sql.js';
import { go, link, state, withFilter } from './state.js';
import { RATINGS, VITALS, rate, valueLabel } from './vitals.js';

/* ---- map --------------------------------------------------------------- */

let atlas; // world.json, once it is asked for

function loadAtlas() {
	atlas ??= fetch('/world.json').then((answer) => {
		if (!answer.ok) throw new Error(`the map: ${answer.status}`);
		return answer.json();
	});
	atlas.catch(() => (atlas = undefined));
	return atlas;
}

/* Two classes of each rating: [upper bound, class]. */
function classes(key) {
	const { good, poor } = VITALS[key];
	return [
		[good * 0.7, 'good-1', 'good'],
		[good, 'good-2', 'good'],
		[(good + poor) / 2, 'needs-1', 'needs'],
		[poor, 'needs-2', 'needs'],
		[poor * 1.5, 'poor-1', 'poor'],
		[Infinity, 'poor-2', 'poor'],
	];
}

const classOf = (key, value) => classes(key).find(([bound]) => value <= bound)[1];

function legend(key) {
	let from = 0;
	return h('ul', { class: 'legend' }, classes(key).map(([bound, name, rating]) => {
		const text = from === 0 ? `≤ ${vital(key, bound)}` : bound === Infinity ? `> ${vital(key, from)}` : `${vital(key, from)} – ${vital(key, bound)}`;
		from = bound;
		return h('li', null, h('span', { class: `swatch map-${name}` }), `${RATINGS[rating].glyph} ${text}`);
	}));
}

function area(world, code, row, key, p, chosen) {
	const label = row ? `${valueLabel('country', code)}: p${p} ${vital(key, row.value)} (${RATINGS[rate(key, row.value)].word}), ${count(row.views)} views` : `${valueLabel('country', code)}: no views`;
	const props = {
		class: `${row ? `map-${classOf(key, row.value)}` : 'map-none'}${code === chosen ? ' chosen' : ''}`,
		'data-country': row ? code : null,
		onclick: row && (() => go({ filters: withFilter(state().filters, 'country', code) })),
	};
	const shape = world.paths[code]
		? s('path', { ...props, d: world.paths[code] }, s('title', null, label))
		: s('circle', { ...props, cx: world.points[code][0], cy: world.points[code][1], r: 8 }, s('title', null, label));
	return shape;
}

function map(world, rows, key, p, chosen) {
	const known = new Map(rows.map((row) => [row.name, row]));
	const codes = [...Object.keys(world.paths), ...Object.keys(world.points).filter((code) => known.has(code))];
	const worst = rows.filter((row) => world.paths[row.name] || world.points[row.name]).slice(0, 3).map((row) => `${valueLabel('country', row.name)} ${vital(key, row.value)}`);
	return s('svg', { class: 'map', viewBox: `0 0 ${world.width} ${world.height}`, role: 'img',
		'aria-label': `World map of ${VITALS[key].label} p${p} by country; the table of countries has the same. Worst: ${worst.join(', ') || 'none'}` },
	world.rest.map((d) => s('path', { d, class: 'map-none' })),
	[...codes.filter((code) => code !== chosen), ...codes.filter((code) => code === chosen)].map((code) => area(world, code, known.get(code), key, p, chosen)));
}

const mapPanel = () => new Panel({
	id: 'map-panel',
	title: 'By country',
	className: 'span-8',
	async load(ask, now) {
		/* All countries, whichever is chosen: to compare, and to choose another. */
		const all = { ...now, filters: now.filters.filter((f) => f.key !== 'country') };
		const [world, rows] = await Promise.all([loadAtlas(), ask(byDimension(all, period(now.range, Date.now()), ['country'], now.metric, 300))]);
		return { rows, key: now.metric, p: now.p, filters: now.filters, width: world.width };
	},
	async show({ rows, key, p }, body) {
		const world = await loadAtlas();
		const country = state().filters.find((f) => f.key === 'country' && !f.not);
		replace(body, map(world, rows, key, p, country?.value), legend(key),
			country && h('p', { class: 'note' }, `Only ${valueLabel('country', country.value)}: its regions and cities are below. `,
				h('a', { href: link({ filters: state().filters.filter((f) => f !== country) }), 'data-key': 'world' }, 'All countries')));
	},
});

/* ---- distribution -------------------------------------------------------- */

/** Number of the bar: its upper bound belongs to it, as thresholds do. */
function barOf(key) {
	const { step, bars } = VITALS[key];
	const steps = key === 'cls' ? `round(cls * 10000) / ${Math.round(step * 10000)}` : `${key} / ${step}`;
	return `least(greatest(ceil(${steps}) - 1, 0), ${bars})`;
}

async function loadDistribution(ask, now) {
	const key = now.metric;
	const range = period(now.range, Date.now());
	const [rows, [whole]] = await Promise.all([
		ask(`SELECT ${barOf(key)} AS bar, count() AS views\n${scope(now, range, { extra: [`${key} IS NOT NULL`] })}\nGROUP BY bar\nORDER BY bar`),
		ask(select([`count(${key}) AS views`, ...[50, 75, 90, 95, 99].map((p) => `quantile(${p / 100})(${key}) AS p${p}`)], scope(now, range))),
	]);
	return { key, rows, whole };
}

function showDistribution({ key, rows, whole }, body) {
	const { step, bars, good, poor, label } = VITALS[key];
	const views = new Map(rows.map((row) => [row.bar, row.views]));
	const total = rows.reduce((sum, row) => sum + row.views, 0);
	if (total === 0) {
		replace(body, h('p', { class: 'empty' }, 'Nothing in this period.'));
		return;
	}
	const all = Array.from({ length: bars + 1 }, (_, i) => views.get(i) ?? 0);
	const most = Math.max(...all);
	const ratingOf = (i) => (i === bars ? 'poor' : rate(key, (i + 1) * step));
	const part = (rating) => all.reduce((sum, n, i) => sum + (ratingOf(i) === rating ? n : 0), 0) / total;
	const title = (i) => `${i === bars ? `> ${vital(key, bars * step)}` : `${vital(key, i * step)} – ${vital(key, (i + 1) * step)}`}: ${count(all[i])} views (${percent(all[i] / total)})`;
	const sections = [['good', good / step, `≤ ${vital(key, good)}`], ['needs', (poor - good) / step, `≤ ${vital(key, poor)}`], ['poor', bars + 1 - poor / step, `> ${vital(key, poor)}`]];
	replace(body,
		h('div', { class: 'bars', role: 'img', 'aria-label': `Distribution of ${label}: ${sections.map(([rating]) => `${percent(part(rating))} ${RATINGS[rating].word}`).join(', ')}` },
			all.map((n, i) => h('span', { class: ratingOf(i), title: title(i), vars: { '--height': n / most } }))),
		h('div', { class: 'bar-sections' }, sections.map(([rating, weight, bound]) =>
			h('span', { class: rating, vars: { '--weight': weight } }, badge(rating, false), ` ${bound}`, h('br'), h('strong', null, percent(part(rating)))))),
		h('dl', { class: 'percentiles' }, [50, 75, 90, 95, 99].map((p) =>
			h('div', null, h('dt', null, h('a', { href: link({ p }), 'data-key': `p${p}`, 'aria-current': state().p === p ? 'true' : null }, `p${p}`)), h('dd', null, vital(key, whole[`p${p}`]))))),
		h('p', { class: 'note' }, `${count(whole.views)} views`));
}

const distribution = () => new Panel({ id: 'distribution', title: 'Distribution', className: 'span-4', load: loadDistribution, show: showDistribution });

/* ---- tags ------------------------------------------------------------------ */

const SAMPLE = 500; // views whose tags tell the names
const TAG_ROWS = 6;

/* Names of tags, from the newest views; the chosen one, or the commonest. */
async function tagNames(ask, now) {
	const rows = await ask(`SELECT tags ${scope(now, period(now.range, Date.now()))}\nORDER BY ts DESC\nLIMIT ${SAMPLE}`);
	const seen = new Map();
	for (const { tags } of rows) for (const name of Object.keys(tags ?? {})) seen.set(name, (seen.get(name) ?? 0) + 1);
	return [...seen].sort((a, b) => b[1] - a[1]).map(([name]) => name);
}

/** The table of one tag, with a choice among those there are. */
function tagPanel() {
	const choice = h('select', { 'aria-label': 'Tag', 'data-key': 'tag', onchange: () => go({ tag: choice.value }) });
	return new Panel({
		id: 'by-tag',
		title: 'Tags',
		className: 'span-4',
		tools: choice,
		rows: TAG_ROWS,
		async load(ask, now) {
			const names = await tagNames(ask, now);
			const name = now.tag || names[0];
			const dimension = `tag.${name}`;
			if (!name || !isDimension(dimension)) return { names, rows: [] };
			const rows = await ask(byDimension(now, period(now.range, Date.now()), [dimension], now.metric, TAG_ROWS));
			return { names: names.includes(name) ? names : [name, ...names], name, rows, key: now.metric, p: now.p, filters: now.filters };
		},
		show({ names, name, rows, key }, body) {
			choice.hidden = names.length === 0;
			replace(choice, names.map((x) => h('option', { value: x, selected: x === name }, x)));
			if (names.length === 0) replace(body, h('p', { class: 'empty' }, 'No tags: ', h('code', null, 'data-tag-plan="pro"'), ' in the script tag makes one.'));
			else replace(body, table(dimensionColumns(key, `tag.${name}`, rows), rows, { caption: `Tag ${name}` }));
		},
	});
}

/* `Cities of Karnataka`, where a filter says so. */
const within = (title, keys) => ({ filters }) => {
	const filter = keys.map((key) => filters.find((f) => f.key === key && !f.not)).find(Boolean);
	return filter ? `${title} of ${valueLabel(filter.key, filter.value)}` : title;
};

export const build = () => [
	mapPanel(),
	distribution(),
	dimensionPanel('path', 'Pages', 'span-8', 15),
	dimensionPanel('country', 'Countries', 'span-4', 15),
	dimensionPanel('region', 'Regions', 'span-4', 10, within('Regions', ['country'])),
	dimensionPanel('city', 'Cities', 'span-4', 10, within('Cities', ['region', 'country'])),
	dimensionPanel('device', 'Devices', 'span-4', 4),
	dimensionPanel('browser', 'Browsers', 'span-4', 6),
	dimensionPanel('os', 'Systems', 'span-4', 6),
	dimensionPanel('connection', 'Connections', 'span-4', 6),
	dimensionPanel('nav_type', 'Navigation types', 'span-4', 6),
	dimensionPanel('release', 'Releases', 'span-4', 6),
	tagPanel(),
];
