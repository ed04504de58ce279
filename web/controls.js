/*
 * What is shown: site, period, vital, percentile, bots, filters. All of it goes
 * into the URL.
 */
import { byId, h, replace } from './dom.js';
import { minute } from './format.js';
import { query } from './query.js';
import { RANGE_KEYS, columnOf, isDimension, period, scope } from './sql.js';
import { go, link, printFilter, state, withFilter, withoutFilter } from './state.js';
import { DIMENSIONS, PERCENTILES, VITALS, VITAL_KEYS, dimensionLabel, valueLabel } from './vitals.js';

const RANGE_LABELS = { '1h': 'Last hour', '24h': 'Last 24 hours', '7d': 'Last 7 days', '28d': 'Last 28 days' };

let sites = [];

const option = (value, label, chosen) => h('option', { value, selected: value === chosen }, label);

const field = (label, control) => h('label', { class: 'field' }, h('span', null, label), control);

function picker(id, label, values, chosen, onPick) {
	return field(label, h('select', { id, 'data-key': id, onchange: (event) => onPick(event.target.value) }, values.map(([value, text]) => option(value, text, chosen))));
}

function siteOptions(site) {
	const known = sites.map((row) => row.site);
	if (site && site !== '*' && !known.includes(site)) known.push(site);
	return [...known.map((name) => [name, name]), ['*', 'All sites']];
}

function customPeriod({ from, to }) {
	const input = (name, value) => h('input', { type: 'datetime-local', 'aria-label': name, value: minute(value), 'data-key': name, id: `period-${name}` });
	const [a, b] = [input('from', from), input('to', to)];
	const set = () => a.value < b.value && go({ range: `${a.value}~${b.value}` });
	a.addEventListener('change', set);
	b.addEventListener('change', set);
	return h('span', { class: 'custom' }, a, h('span', { 'aria-hidden': 'true' }, '–'), b);
}

/* ---- filters ---------------------------------------------------------- */

/** A filter's chip: what it is, turned round, taken away. `put` gets the new list. */
export function chip(filters, filter, hrefOf) {
	const { key, value, not } = filter;
	const turned = filters.map((f) => (f === filter ? { ...f, not: !not } : f));
	const name = `${dimensionLabel(key)} ${not ? 'is not' : 'is'} ${valueLabel(key, value)}`;
	return h('span', { class: 'chip' },
		h('span', null, `${dimensionLabel(key)} `),
		h('a', { href: hrefOf(turned), 'data-key': `turn-${printFilter(filter)}`, title: 'Turn round', 'aria-label': `${name}: turn round` }, not ? '≠' : '='),
		h('strong', null, valueLabel(key, value)),
		h('a', { href: hrefOf(withoutFilter(filters, filter)), 'data-key': `drop-${printFilter(filter)}`, class: 'drop', 'aria-label': `Without the filter ${name}` }, '×'));
}

/** A form to add a filter; suggests the values there are. `onAdd(key, value)`. */
export function filterForm(id, onAdd) {
	const values = h('datalist', { id: `${id}-values` });
	const select = h('select', { 'aria-label': 'Dimension', id: `${id}-key` },
		Object.entries(DIMENSIONS).map(([key, { label }]) => option(key, label)), h('option', { value: 'tag' }, 'Tag…'));
	const name = h('input', { 'aria-label': 'Name of the tag', placeholder: 'tag', size: 8, hidden: true, id: `${id}-tag` });
	const input = h('input', { 'aria-label': 'Value', placeholder: 'value', list: `${id}-values`, size: 14, autocomplete: 'off', id: `${id}-value` });
	const keyOf = () => (select.value === 'tag' ? `tag.${name.value}` : select.value);
	let abort;
	const suggest = async () => {
		const key = keyOf();
		abort?.abort();
		abort = new AbortController();
		if (!isDimension(key)) return;
		try {
			const rows = await query(`SELECT ${columnOf(key)} AS name, count() AS views\n${scope(state(), period(state().range, Date.now()))}\nGROUP BY name\nORDER BY views DESC\nLIMIT 50`, abort.signal);
			replace(values, rows.map((row) => h('option', { value: row.name })));
		} catch {
			// A suggestion less; the value can be typed.
		}
	};
	select.addEventListener('change', () => {
		name.hidden = select.value !== 'tag';
		input.value = '';
		replace(values);
		suggest();
	});
	input.addEventListener('focus', suggest, { once: true });
	return h('form', { class: 'filter-form', id, onsubmit: (event) => {
		event.preventDefault();
		if (isDimension(keyOf())) onAdd(keyOf(), input.value);
	} }, select, name, input, values, h('button', null, 'Add filter'));
}

function chips() {
	const { filters, bots } = state();
	const form = byId('chips').querySelector('form') ?? filterForm('filter', (key, value) => {
		go({ filters: withFilter(state().filters, key, value) });
		byId('filter-value').value = '';
	});
	const list = h('span', { class: 'chip-list' },
		filters.map((filter) => chip(filters, filter, (next) => link({ filters: next }))),
		bots && h('span', { class: 'chip' }, h('strong', null, 'with bots')),
		filters.length > 1 && h('a', { href: link({ filters: [] }), class: 'note' }, 'clear all'));
	const last = byId('chips').querySelector('.chip-list');
	if (last) {
		const key = document.activeElement?.dataset?.key;
		last.replaceWith(list);
		if (key) [...list.querySelectorAll('[data-key]')].find((e) => e.dataset.key === key)?.focus();
	} else {
		byId('chips').append(list, form);
	}
}

/** Shows the state; `known` are the rows of sites, when they are new. */
export function build(known = sites) {
	sites = known;
	const { site, range, metric, p, bots, tab } = state();
	const now = period(range, Date.now());
	const ranges = [...RANGE_KEYS.map((key) => [key, RANGE_LABELS[key]]), ['custom', 'From … to']];
	byId('controls').hidden = tab === 'explore' || tab === 'setup';
	byId('chips').hidden = tab === 'explore' || tab === 'setup';
	byId('controls').onsubmit = (event) => event.preventDefault();
	replace(byId('controls'),
		picker('site', 'Site', siteOptions(site), site, (value) => go({ site: value })),
		picker('range', 'Period', ranges, now.live ? range : 'custom', (value) => go({ range: value === 'custom' ? `${minute(now.from)}~${minute(now.to)}` : value })),
		!now.live && customPeriod(now),
		picker('metric', 'Vital', VITAL_KEYS.map((key) => [key, VITALS[key].label]), metric, (value) => go({ metric: value })),
		picker('percentile', 'Percentile', PERCENTILES.map((x) => [String(x), `p${x}`]), String(p), (value) => go({ p: Number(value) })),
		h('label', { class: 'check' }, h('input', { type: 'checkbox', id: 'bots', 'data-key': 'bots', checked: bots, onchange: (event) => go({ bots: event.target.checked }) }), ' bots too'));
	chips();
}
