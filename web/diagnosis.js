/*
 * What to fix first: the page with the most impact, for whom it is worst, which
 * element is to blame, since which release; and the newest trouble with errors. Each answer narrows the next
 * question.
 */
import { h, replace } from './dom.js';
import { count, day, milliseconds, moment, parseTime, percent, vital } from './format.js';
import { FEW, Panel } from './panel.js';
import { rated } from './parts.js';
import { ERROR_VIEWS, before, byDimension, period, scope, select, time, vitalColumns, weights } from './sql.js';
import { link, state as current, withFilter } from './state.js';
import { difference, effectOf, levels, marginOfQuantile, middle } from './statistics.js';
import { VITALS, valueLabel } from './vitals.js';

const FEWEST_OF_PAGE = 20; // a row with fewer views proves nothing

/* What holds the element, and the parts of the time. */
export const BLAME = {
	lcp: {
		column: 'lcp_element',
		parts: [['ttfb', 'TTFB'], ['lcp_load_delay', 'load delay'], ['lcp_load_time', 'load time'], ['lcp_render_delay', 'render delay']],
	},
	inp: {
		column: 'inp_target',
		parts: [['inp_input_delay', 'input delay'], ['inp_processing', 'processing'], ['inp_presentation', 'presentation']],
	},
	cls: { column: 'cls_element', parts: [] },
};

/** Rows by element, worst first. */
export function byElement(state, range, key, filters, limit) {
	const { column, parts } = BLAME[key];
	return select(
		[`${column} AS name`, ...vitalColumns(state, key), ...parts.map(([part]) => `avg(${part}) AS ${part}_mean`)],
		`${scope(state, range, { filters, extra: [`${column} != ''`] })}\nGROUP BY name\nHAVING views > 0\nORDER BY impact DESC, views DESC\nLIMIT ${limit}`,
	);
}

/* The release whose rise against the one before is greatest and beyond chance. */
async function since(ask, state, range, key, filters) {
	const p = state.p / 100;
	const whole = { from: before(range).from, to: range.to }, released = { filters, extra: [`release != ''`] };
	const rows = await ask(select(
		['release', 'min(ts) AS first', `count(${key}) AS views`, `quantiles(${levels(p).join(', ')})(${key}) AS q`],
		`${scope(state, whole, released)}\nGROUP BY release\nHAVING views >= ${FEWEST_OF_PAGE}\nORDER BY first\nLIMIT 200`,
	));
	const effect = rows.weighted ? effectOf(await ask(weights(state, whole, released))) : 1;
	const margin = (row) => marginOfQuantile(p, row.q, row.views, effect);
	let found = null;
	for (let i = 1; i < rows.length; i++) {
		const [last, row] = [rows[i - 1], rows[i]];
		const step = difference(middle(row.q), margin(row), middle(last.q), margin(last));
		if (step?.beyond && step.change > (found?.change ?? 0))
			found = { name: row.release, first: row.first, change: step.change, value: middle(row.q), last: middle(last.q), lastName: last.release };
	}
	return found;
}

/* The error that most views met first in this period. */
async function newError(ask, state, range) {
	const [row] = await ask(select(
		['fingerprint', 'min(ts) AS first', 'max(type) AS kind', 'max(message) AS text', ...ERROR_VIEWS],
		`${scope(state, { from: before(range).from, to: range.to }, { table: 'errors' })}\nGROUP BY fingerprint\nHAVING first >= ${time(range.from)} AND views >= ${FEWEST_OF_PAGE}\nORDER BY views DESC\nLIMIT 1`,
	));
	return row ?? null;
}

/* Where no page has the vital: the views there are, and those of bots that are not shown. */
async function hidden(ask, state, range) {
	const [{ all, people }] = await ask(select(['count() AS all', `countIf(bot = '') AS people`], scope({ ...state, bots: true }, range)));
	return state.bots ? { views: all, bots: 0 } : { views: people, bots: all - people };
}

async function load(ask, state) {
	const key = state.metric;
	const range = period(state.range, Date.now());
	const worst = (rows) => rows.find((row) => row.views >= FEWEST_OF_PAGE && row.impact > 0) ?? null;
	const [pages, error] = await Promise.all([ask(byDimension(state, range, ['path'], key, FEW)), newError(ask, state, range)]);
	const page = worst(pages);
	const base = { key, p: state.p, filters: state.filters, page, error };
	if (pages.length === 0) return { ...base, nothing: await hidden(ask, state, range) };
	if (!page) return base;
	const filters = [{ key: 'path', value: page.name }];
	const [who, release] = await Promise.all([
		ask(byDimension(state, range, ['country', 'device'], key, FEW, { filters })).then(worst),
		since(ask, state, range, key, filters),
	]);
	const narrow = who ? [...filters, { key: 'country', value: who.name1 }, { key: 'device', value: who.name2 }] : filters;
	const element = BLAME[key] ? worst(await ask(byElement(state, range, key, narrow, FEW))) ?? worst(await ask(byElement(state, range, key, filters, FEW))) : null;
	return { ...base, who, release, element };
}

/** The part that takes longest, of a row of byElement(). */
function longest(row, key) {
	const parts = BLAME[key].parts.map(([part, label]) => ({ label, value: row[`${part}_mean`] ?? 0 }));
	const total = parts.reduce((sum, part) => sum + part.value, 0);
	const most = parts.sort((a, b) => b.value - a.value)[0];
	return most && total > 0 ? `Mostly ${most.label}: ${milliseconds(most.value)} of ${milliseconds(total)} on average (${percent(most.value / total)}).` : null;
}

const fact = (label, main, ...detail) => [h('dt', null, label), h('dd', null, h('div', { class: 'fact' }, main), h('div', { class: 'note' }, detail))];

const go = (key, filters, label, changes = {}) => h('a', { href: link({ filters, ...changes }), 'data-key': `fact-${key}` }, label);

const errorFact = (error) => error && fact('New error',
	h('a', { href: link({ tab: 'errors', error: String(error.fingerprint) }), 'data-key': 'fact-error' }, `${error.kind || 'error'}: ${error.text}`),
	`first seen ${moment(parseTime(error.first))}, in ${count(error.views)} views`);

function showNothing({ key, nothing: { views, bots }, error }, body) {
	const one = bots === 1;
	replace(body,
		h('p', { class: 'empty', id: 'no-data' }, views > 0 ? `No data: none of the views shown has ${VITALS[key].label}.` : 'No data: there are no views in this period.'),
		bots > 0 && h('p', { id: 'hidden-bots' }, `${count(bots)} ${one ? 'view of a bot is' : 'views of bots are'} hidden. `,
			h('a', { href: link({ bots: true }), 'data-key': 'show-bots' }, one ? 'Show it' : 'Show them')),
		error && h('dl', { class: 'facts' }, errorFact(error)));
}

function show(data, body) {
	const { key, p, page, who, element, release, error } = data;
	const { label, good } = VITALS[key];
	if (data.nothing) {
		showNothing(data, body);
		return;
	}
	if (!page) {
		replace(body, h('p', { class: 'empty', id: 'nothing-wrong' }, `No page's ${label} p${p} is beyond good (${vital(key, good)}) with ${FEWEST_OF_PAGE} views and more.`),
			error && h('dl', { class: 'facts' }, errorFact(error)));
		return;
	}
	const here = withFilter(current().filters, 'path', page.name);
	const theirs = who && withFilter(withFilter(here, 'country', who.name1), 'device', who.name2);
	const whom = who && `${valueLabel('country', who.name1)}, ${valueLabel('device', who.name2)}`;
	replace(body, h('dl', { class: 'facts' },
		fact('Page', go('page', here, page.name), rated(key, page.value), ` at p${p}, ${count(page.views)} views, the most impact`),
		who && fact('Worst for', go('who', theirs, whom), rated(key, who.value), ` at p${p}, ${count(who.views)} views`),
		element && fact('To blame', go('why', theirs ?? here, h('code', null, element.name), { tab: 'why' }), longest(element, key)),
		fact('Since', release ? go('release', withFilter(here, 'release', release.name), `release ${release.name}`) : h('span', null, 'no release stands out'),
			release && `${day(parseTime(release.first))}: p${p} from ${vital(key, release.last)} (${release.lastName}) to ${vital(key, release.value)}`),
		errorFact(error)));
}

export const diagnosis = (className) =>
	new Panel({ id: 'diagnosis', title: 'What to fix first', className, load, show, urgent: true,
		lead: 'The page with the most impact, the people who wait longest for it, what makes them wait, and the release that made it worse. Each narrows the next, and each is a link.' });
