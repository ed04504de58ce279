/*
 * Errors: groups of one cause, and a group's page (`error=FINGERPRINT` in the
 * URL): its course, for whom and where, its stack, where it happened last.
 */
import { viewsChart } from './chart.js';
import { h, replace, s } from './dom.js';
import { NONE, ago, count, moment, parseTime, percent } from './format.js';
import { Panel } from './panel.js';
import { filterLink, table } from './parts.js';
import { ERROR_VIEWS, applies, bucket, columnOf, period, scope, select, stepOf } from './sql.js';
import { link, state } from './state.js';
import { dimensionLabel, valueLabel } from './vitals.js';

const GROUPS_MAX = 50;
const TREND_POINTS = 28;

const now = () => period(state().range, Date.now());
const errors = (options) => ({ table: 'errors', ...options });

/** Filters that the table lacks the columns of are not applied, and named. */
const unheeded = () => state().filters.filter((f) => !applies(f, 'errors'));

/* ---- groups -------------------------------------------------------------- */

const GROUP = [
	'fingerprint', 'max(kind) AS kind', 'max(type) AS type', 'max(message) AS message', 'max(source) AS source', 'sum(_sample_interval) AS errors',
	'sum(occurrences * _sample_interval) AS times', ...ERROR_VIEWS, 'uniq(release) AS releases', 'max(release) AS newest', 'uniq(browser) AS browsers', 'max(ts) AS last',
];

/* `max` of strings: any will do, and this one is the same at each refresh. */
async function loadGroups(ask, at) {
	const range = now();
	const step = stepOf(range, TREND_POINTS);
	const [rows, [all]] = await Promise.all([
		ask(select(GROUP, `${scope(at, range, errors())}\nGROUP BY fingerprint\nORDER BY views DESC, errors DESC\nLIMIT ${GROUPS_MAX}`)),
		ask(select(['count() AS views', 'countIf(error_count > 0) AS failed'], scope(at, range))),
	]);
	if (rows.length === 0) return { rows, all, range, step, trend: [], first: [] };
	const those = `fingerprint IN (${rows.map((row) => row.fingerprint).join(', ')})`;
	const [trend, first] = await Promise.all([
		ask(select(['fingerprint', `${bucket(step)} AS t`, 'count() AS errors'], `${scope(at, range, errors({ extra: [those] }))}\nGROUP BY fingerprint, t\nORDER BY t`)),
		ask(`SELECT fingerprint, min(ts) AS first FROM errors\nWHERE ${those}\nGROUP BY fingerprint`),
	]);
	return { rows, all, range, step, trend, first };
}

/* Bars of a group's course. */
function trendBars(points, { from, to }, step) {
	const start = Math.floor(from / 1000 / step) * step;
	const slots = Math.max(1, Math.ceil((to / 1000 - start) / step));
	const most = Math.max(1, ...points.map((point) => point.errors));
	const width = 100 / slots;
	return s('svg', { class: 'trend', viewBox: '0 0 100 20', preserveAspectRatio: 'none', 'aria-hidden': 'true' }, points.map((point) => {
		const height = Math.max(1, (point.errors / most) * 20);
		return s('rect', { x: (((point.t - start) / step) * width).toFixed(2), width: (width * 0.85).toFixed(2), y: (20 - height).toFixed(1), height: height.toFixed(1) });
	}));
}

function groupCell(row) {
	return h('span', { class: 'group' },
		h('a', { href: link({ error: String(row.fingerprint) }), 'data-key': `error-${row.fingerprint}`, class: 'name' },
			h('strong', null, row.type || row.kind || 'error'), row.message ? `: ${row.message}` : ''),
		row.source && h('span', { class: 'note' }, row.source));
}

function showGroups({ rows, all, range, step, trend, first }, body) {
	const firstOf = new Map(first.map((row) => [row.fingerprint, parseTime(row.first)]));
	const share = all.views ? all.failed / all.views : null;
	replace(body,
		h('p', null, h('strong', { id: 'error-share' }, percent(share, 2)), ` of ${count(all.views)} views had an error.`, lack()),
		table([
			{ label: 'Error', cell: groupCell },
			{ label: 'Views', cell: (row) => count(row.views), number: true, title: 'views in which it happened' },
			{ label: 'Share', cell: (row) => percent(all.views ? row.views / all.views : null, 2), number: true, hide: true, title: 'of all views' },
			{ label: 'Times', cell: (row) => count(row.times), number: true, hide: true },
			{ label: 'Trend', cell: (row) => trendBars(trend.filter((t) => t.fingerprint === row.fingerprint), range, step), wide: true, hide: true },
			{ label: 'First seen', cell: (row) => seen(firstOf.get(row.fingerprint), range), number: true },
			{ label: 'Last seen', cell: (row) => ago(parseTime(row.last)), number: true, hide: true },
			{ label: 'Releases', cell: (row) => (row.releases > 1 ? `${row.releases}, to ${row.newest}` : row.newest || NONE), hide: true },
			{ label: 'Browsers', cell: (row) => count(row.browsers), number: true, hide: true },
		], rows, { caption: 'Errors', empty: 'No errors in this period.' }));
}

/* New in this period is marked: ✦. */
const seen = (at, range) => at != null && (at >= range.from ? h('span', { class: 'new', title: 'new in this period' }, `✦ ${moment(at)}`) : moment(at));

const lack = () => unheeded().length > 0 &&
	h('span', { class: 'note' }, ` Errors have no ${unheeded().map((f) => dimensionLabel(f.key)).join(', ')}: those filters count for views only.`);

const groups = () => new Panel({ id: 'groups', title: 'Errors by cause', load: loadGroups, show: showGroups });

/* ---- one group -------------------------------------------------------------- */

const own = (at) => errors({ extra: [`fingerprint = ${at.error}`] });

async function loadGroup(ask, at) {
	const range = now();
	const [[row], [all], [sample], [first]] = await Promise.all([
		ask(select(GROUP.slice(1), scope(at, range, own(at)))),
		ask(select(['count() AS views'], scope(at, range))),
		ask(`SELECT type, kind, message, source, line, column, stack, handled, path, ts FROM errors\nWHERE fingerprint = ${at.error}\nORDER BY ts DESC\nLIMIT 1`),
		ask(`SELECT min(ts) AS first, count() AS errors FROM errors\nWHERE fingerprint = ${at.error}`),
	]);
	return { row, all, sample: sample ?? null, first, range };
}

function showGroup({ row, all, sample, first, range }, body) {
	const back = h('p', null, h('a', { href: link({ error: '' }), 'data-key': 'back' }, '← all errors'));
	if (!sample) {
		replace(body, back, h('p', { class: 'empty' }, 'No such error is stored.'));
		return;
	}
	const position = sample.source ? `${sample.source}${sample.line == null ? '' : `:${sample.line}`}${sample.column == null ? '' : `:${sample.column}`}` : NONE;
	const figures = [
		['Views', count(row.views)], ['Share of views', percent(all.views ? row.views / all.views : null, 2)], ['Times', count(row.times ?? 0)],
		['First seen', seen(parseTime(first.first), range)], ['Last seen', moment(parseTime(sample.ts))], ['Kind', sample.kind + (sample.handled ? ', handled' : '')],
	];
	replace(body, back,
		h('p', { class: 'error-title' }, h('strong', null, sample.type || sample.kind), sample.message ? `: ${sample.message}` : ''),
		h('p', { class: 'note' }, position),
		h('dl', { class: 'figures' }, figures.map(([label, value]) => h('div', null, h('dt', null, label), h('dd', null, value)))),
		h('h3', null, 'Stack, of the last one'),
		h('pre', { class: 'stack', tabindex: '0', 'aria-label': 'stack' }, sample.stack || '(none)'));
}

const group = () => new Panel({ id: 'group', title: 'One error', className: 'span-8', rows: 9, load: loadGroup, show: showGroup });

function coursePanel() {
	let chart;
	return new Panel({
		id: 'group-course',
		title: 'Over time',
		className: 'span-4',
		gone: () => chart?.destroy(),
		async load(ask, at) {
			const range = now();
			const step = stepOf(range, 60);
			const rows = await ask(select([`${bucket(step)} AS t`, 'count() AS errors'], `${scope(at, range, own(at))}\nGROUP BY t\nORDER BY t`));
			return { rows, range, step };
		},
		show({ rows, range, step }, body) {
			chart?.destroy();
			const byTime = new Map(rows.map((row) => [row.t, row.errors]));
			const points = [];
			for (let t = Math.floor(range.from / 1000 / step) * step; t < range.to / 1000; t += step) points.push({ t, all: byTime.get(t) ?? 0, failed: byTime.get(t) ?? 0 });
			const holder = h('div', { class: 'chart-views' });
			replace(body, holder);
			chart = viewsChart(holder, { points, range, step, what: 'errors', onSelect: () => {} });
		},
	});
}

const ROWS = 8;

/** Of whom: errors by one dimension. */
const by = (key) => new Panel({
	id: `errors-by-${key}`,
	title: dimensionLabel(key),
	className: 'span-4',
	rows: ROWS,
	async load(ask, at) {
		const range = now();
		const [rows, [whole]] = await Promise.all([
			ask(select([`${columnOf(key)} AS name`, ...ERROR_VIEWS], `${scope(at, range, own(at))}\nGROUP BY name\nORDER BY views DESC\nLIMIT ${ROWS}`)),
			ask(select(ERROR_VIEWS, scope(at, range, own(at)))),
		]);
		return { rows, total: whole.views, filters: at.filters };
	},
	show({ rows, total }, body) {
		replace(body, table([
			{ label: dimensionLabel(key), cell: (row) => filterLink(key, row.name) },
			{ label: 'Views', cell: (row) => count(row.views), number: true },
			{ label: 'Share', cell: (row) => percent(row.views / total), number: true },
		], rows, { caption: dimensionLabel(key) }));
	},
});

const lastOnes = () => new Panel({
	id: 'last-errors',
	title: 'The last ones',
	rows: 20,
	load: (ask, at) => ask(`SELECT ts, path, release, browser, browser_version, os, device, country, message ${scope(at, now(), own(at))}\nORDER BY ts DESC\nLIMIT 20`),
	show: (rows, body) => replace(body, table([
		{ label: 'Page', cell: (row) => filterLink('path', row.path) },
		{ label: 'When (UTC)', cell: (row) => moment(parseTime(row.ts)), number: true },
		{ label: 'Release', cell: (row) => valueLabel('release', row.release) },
		{ label: 'Browser', cell: (row) => `${row.browser} ${row.browser_version}` },
		{ label: 'System', cell: (row) => valueLabel('os', row.os) },
		{ label: 'Device', cell: (row) => valueLabel('device', row.device) },
		{ label: 'Country', cell: (row) => valueLabel('country', row.country) },
		{ label: 'Message', cell: (row) => row.message || NONE, hide: true },
	], rows, { caption: 'The last ones' })),
});

/** Another group is another page. */
export const rebuilds = (at, last) => Boolean(at.error) !== Boolean(last.error) || at.error !== last.error;

export const build = (at) => (at.error
	? [group(), coursePanel(), by('release'), by('path'), by('browser'), by('device'), by('country'), by('os'), lastOnes()]
	: [groups()]);
