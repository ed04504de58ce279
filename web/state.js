/*
 * The state of the page, which is the URL's query string: whoever has the URL
 * sees the same. The fragment is for the token only (token.js).
 */
import { PERCENTILES, VITALS } from './vitals.js';
import { isDimension, isRange } from './sql.js';

export const TABS = ['overview', 'where', 'why', 'errors', 'compare', 'explore', 'setup'];

/* Of the URL: `f=country:DE`, and `f=!country:DE` for all but it. */
export function parseFilter(entry) {
	const [, bang, key, value] = /^(!?)([^:]+):([^]*)$/.exec(entry) ?? [];
	return key && isDimension(key) ? { key, value, not: bang === '!' } : null;
}

export const printFilter = ({ key, value, not }) => `${not ? '!' : ''}${key}:${value}`;

const list = (params, name) => params.getAll(name).map(parseFilter).filter(Boolean);
const oneOf = (value, known, other) => (known.includes(value) ? value : other);

export function parse(search) {
	const params = new URLSearchParams(search);
	return {
		tab: oneOf(params.get('tab'), TABS, 'overview'),
		site: params.get('site') ?? '', // '': not chosen yet, '*': all
		range: isRange(params.get('range')) ? params.get('range') : '7d',
		metric: oneOf(params.get('metric'), Object.keys(VITALS), 'lcp'),
		p: oneOf(Number(params.get('p')), PERCENTILES, 75),
		bots: params.get('bots') === '1',
		filters: list(params, 'f'),
		a: list(params, 'a'), // compare: further filters of the two sides,
		b: list(params, 'b'),
		ra: params.get('ra') ?? '', // and their periods: '', 'before' or as `range`
		rb: params.get('rb') ?? 'before',
		by: isDimension(params.get('by') ?? '') ? params.get('by') : 'path', // compare: rows
		slow: params.get('slow') === '1', // why: views beyond good only
		tag: params.get('tag') ?? '', // where: the tag of the tags' table
		error: /^\d{1,20}$/.test(params.get('error') ?? '') ? params.get('error') : '',
		q: params.get('q') ?? '', // explore
	};
}

export function print(state) {
	const params = new URLSearchParams();
	const put = (name, value, usual) => value !== usual && params.append(name, value);
	put('tab', state.tab, 'overview');
	put('site', state.site, '');
	put('range', state.range, '7d');
	put('metric', state.metric, 'lcp');
	put('p', String(state.p), '75');
	put('bots', state.bots ? '1' : '', '');
	for (const filter of state.filters) params.append('f', printFilter(filter));
	if (state.tab === 'compare') {
		for (const filter of state.a) params.append('a', printFilter(filter));
		for (const filter of state.b) params.append('b', printFilter(filter));
		put('ra', state.ra, '');
		put('rb', state.rb, 'before');
		put('by', state.by, 'path');
	}
	if (state.tab === 'why') put('slow', state.slow ? '1' : '', '');
	if (state.tab === 'where') put('tag', state.tag, '');
	if (state.tab === 'errors') put('error', state.error, '');
	if (state.tab === 'explore') put('q', state.q, '');
	const search = params.toString();
	return search ? `?${search}` : location.pathname;
}

let current = parse(location.search);
const listeners = new Set();

export const state = () => current;

/** The address of the page with these changes: for links. */
export const link = (changes) => print({ ...current, ...changes });

/** Goes there; `replace` leaves no entry in the history. */
export function go(changes, { replace = false } = {}) {
	visit(print({ ...current, ...changes }), { replace });
}

/** Goes to an address that link() made. */
export function visit(href, { replace = false } = {}) {
	history[replace ? 'replaceState' : 'pushState'](null, '', href);
	arrive();
}

function arrive() {
	const last = current;
	current = parse(location.search);
	for (const listener of listeners) listener(current, last);
}

export const onChange = (listener) => listeners.add(listener);

addEventListener('popstate', arrive);

/** The filters with one more: it takes the place of another of its dimension. */
export const withFilter = (filters, key, value, not = false) => [
	...filters.filter((f) => (not ? printFilter(f) !== printFilter({ key, value, not }) : f.key !== key)),
	{ key, value: value ?? '', not },
];

export const withoutFilter = (filters, filter) => filters.filter((f) => printFilter(f) !== printFilter(filter));
