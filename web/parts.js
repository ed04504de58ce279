/*
 * Pieces that several panels show: ratings, bars of shares, tables of a
 * dimension whose rows are filters.
 */
import { h, s } from './dom.js';
import { NONE, count, percent, vital } from './format.js';
import { link, state, withFilter } from './state.js';
import { RATINGS, VITALS, dimensionLabel, rate, valueLabel } from './vitals.js';

/** ● good: never the colour alone. */
export function badge(rating, words = true) {
	if (!rating) return null;
	const { glyph, word } = RATINGS[rating];
	return h('span', { class: `badge ${rating}` }, h('span', { 'aria-hidden': 'true' }, glyph), h('span', { class: words ? '' : 'hidden' }, ` ${word}`));
}

/** A value with its rating's glyph. */
export function rated(key, value) {
	const rating = rate(key, value);
	return h('span', { class: `rated ${rating}`, title: rating ? `${vital(key, value)}: ${RATINGS[rating].word}` : null }, badge(rating, false), ' ', vital(key, value));
}

/** The three shares as one bar; `row` has views, good and poor. */
export function shares({ views, good, poor }, words = false) {
	if (!views) return h('span', { class: 'shares empty' });
	const parts = [
		['good', good / views],
		['needs', (views - good - poor) / views],
		['poor', poor / views],
	];
	const label = parts.map(([rating, share]) => `${percent(share)} ${RATINGS[rating].word}`).join(', ');
	return h(
		'span',
		{ class: 'shares-box' },
		h('span', { class: 'shares', role: 'img', 'aria-label': label, title: label },
			parts.map(([rating, share]) => h('span', { class: rating, vars: { '--share': share } }))),
		words && h('span', { class: 'shares-words', 'aria-hidden': 'true' },
			parts.map(([rating, share]) => h('span', { class: rating }, `${RATINGS[rating].glyph} ${percent(share)}`))),
	);
}

/** A link within the page that adds a filter. */
export function filterLink(key, value, label = valueLabel(key, value)) {
	const href = link({ filters: withFilter(state().filters, key, value) });
	const title = `Only ${dimensionLabel(key)}: ${valueLabel(key, value)}`;
	return h('a', { href, 'data-key': `${key}:${value}`, title, class: 'name' }, label);
}

/**
 * A table. `columns`: [{label, cell(row), number, wide, title}], the first is the
 * row's heading.
 */
export function table(columns, rows, { caption, empty = 'Nothing in this period.' } = {}) {
	if (rows.length === 0) return h('p', { class: 'empty' }, empty);
	const classes = ({ number, wide, hide }) => [number && 'number', wide && 'wide', hide && 'hide-small'].filter(Boolean).join(' ') || null;
	return h(
		'div',
		{ class: 'scroll', tabindex: '0', role: 'region', 'aria-label': caption },
		h('table', null,
			h('thead', null, h('tr', null, columns.map((c) => h('th', { scope: 'col', class: classes(c), title: c.title }, c.label)))),
			h('tbody', null, rows.map((row, i) =>
				h('tr', null, columns.map((c, j) =>
					h(j === 0 ? 'th' : 'td', { scope: j === 0 ? 'row' : null, class: classes(c) }, c.cell(row, i) ?? NONE)))))),
	);
}

/** The bar of a row's impact beside the greatest one. */
export function impactBar(impact, most, key) {
	const share = most > 0 ? impact / most : 0;
	const title = impact > 0 ? `views × excess over good: ${count(impact)}${VITALS[key].unit ? ' ms' : ''}` : 'within good';
	return h('span', { class: 'impact', title }, s('svg', { viewBox: '0 0 100 8', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
		s('rect', { width: Math.round(share * 1000) / 10, height: 8, rx: 1 })), h('span', { class: 'hidden' }, title));
}

/** Columns of a table by one dimension, for the vital `key`. */
export function dimensionColumns(key, dimension, rows) {
	const most = Math.max(0, ...rows.map((row) => row.impact ?? 0));
	return [
		{ label: dimensionLabel(dimension), cell: (row) => filterLink(dimension, row.name) },
		{ label: 'Views', cell: (row) => count(row.views), number: true },
		{ label: `p${state().p}`, cell: (row) => rated(key, row.value), number: true },
		{ label: 'Good / poor', cell: (row) => shares(row), wide: true, hide: true },
		{ label: 'Impact', cell: (row) => impactBar(row.impact, most, key), wide: true, title: 'views × excess over good' },
	];
}
