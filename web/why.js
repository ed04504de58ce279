/*
 * Why: what a vital is made of, and the elements, resources and scripts to
 * blame; where the time of a navigation goes; the slowest views.
 */
import { BLAME, byElement } from './diagnosis.js';
import { h, replace } from './dom.js';
import { NONE, count, milliseconds, moment, parseTime, vital } from './format.js';
import { Panel, growing } from './panel.js';
import { filterLink, impactBar, rated, table } from './parts.js';
import { byDimension, period, quantile, scope, select } from './sql.js';
import { link, state } from './state.js';
import { VITALS, valueLabel } from './vitals.js';

const slowOnly = (now, key) => (now.slow ? [`${key} > ${VITALS[key].good}`] : []);

const ROWS = 8; // of a table, unless more are asked for

/* All views, or those beyond good. */
const choice = (key) => h('span', { class: 'switch' },
	[[false, 'all views'], [true, `beyond good (> ${vital(key, VITALS[key].good)})`]].map(([slow, label]) =>
		h('a', { href: link({ slow }), 'data-key': `slow-${key}-${slow}`, 'aria-current': state().slow === slow ? 'true' : null }, label)));

/* ---- waterfalls ----------------------------------------------------------- */

/** Bars one after the other. `parts`: [{label, from, to, value, note}] in ms. */
function waterfall(parts, caption) {
	const end = Math.max(1, ...parts.map((part) => part.to));
	return h('table', { class: 'waterfall' },
		h('caption', { class: 'hidden' }, caption),
		h('thead', null, h('tr', null, ['Phase', 'Mean over time', 'Mean', `p${state().p}`].map((label, i) => h('th', { scope: 'col', class: i > 1 ? 'number' : null }, label)))),
		h('tbody', null, parts.map(({ label, from, to, value, high, kind }) => h('tr', null,
			h('th', { scope: 'row' }, label),
			h('td', { class: 'track' }, h('span', { class: `bar ${kind ?? ''}`, vars: { '--from': from / end, '--size': Math.max(0, to - from) / end } })),
			h('td', { class: 'number' }, milliseconds(value)),
			h('td', { class: 'number' }, milliseconds(high))))));
}

const meanAndHigh = (now, columns) => columns.flatMap((column) => [`avg(${column}) AS ${column}_mean`, `${quantile(now, column)} AS ${column}_high`]);

/* Parts that follow each other without a gap. */
function inTurn(row, columns) {
	let at = 0;
	return columns.map(([column, label], i) => {
		const value = row[`${column}_mean`] ?? 0;
		const part = { label, from: at, to: at + value, value, high: row[`${column}_high`], kind: `phase-${i % 4}` };
		at = part.to;
		return part;
	});
}

/** Phases of LCP or INP over the views that have them. */
function phasesPanel(key, title) {
	const { parts } = BLAME[key];
	const last = parts.at(-1)[0];
	return new Panel({
		id: `phases-${key}`,
		title,
		className: 'span-6',
		rows: parts.length + 4,
		async load(ask, now) {
			const extra = [`${key} IS NOT NULL`, `${last} IS NOT NULL`, ...slowOnly(now, key)];
			const [row] = await ask(select(
				[`count(${key}) AS views`, `avg(${key}) AS value_mean`, `${quantile(now, key)} AS value_high`, ...meanAndHigh(now, parts.map(([part]) => part))],
				scope(now, period(now.range, Date.now()), { extra }),
			));
			return { row, p: now.p, slow: now.slow };
		},
		show({ row }, body) {
			if (!row.views) {
				replace(body, choice(key), h('p', { class: 'empty' }, 'No view of this period tells its phases.'));
				return;
			}
			const whole = { label: h('strong', null, VITALS[key].label), from: 0, to: row.value_mean, value: row.value_mean, high: row.value_high, kind: 'whole' };
			replace(body, choice(key), waterfall([...inTurn(row, parts), whole], title), h('p', { class: 'note' }, `${count(row.views)} views`));
		},
	});
}

/* A row's phases as one bar. */
function phaseBar(row, parts) {
	const total = parts.reduce((sum, [part]) => sum + (row[`${part}_mean`] ?? 0), 0);
	const title = parts.map(([part, label]) => `${label} ${milliseconds(row[`${part}_mean`] ?? 0)}`).join(', ');
	return h('span', { class: 'phases', role: 'img', 'aria-label': title, title },
		total > 0 && parts.map(([part], i) => h('span', { class: `phase-${i % 4}`, vars: { '--share': (row[`${part}_mean`] ?? 0) / total } })));
}

/* ---- what is to blame ------------------------------------------------------ */

function blameColumns(key, rows) {
	const { column, parts } = BLAME[key];
	const most = Math.max(0, ...rows.map((row) => row.impact ?? 0));
	return [
		{ label: 'Element', cell: (row) => h('code', null, filterLink(column, row.name)) },
		{ label: 'Views', cell: (row) => count(row.views), number: true },
		{ label: `p${state().p}`, cell: (row) => rated(key, row.value), number: true },
		parts.length > 0 && { label: 'Phases', cell: (row) => phaseBar(row, parts), wide: true, hide: true, title: parts.map(([, label]) => label).join(', ') },
		{ label: 'Impact', cell: (row) => impactBar(row.impact, most, key), wide: true, title: 'views × excess over good' },
	].filter(Boolean);
}

const elements = (key, title, limit = ROWS) => growing({
	id: `elements-${key}`,
	title,
	className: 'span-6',
	limit,
	rowsOf: (ask, now, most) => ask(byElement(now, period(now.range, Date.now()), key, [], most)),
	show: ({ rows }, body) => replace(body, table(blameColumns(key, rows), rows, { caption: title, empty: 'No view of this period tells one.' })),
});

/** A table by a column with a URL: the LCP's resource, the INP's script. */
const resources = (key, column, title) => growing({
	id: `by-${column}`,
	title,
	className: 'span-6',
	limit: 5,
	rowsOf: (ask, now, most) => ask(byDimension(now, period(now.range, Date.now()), [column], key, most, { extra: [`${column} != ''`] })),
	show({ rows }, body) {
		const most = Math.max(0, ...rows.map((row) => row.impact ?? 0));
		replace(body, table([
			{ label: 'Address', cell: (row) => filterLink(column, row.name) },
			{ label: 'Views', cell: (row) => count(row.views), number: true },
			{ label: `p${state().p}`, cell: (row) => rated(key, row.value), number: true },
			{ label: 'Impact', cell: (row) => impactBar(row.impact, most, key), wide: true },
		], rows, { caption: title, empty: 'No view of this period tells one.' }));
	},
});

/* ---- navigation -------------------------------------------------------------- */

const NAVIGATION = ['redirect', 'dns', 'tcp', 'tls', 'ttfb', 'download', 'dom_interactive', 'dom_content_loaded', 'load'];

/* Connection first, then waiting until TTFB, then the document and its DOM. */
function navigationParts(row) {
	const mean = (column) => row[`${column}_mean`] ?? 0;
	const parts = [];
	let at = 0;
	const put = (label, to, value, high, kind) => {
		parts.push({ label, from: Math.min(at, to), to, value, high, kind });
		at = Math.max(at, to);
	};
	for (const [column, label] of [['redirect', 'Redirects'], ['dns', 'DNS'], ['tcp', 'TCP'], ['tls', 'TLS']])
		put(label, at + mean(column), row[`${column}_mean`], row[`${column}_high`], 'phase-3');
	const waited = Math.max(0, mean('ttfb') - at);
	put('Waiting (to TTFB)', mean('ttfb'), waited, undefined, 'phase-0');
	put('Download', at + mean('download'), row.download_mean, row.download_high, 'phase-1');
	for (const [column, label] of [['dom_interactive', 'To DOM interactive'], ['dom_content_loaded', 'To DOMContentLoaded'], ['load', 'To load']])
		put(label, Math.max(at, mean(column)), row[`${column}_mean`], row[`${column}_high`], 'phase-2');
	return parts;
}

const navigation = () => new Panel({
	id: 'navigation',
	title: 'Navigation',
	className: 'span-6',
	rows: 10,
	async load(ask, now) {
		const [row] = await ask(select(['count(ttfb) AS views', ...meanAndHigh(now, NAVIGATION)], scope(now, period(now.range, Date.now()), { extra: ['ttfb IS NOT NULL'] })));
		return { row, p: now.p };
	},
	show: ({ row }, body) => replace(body, row.views
		? [waterfall(navigationParts(row), 'Navigation'), h('p', { class: 'note' }, `${count(row.views)} views. Waiting, what the means leave of TTFB, has no percentile.`)]
		: h('p', { class: 'empty' }, 'No view of this period tells its timing.')),
});

/* ---- views --------------------------------------------------------------------- */

const SLOWEST = 15;
const TAILS = [0.9999, 0.999, 0.99, 0.9];

/* Looked for beyond a high quantile, then a lower one: not all views need to be put in order. */
async function tail(ask, now, key, columns) {
	const where = (condition) => scope(now, period(now.range, Date.now()), { extra: [condition] });
	const [{ views, bounds }] = await ask(select([`count(${key}) AS views`, `quantiles(${TAILS.join(', ')})(${key}) AS bounds`], where(`${key} IS NOT NULL`)));
	const conditions = TAILS.flatMap((level, i) => (views * (1 - level) >= SLOWEST ? [`${key} >= ${bounds[i]}`] : []));
	let rows = [];
	for (const condition of [...conditions, `${key} IS NOT NULL`]) {
		rows = await ask(select(columns, `${where(condition)}\nORDER BY value DESC\nLIMIT ${SLOWEST}`));
		if (rows.length === SLOWEST) break;
	}
	return rows;
}

const slowest = () => new Panel({
	id: 'slowest',
	title: 'The slowest views',
	rows: SLOWEST,
	async load(ask, now) {
		const key = now.metric;
		const column = BLAME[key]?.column ?? `''`;
		const rows = await tail(ask, now, key, ['ts', 'path', 'country', 'device', 'browser', 'connection', 'release', `${key} AS value`, `${column} AS element`, 'trace_id']);
		return { rows, key };
	},
	show: ({ rows, key }, body) => replace(body, table([
		{ label: 'Page', cell: (row) => filterLink('path', row.path) },
		{ label: VITALS[key].label, cell: (row) => rated(key, row.value), number: true },
		{ label: 'Element', cell: (row) => (row.element ? h('code', null, row.element) : NONE) },
		...['country', 'device', 'browser', 'connection', 'release'].map((column) => ({ label: column[0].toUpperCase() + column.slice(1), cell: (row) => valueLabel(column, row[column]) })),
		{ label: 'When (UTC)', cell: (row) => moment(parseTime(row.ts)), number: true },
		{ label: 'Trace', cell: (row) => (row.trace_id ? h('code', { class: 'trace' }, row.trace_id) : NONE) },
	], rows, { caption: 'The slowest views' })),
});

export const build = () => [
	phasesPanel('lcp', 'LCP: where the time goes'),
	elements('lcp', 'LCP elements'),
	phasesPanel('inp', 'INP: where the time goes'),
	elements('inp', 'INP targets', 7),
	resources('lcp', 'lcp_url', 'LCP resources'),
	resources('inp', 'inp_script', 'INP scripts'),
	elements('cls', 'CLS elements'),
	navigation(),
	slowest(),
];
