/*
 * Compare: two sides, each a period and filters beside the page's own, with
 * the differences that are beyond chance pointed out.
 */
import { chip, filterForm } from './controls.js';
import { h, replace } from './dom.js';
import { count, minute, moment, percent, short, signed, withSign } from './format.js';
import { change, figuresOf, sessions, shareChange } from './overview.js';
import { Panel } from './panel.js';
import { filterLink, rated, table } from './parts.js';
import { RANGE_KEYS, before, columnOf, isRange, period, scope, select, weights } from './sql.js';
import { go, link, state, withFilter } from './state.js';
import { FEWEST, difference, effectOf, levels, marginOfCount, marginOfQuantile, marginOfShare, middle } from './statistics.js';
import { DIMENSIONS, VITALS, VITAL_KEYS, dimensionLabel, valueLabel } from './vitals.js';

const SIDES = { a: 'A', b: 'B' };
const ROWS_MAX = 200; // of the table by dimension, each side

/** A side's period. */
function rangeOf(at, side) {
	const own = at[`r${side}`];
	const whole = period(at.range, Date.now());
	if (own === 'before') return before(whole);
	return isRange(own) ? period(own, Date.now()) : whole;
}

/* The page's filters, but for what the side says itself. */
function stateOf(at, side) {
	const own = at[side];
	return { ...at, filters: [...at.filters.filter((f) => !own.some((o) => o.key === f.key)), ...own] };
}

const effective = (at) => Object.keys(SIDES).map((side) => ({ side, at: stateOf(at, side), range: rangeOf(at, side) }));

/** What a side is, in words. */
function words(at, side) {
	const { from, to } = rangeOf(at, side);
	return [`${moment(from)} – ${moment(to)}`, ...at[side].map((f) => `${dimensionLabel(f.key)} ${f.not ? 'not ' : ''}${valueLabel(f.key, f.value)}`)].join(', ');
}

/* ---- choosing ------------------------------------------------------------- */

const periods = (own) => [
	['', 'The page’s period'], ['before', 'The period before'], ...RANGE_KEYS.map((key) => [key, `Last ${key}`]),
	...(isRange(own) && !RANGE_KEYS.includes(own) ? [[own, 'From … to']] : [['custom', 'From … to']]),
];

function custom(at, side) {
	const own = at[`r${side}`];
	if (!isRange(own) || RANGE_KEYS.includes(own)) return null;
	const [from, to] = own.split('~');
	const input = (name, value) => h('input', { type: 'datetime-local', value, 'aria-label': `${SIDES[side]} ${name}`, 'data-key': `${side}-${name}` });
	const [one, other] = [input('from', from), input('to', to)];
	const set = () => one.value < other.value && go({ [`r${side}`]: `${one.value}~${other.value}` });
	one.addEventListener('change', set);
	other.addEventListener('change', set);
	return h('span', { class: 'custom' }, one, '–', other);
}

function sideForm(at, side) {
	const own = at[`r${side}`];
	const pick = h('select', { 'aria-label': `Period of ${SIDES[side]}`, 'data-key': `range-${side}`, id: `range-${side}` },
		periods(own).map(([value, label]) => h('option', { value, selected: value === own }, label)));
	pick.addEventListener('change', () => {
		const { from, to } = rangeOf(at, side);
		go({ [`r${side}`]: pick.value === 'custom' ? `${minute(from)}~${minute(to)}` : pick.value });
	});
	return h('div', { class: `side side-${side}` },
		h('h3', null, h('span', { class: 'side-name' }, SIDES[side]), ' ', words(at, side)),
		h('div', { class: 'side-form' }, pick, custom(at, side), at[side].map((f) => chip(at[side], f, (next) => link({ [side]: next }))),
			filterForm(`filter-${side}`, (key, value) => go({ [side]: withFilter(state()[side], key, value) }))));
}

/* The newest release with enough views against the one before it. */
async function releases(ask, at) {
	const range = period(at.range, Date.now());
	const rows = await ask(select(['release', 'min(ts) AS first', 'count() AS views'],
		`${scope(at, { from: before(range).from, to: range.to }, { extra: [`release != ''`] })}\nGROUP BY release\nHAVING views >= ${FEWEST}\nORDER BY first DESC\nLIMIT 2`));
	return rows.map((row) => row.release);
}

const pair = (key, one, other) => ({ a: [{ key, value: one, not: false }], b: [{ key, value: other, not: false }], ra: '', rb: '' });

function sidesPanel() {
	return new Panel({
		id: 'sides',
		title: 'What is compared',
		rows: 4,
		load: async (ask, at) => ({ releases: await releases(ask, at), at }),
		show({ releases: [newest, last] }, body) {
			const at = state();
			const presets = [
				['The period before', { a: [], b: [], ra: '', rb: 'before' }],
				last && [`Release ${newest} against ${last}`, pair('release', newest, last)],
				['Mobile against desktop', pair('device', 'mobile', 'desktop')],
			].filter(Boolean);
			replace(body, h('div', { class: 'sides' }, Object.keys(SIDES).map((side) => sideForm(at, side))),
				h('p', { class: 'presets' }, presets.map(([label, changes], i) => [i > 0 && ' · ', h('a', { href: link(changes), 'data-key': `preset-${i}` }, label)])));
		},
	});
}

/* ---- the figures -------------------------------------------------------------- */

async function loadFigures(ask, at) {
	const sides = await Promise.all(effective(at).map(({ at: own, range }) => figuresOf(ask, own, range)));
	return { sides, p: at.p };
}

const beyondText = (beyond) => (beyond ? h('strong', null, 'beyond chance') : h('span', { class: 'none' }, 'within chance'));

function figureRows({ sides: [a, b], p }) {
	const rows = [];
	const put = (label, one, other, moved, beyond, sub) => rows.push({ label, one, other, moved, beyond, sub });
	const shareOf = ({ row, effect }, part, whole) => {
		const value = row[whole] ? row[part] / row[whole] : null;
		return { value, margin: value == null ? null : marginOfShare(value, row[whole], effect) };
	};
	const share = (label, part, whole, better, sub) => {
		const [x, y] = [shareOf(a, part, whole), shareOf(b, part, whole)];
		const d = difference(x.value, x.margin, y.value, y.margin);
		put(label, percent(x.value, 2), percent(y.value, 2), d && shareChange(d, better), d?.beyond, sub);
	};
	const counts = (label, name, shown = (row) => short(row[name])) => {
		const [x, y] = [a.row[name], b.row[name]];
		const margin = Math.hypot(marginOfCount(x, a.effect), marginOfCount(y, b.effect));
		put(label, shown(a.row, a.effect), shown(b.row, b.effect), y > 0 ? h('span', { class: 'change none' }, withSign(x - y, percent(Math.abs(x / y - 1), 1))) : null, Math.abs(x - y) > Math.max(margin, 1.96 * Math.sqrt(x + y)));
	};
	counts('Views', 'views');
	counts('Sessions', 'sessions', sessions);
	share('Views with errors', 'failed', 'views', false);
	for (const key of VITAL_KEYS) {
		const of = ({ row, effect }) => ({ value: row[`${key}_views`] ? middle(row[`${key}_quantiles`]) : null, margin: marginOfQuantile(p / 100, row[`${key}_quantiles`], row[`${key}_views`], effect) });
		const [x, y] = [of(a), of(b)];
		const d = difference(x.value, x.margin, y.value, y.margin);
		put(`${VITALS[key].label} p${p}`, rated(key, x.value), rated(key, y.value), d && change(key, d, false), d?.beyond);
		share(`${VITALS[key].label} good`, `${key}_good`, `${key}_views`, true, true);
	}
	return rows;
}

const figures = () => new Panel({
	id: 'figures',
	title: 'A against B',
	className: 'span-6',
	rows: 13,
	load: loadFigures,
	show: (data, body) => replace(body, table([
		{ label: '', cell: (row) => h('span', { class: row.sub ? 'sub' : '' }, row.label) },
		{ label: 'A', cell: (row) => row.one, number: true },
		{ label: 'B', cell: (row) => row.other, number: true },
		{ label: 'A − B', cell: (row) => row.moved, number: true },
		{ label: '', cell: (row) => beyondText(row.beyond), hide: true },
	], figureRows(data), { caption: 'A against B' })),
});

/* ---- by dimension ---------------------------------------------------------------- */

async function loadRows(ask, at) {
	const key = at.metric;
	const sides = await Promise.all(effective(at).map(async ({ at: own, range }) => {
		const rows = await ask(select([`${columnOf(at.by)} AS name`, `count(${key}) AS views`, `quantiles(${levels(at.p / 100).join(', ')})(${key}) AS q`],
			`${scope(own, range)}\nGROUP BY name\nHAVING views > 0\nORDER BY views DESC\nLIMIT ${ROWS_MAX}`));
		return { rows, effect: rows.weighted ? effectOf(await ask(weights(own, range))) : 1 };
	}));
	return { sides, key, p: at.p, by: at.by };
}

/* Rows of both sides: those beyond chance first, by what they weigh. */
function joined({ sides: [a, b], p }) {
	const others = new Map(b.rows.map((row) => [row.name, row]));
	const margin = (row, effect) => marginOfQuantile(p / 100, row.q, row.views, effect);
	return a.rows.filter((row) => others.has(row.name)).map((row) => {
		const other = others.get(row.name);
		const d = difference(middle(row.q), margin(row, a.effect), middle(other.q), margin(other, b.effect));
		return { name: row.name, row, other, d, weight: Math.abs(d?.change ?? 0) * Math.min(row.views, other.views) };
	}).sort((x, y) => Number(y.d?.beyond ?? false) - Number(x.d?.beyond ?? false) || y.weight - x.weight).slice(0, 25);
}

function rowsPanel() {
	const choice = h('select', { 'aria-label': 'By', id: 'compare-by', onchange: () => go({ by: choice.value }) },
		Object.entries(DIMENSIONS).map(([key, { label }]) => h('option', { value: key }, label)));
	const panel = new Panel({
		id: 'compare-rows',
		title: 'Where they differ',
		className: 'span-6',
		rows: 26,
		tools: choice,
		load: loadRows,
		show(data, body) {
			const { key, by } = data;
			if (![...choice.options].some((option) => option.value === by)) choice.append(h('option', { value: by }, dimensionLabel(by)));
			choice.value = by;
			const rows = joined(data);
			const beyond = rows.filter((row) => row.d?.beyond).length;
			replace(body, h('p', { class: 'note' }, `${VITALS[key].label} p${data.p}: ${beyond} of ${count(rows.length)} beyond chance; those stand first. ± from ${FEWEST} views on each side.`),
				table([
					{ label: dimensionLabel(by), cell: (row) => filterLink(by, row.name) },
					{ label: 'A', cell: (row) => rated(key, middle(row.row.q)), number: true },
					{ label: 'B', cell: (row) => rated(key, middle(row.other.q)), number: true },
					{ label: 'A − B', cell: (row) => (row.d?.margin == null ? h('span', { class: 'change none' }, row.d ? `${signed(key, row.d.change)}, too few views` : '') : change(key, row.d, false)), number: true },
					{ label: 'Views', cell: (row) => `${short(row.row.views)} / ${short(row.other.views)}`, number: true, hide: true },
				], rows, { caption: 'Where they differ', empty: 'Nothing that both sides have.' }));
		},
	});
	return panel;
}

export const build = () => [sidesPanel(), figures(), rowsPanel()];
