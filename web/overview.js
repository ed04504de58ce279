/*
 * Overview: how every vital does, against the period before and over CrUX's 28
 * days; the course over time; what to fix first; the worst pages.
 */
import { vitalChart, viewsChart } from './chart.js';
import { h, replace, s } from './dom.js';
import { diagnosis } from './diagnosis.js';
import { NONE, day, minute, parseTime, percent, short, signed, vital, withSign } from './format.js';
import { Panel, growing } from './panel.js';
import { badge, dimensionColumns, shares, table } from './parts.js';
import { DAY_MS, before, bucket, byDimension, period, quantile, scope, select, stepOf, weights } from './sql.js';
import { FIRST } from './query.js';
import { go, link, state as current } from './state.js';
import { difference, effectOf, levels, marginOfCount, marginOfQuantile, marginOfShare, middle } from './statistics.js';
import { RATINGS, VITALS, VITAL_KEYS, rate } from './vitals.js';

/** Everything that the tiles show of one period, in one query. */
export function totals(state, range, options) {
	const grid = levels(state.p / 100).join(', ');
	const columns = VITAL_KEYS.flatMap((key) => [
		`count(${key}) AS ${key}_views`,
		`quantiles(${grid})(${key}) AS ${key}_quantiles`,
		`countIf(${key} <= ${VITALS[key].good}) AS ${key}_good`,
		`countIf(${key} > ${VITALS[key].poor}) AS ${key}_poor`,
	]);
	return select(
		['count() AS views', 'uniqIf(session_id, session_id != 0) AS sessions', 'countIf(error_count > 0) AS failed', ...columns],
		scope(state, range, options),
	);
}

/* ---- tiles ----------------------------------------------------------- */

/** A period's totals, and the design effect of its sampling: {row, effect}; early(row) gets the totals, before anything else is asked. */
export async function figuresOf(ask, state, range, early) {
	const rows = await ask(totals(state, range), early && FIRST);
	early?.(rows[0]);
	return { row: rows[0], effect: rows.weighted ? effectOf(await ask(weights(state, range))) : 1 };
}

/* The figures first and alone, for people wait for them; then their change and their course. */
async function loadTiles(ask, state, early) {
	const range = period(state.range, Date.now());
	const step = stepOf(range, 30);
	const data = { course: [], from: range.from, to: range.to, p: state.p, metric: state.metric, range: state.range, filters: state.filters };
	const put = (more) => early(Object.assign(data, more));
	const { effect } = await figuresOf(ask, state, range, (row) => put({ now: row }));
	const [, course] = await Promise.all([
		figuresOf(ask, state, before(range)).then(({ row, effect: effectThen }) => put({ then: row, effect, effectThen })),
		ask(select([`${bucket(step)} AS t`, ...VITAL_KEYS.map((key) => `${quantile(state, key)} AS ${key}_p`)], `${scope(state, range)}\nGROUP BY t\nORDER BY t`)),
	]);
	return Object.assign(data, { course });
}

/** ▲ +320 ms ± 60: whether it is beyond chance, in words. */
export function change(key, change, better) {
	if (!change) return h('span', { class: 'change none' }, 'nothing to compare with');
	const text = `${signed(key, change.change)}${change.margin == null ? '' : ` ± ${vital(key, change.margin)}`}`;
	if (!change.beyond) return h('span', { class: 'change none', title: 'within the 95 % confidence interval' }, `${text}, within chance`);
	const worse = change.change > 0 !== better;
	return h('span', { class: `change ${worse ? 'poor' : 'good'}`, title: 'beyond the 95 % confidence interval' },
		`${text} ${worse ? '▲ worse' : '▼ better'}`);
}

/** Of shares, in points of percent: +1.20 ± 0.40 points. `otherwise` follows what is within chance. */
export function shareChange(d, better, otherwise = '') {
	const points = (x) => (Math.abs(x) * 100).toFixed(2);
	const text = `${withSign(d.change, points(d.change))}${d.margin == null ? '' : ` ± ${points(d.margin)}`} points`;
	if (!d.beyond) return h('span', { class: 'change none' }, `${text}${otherwise}`);
	const worse = d.change > 0 !== better;
	return h('span', { class: `change ${worse ? 'poor' : 'good'}` }, `${text} ${worse ? '▲ worse' : '▼ better'}`);
}

/* The course of a vital, from 0 to its greatest value. */
function sparkline(key, { course, from, to }) {
	const values = course.map((row) => row[`${key}_p`]).filter((x) => x != null);
	const most = Math.max(...values, VITALS[key].good);
	const at = (row) => `${Math.round(((row.t * 1000 - from) / (to - from)) * 1000) / 10},${Math.round((1 - row[`${key}_p`] / most) * 270 + 15) / 10}`;
	const good = Math.round((1 - VITALS[key].good / most) * 270 + 15) / 10;
	return s('svg', { class: 'sparkline', viewBox: '0 0 100 30', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
		s('line', { x1: 0, x2: 100, y1: good, y2: good }),
		values.length > 1 && s('polyline', { points: course.filter((row) => row[`${key}_p`] != null).map(at).join(' ') }));
}

function tile(key, data) {
	const { now, then, effect, effectThen, p, metric } = data;
	const views = now[`${key}_views`];
	const quantiles = now[`${key}_quantiles`];
	const value = views ? middle(quantiles) : null;
	const thenViews = then?.[`${key}_views`];
	const thenQuantiles = then?.[`${key}_quantiles`];
	const changed = then && difference(
		value,
		marginOfQuantile(p / 100, quantiles, views, effect),
		thenViews ? middle(thenQuantiles) : null,
		marginOfQuantile(p / 100, thenQuantiles, thenViews, effectThen),
	);
	return h(
		'a',
		{ class: `tile ${metric === key ? 'chosen' : ''}`, href: link({ metric: key }), 'aria-current': metric === key ? 'true' : null,
			'data-key': `tile-${key}`, title: VITALS[key].name, id: `tile-${key}` },
		h('span', { class: 'tile-head' }, h('strong', null, VITALS[key].label), badge(rate(key, value))),
		h('span', { class: 'tile-value' }, vital(key, value), h('small', null, ` p${p}`)),
		shares({ views, good: now[`${key}_good`], poor: now[`${key}_poor`] }, true),
		then ? change(key, changed, false) : h('span', { class: 'change none' }, '…'),
		h('span', { class: 'note' }, `${short(views)} ${views === 1 ? 'view' : 'views'}`),
		sparkline(key, data),
	);
}

function countTile(label, id, value, changed, note) {
	const line = changed == null
		? NONE
		: `${withSign(changed.ratio, percent(Math.abs(changed.ratio)))}${changed.beyond ? '' : ', within chance'}`;
	return h('div', { class: 'tile plain', id },
		h('span', { class: 'tile-head' }, h('strong', null, label)), h('span', { class: 'tile-value' }, value),
		h('span', { class: 'change none' }, line), note && h('span', { class: 'note' }, note));
}

/** A sample has fewer sessions than there were: those of which no view was kept are not known. */
export const sessions = (row, effect) => (effect < 1 ? `≥ ${short(row.sessions)}` : short(row.sessions));

function countTiles({ now, then, effect, effectThen }) {
	const moved = (name) => {
		const [a, b] = [now[name], then?.[name]];
		const margin = (x, effect) => marginOfCount(x, effect) || 1.96 * Math.sqrt(x);
		return b > 0 ? { ratio: a / b - 1, beyond: Math.abs(a - b) > Math.hypot(margin(a, effect), margin(b, effectThen)) } : null;
	};
	const share = now.views ? now.failed / now.views : null;
	const shareThen = then?.views ? then.failed / then.views : null;
	const errors = difference(share, marginOfShare(share, now.views, effect), shareThen, marginOfShare(shareThen, then?.views, effectThen));
	return h('div', { class: 'tile-counts' },
		countTile('Views', 'tile-views', short(now.views), moved('views')),
		countTile('Sessions', 'tile-sessions', sessions(now, effect), moved('sessions')),
		h('a', { class: 'tile plain', href: link({ tab: 'errors' }), 'data-key': 'tile-errors', id: 'tile-errors' },
			h('span', { class: 'tile-head', title: 'views with at least one error' }, h('strong', null, 'With errors')),
			h('span', { class: 'tile-value' }, percent(share, 2)),
			errors == null ? h('span', { class: 'change none' }, NONE) : shareChange(errors, false, ', within chance')));
}

const showTiles = (data, body) => replace(body, h('div', { class: 'tiles' }, VITAL_KEYS.map((key) => tile(key, data)), countTiles(data)));

/* ---- 28 days --------------------------------------------------------- */

async function loadVerdict(ask, state) {
	const { to } = period(state.range, Date.now());
	const core = VITAL_KEYS.filter((key) => VITALS[key].core);
	const columns = core.flatMap((key) => [`count(${key}) AS ${key}_views`, `quantile(0.75)(${key}) AS ${key}_p75`, `countIf(${key} <= ${VITALS[key].good}) AS ${key}_good`]);
	const [row] = await ask(select(columns, scope(state, { from: to - 28 * DAY_MS, to })));
	return core.map((key) => ({ key, views: row[`${key}_views`], value: row[`${key}_p75`], good: row[`${key}_good`] }));
}

function showVerdict(rows, body) {
	const known = rows.filter((row) => row.views > 0);
	const ratings = known.map((row) => rate(row.key, row.value));
	const passed = known.length > 0 && ratings.every((rating) => rating === 'good');
	const word = known.length === 0 ? 'no data' : passed ? 'passed' : 'failed';
	replace(body, h('p', { class: 'verdict' },
		h('strong', null, 'Core Web Vitals over 28 days: '),
		h('span', { class: `badge ${passed ? 'good' : known.length ? 'poor' : ''}`, id: 'verdict' }, `${passed ? '✓' : known.length ? '✗' : ''} ${word}`),
		h('span', { class: 'note' }, ' at p75, as CrUX counts: '),
		rows.map(({ key, value, views, good }) => h('span', { class: `verdict-part ${rate(key, value)}` },
			`${VITALS[key].label} ${vital(key, value)} ${RATINGS[rate(key, value)]?.glyph ?? ''}`, views > 0 && h('span', { class: 'note' }, ` ${percent(good / views)} good`)))));
}

/* ---- over time ------------------------------------------------------- */

async function loadSeries(ask, state) {
	const range = period(state.range, Date.now());
	const step = stepOf(range);
	const [rows, releases] = await Promise.all([
		ask(select(
			[`${bucket(step)} AS t`, 'count() AS total', 'countIf(error_count > 0) AS failed', `count(${state.metric}) AS views`, `${quantile(state, state.metric)} AS value`],
			`${scope(state, range)}\nGROUP BY t\nORDER BY t`,
		)),
		ask(select(
			['release', 'min(ts) AS first', 'count() AS views'],
			`${scope(state, { from: before(range).from, to: range.to }, { extra: [`release != ''`] })}\nGROUP BY release\nORDER BY first\nLIMIT 200`,
		)),
	]);
	return { rows, step, range, releases: firstSeen(releases, range), key: state.metric, p: state.p };
}

/* Releases that began within the period, but for strays below 1 in 1,000 views. */
function firstSeen(rows, range) {
	const views = rows.reduce((sum, row) => sum + row.views, 0);
	return rows
		.map((row) => ({ name: row.release, at: parseTime(row.first), views: row.views }))
		.filter((row) => row.at >= range.from && row.views * 1000 >= views)
		.slice(rows[0] && parseTime(rows[0].first) >= range.from ? 1 : 0);
}

/* Every step of the period; what has no views is null. */
function steps({ rows, step, range }) {
	const byTime = new Map(rows.map((row) => [row.t, row]));
	const points = [];
	for (let t = Math.floor(range.from / 1000 / step) * step; t < range.to / 1000; t += step) {
		const row = byTime.get(t);
		points.push({ t, value: row?.value ?? null, views: row?.views ?? 0, all: row?.total ?? 0, failed: row?.failed ?? 0 });
	}
	return points;
}

const zoom = ({ from, to }) => to - from >= 60000 && go({ range: `${minute(from)}~${minute(to)}` });

function seriesPanel() {
	const list = h('div', null);
	let charts = [];
	let drawn = ''; // of what: the same is updated, so that the pointer keeps its place
	const panel = new Panel({
		id: 'series',
		title: 'Over time',
		className: 'span-8',
		gone: () => charts.forEach((chart) => chart.destroy()),
		load: loadSeries,
		show(data, body) {
			const points = steps(data);
			panel.title.textContent = `${VITALS[data.key].label} p${data.p} over time`;
			const what = `${data.key} ${data.p} ${data.step}`;
			if (drawn === what) {
				for (const chart of charts) chart.update({ points, range: data.range, releases: data.releases });
				replace(list, releaseList(data.releases));
				return;
			}
			drawn = what;
			for (const chart of charts) chart.destroy();
			const [main, views] = [h('div', { class: 'chart-main' }), h('div', { class: 'chart-views' })];
			replace(list, releaseList(data.releases));
			replace(body, main, h('h3', null, 'Views, and those with errors', h('span', { class: 'note' }, ' (drag across a chart to look closer)')), views, list);
			charts = [
				vitalChart(main, { key: data.key, p: data.p, points, range: data.range, releases: data.releases, onSelect: zoom }),
				viewsChart(views, { points, range: data.range, step: data.step, onSelect: zoom }),
			];
		},
	});
	return panel;
}

const releaseList = (releases) =>
	releases.length > 0 && h('div', { class: 'note releases' }, h('span', null, 'New releases:'), h('ul', null, releases.map((r) => h('li', null, `${r.name} on ${day(r.at)}`))));

/* ---- tables ---------------------------------------------------------- */

/** A table by one dimension, worst first, for the chosen vital; `titleOf(state)` in place of the title. */
export const dimensionPanel = (dimension, title, className, limit = 10, titleOf = () => title) => {
	const panel = growing({
		id: `by-${dimension.replace(/[^a-z_]/gi, '-')}`,
		title,
		className,
		limit,
		rowsOf: (ask, state, most) => ask(byDimension(state, period(state.range, Date.now()), [dimension], state.metric, most)),
		show({ rows, key }, body) {
			panel.title.textContent = titleOf(current());
			replace(body, table(dimensionColumns(key, dimension, rows), rows, { caption: title }));
		},
	});
	return panel;
};

export function build() {
	return [
		new Panel({ id: 'tiles', title: 'Vitals of this period, and their change against the one before', className: 'bare', load: loadTiles, show: showTiles, urgent: true }),
		new Panel({ id: 'verdict-panel', title: '28 days', className: 'strip', load: loadVerdict, show: showVerdict }),
		seriesPanel(),
		diagnosis('span-4'),
		dimensionPanel('path', 'Worst pages', 'span-6', 8),
		dimensionPanel('country', 'Worst countries', 'span-6', 8),
		dimensionPanel('device', 'Devices', 'span-6', 4),
		dimensionPanel('release', 'Releases', 'span-6', 4),
	];
}

