/*
 * Explore: SQL of one's own, with the schema beside it, what was asked before,
 * the answer as a table and a chart, and as CSV. The query is in the URL.
 */
import { plainChart } from './chart.js';
import { byId, h, replace } from './dom.js';
import { count, parseTime } from './format.js';
import { query, raw, table as ask } from './query.js';
import { table } from './parts.js';
import { go, state } from './state.js';

const TABLES = ['pageviews', 'errors', 'events', 'reports'];
const HISTORY = 'drum.history';
const HISTORY_MAX = 20;
const ROWS_SHOWN = 500;
const POINTS_MAX = 5000;

const FIRST = `SELECT path, count() AS views, round(quantile(0.75)(lcp)) AS p75
FROM pageviews
WHERE ts >= now() - INTERVAL 7 DAY AND bot = ''
GROUP BY path
ORDER BY views DESC
LIMIT 20`;

const EXAMPLES = [
	['Busiest pages', FIRST],
	['LCP by hour', `SELECT toStartOfHour(ts) AS hour, quantile(0.5)(lcp) AS p50, quantile(0.75)(lcp) AS p75, quantile(0.95)(lcp) AS p95
FROM pageviews
WHERE ts >= now() - INTERVAL 2 DAY AND bot = ''
GROUP BY hour
ORDER BY hour`],
	['Good shares by country', `SELECT country, count(lcp) AS views, round(countIf(lcp <= 2500) / count(lcp), 3) AS good
FROM pageviews
WHERE ts >= now() - INTERVAL 7 DAY AND bot = ''
GROUP BY country
HAVING views >= 100
ORDER BY good`],
	['Errors by release', `SELECT release, message, count() AS errors, sum(occurrences) AS times
FROM errors
WHERE ts >= now() - INTERVAL 7 DAY
GROUP BY release, message
ORDER BY errors DESC
LIMIT 50`],
];

/* ---- history ------------------------------------------------------------- */

function history() {
	try {
		const list = JSON.parse(localStorage.getItem(HISTORY) ?? '[]');
		return Array.isArray(list) ? list.filter((text) => typeof text === 'string').slice(0, HISTORY_MAX) : [];
	} catch {
		return [];
	}
}

function remember(sql) {
	try {
		localStorage.setItem(HISTORY, JSON.stringify([sql, ...history().filter((text) => text !== sql)].slice(0, HISTORY_MAX)));
	} catch {
		// Storage is blocked or full: no history.
	}
}

/* ---- CSV ------------------------------------------------------------------- */

/* RFC 4180. A text that a spreadsheet would take for a formula gets an apostrophe. */
function csvCell(value) {
	if (value == null) return '';
	if (typeof value === 'number') return String(value);
	const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
	return `"${(/^[=+\-@\t\r]/.test(text) ? `'${text}` : text).replace(/"/g, '""')}"`;
}

export const csv = ({ columns, rows }) =>
	[columns.map((column) => csvCell(column.name)), ...rows.map((row) => row.map(csvCell))].map((row) => `${row.join(',')}\r\n`).join('');

function download(answer) {
	const url = URL.createObjectURL(new Blob([csv(answer)], { type: 'text/csv' }));
	h('a', { href: url, download: 'drum.csv' }).click();
	setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/* ---- the answer -------------------------------------------------------------- */

const isNumber = (type) => /^(Nullable\()?(U?Int|Float|Decimal)/.test(type);
const isTime = (type) => /^(Nullable\()?Date/.test(type);
const cellText = (value) => (value == null ? 'NULL' : typeof value === 'object' ? JSON.stringify(value) : String(value));

/** Series for the chart: numbers over the first column, when it is a time or a number; else null. */
function series({ columns, rows }) {
	if (rows.length < 2 || columns.length < 2) return null;
	const [first, ...others] = columns.map((column, i) => ({ ...column, i }));
	const numbers = others.filter((column) => isNumber(column.type)).slice(0, 5);
	if (numbers.length === 0 || !(isTime(first.type) || isNumber(first.type))) return null;
	const x = (row) => (isTime(first.type) ? parseTime(String(row[0]).length === 10 ? `${row[0]} 00:00:00` : row[0]) / 1000 : row[0]);
	const sorted = rows.filter((row) => row[0] != null).sort((a, b) => x(a) - x(b)).slice(0, POINTS_MAX);
	return { names: [first.name, ...numbers.map((c) => c.name)], isTime: isTime(first.type), data: [sorted.map(x), ...numbers.map((c) => sorted.map((row) => row[c.i]))] };
}

function answerTable({ columns, rows }) {
	const numbers = columns.map((column) => isNumber(column.type));
	return table(
		columns.map((column, i) => ({ label: column.name, title: column.type, number: numbers[i], cell: (row) => cellText(row[i]) })),
		rows.slice(0, ROWS_SHOWN),
		{ caption: 'The answer', empty: 'No rows.' },
	);
}

class Explore {
	constructor() {
		this.live = false;
		this.input = h('textarea', { id: 'sql', rows: 9, spellcheck: 'false', autocapitalize: 'off', 'aria-label': 'SQL', 'aria-describedby': 'sql-hint' });
		this.input.addEventListener('keydown', (event) => {
			if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
			event.preventDefault();
			this.submit();
		});
		this.status = h('p', { role: 'status', class: 'panel-status', id: 'answer-status' });
		this.chart = h('div', { id: 'answer-chart' });
		this.rows = h('div', { id: 'answer' });
		this.save = h('button', { type: 'button', id: 'csv', hidden: true, onclick: () => this.answer && download(this.answer) }, 'CSV');
		this.past = h('select', { 'aria-label': 'Asked before, and examples', id: 'history' });
		this.past.addEventListener('change', () => {
			this.input.value = this.past.value;
			this.submit();
		});
		const form = h('form', { onsubmit: (event) => (event.preventDefault(), this.submit()) }, this.input,
			h('p', { class: 'explore-tools' }, h('button', { id: 'run' }, 'Run'), h('span', { class: 'note', id: 'sql-hint' }, 'Ctrl+Enter. Sampled rows are weighted by themselves.'), this.past, this.save));
		this.element = h('section', { class: 'panel span-8', id: 'explore', 'aria-labelledby': 'explore-title' },
			h('header', null, h('h2', { id: 'explore-title' }, 'SQL')), form, this.status, this.chart, this.rows);
	}

	submit() {
		const q = this.input.value.trim();
		if (!q) return;
		remember(q);
		if (q === state().q) this.refresh({ changed: true });
		else go({ q });
	}

	offer() {
		const option = (text, label = text.replace(/\s+/g, ' ').slice(0, 80)) => h('option', { value: text }, label);
		const past = history();
		replace(this.past, h('option', { value: '' }, 'Asked before …'), past.length > 0 && h('optgroup', { label: 'Asked before' }, past.map((text) => option(text))),
			h('optgroup', { label: 'Examples' }, EXAMPLES.map(([label, text]) => option(text, label))));
	}

	async refresh() {
		this.offer();
		const sql = state().q;
		if (document.activeElement !== this.input || !this.input.value) this.input.value = sql || FIRST;
		if (!sql) return;
		this.abort?.abort();
		const abort = (this.abort = new AbortController());
		this.element.setAttribute('aria-busy', 'true');
		this.status.textContent = 'Asking …';
		try {
			await this.run(sql, abort.signal);
		} catch (error) {
			if (abort.signal.aborted) return;
			this.clear();
			replace(this.status, h('span', { class: 'error-text' }, error.message), ' ',
				h('button', { type: 'button', onclick: () => this.refresh() }, 'Retry'));
		}
		this.element.removeAttribute('aria-busy');
	}

	clear() {
		this.drawn?.destroy();
		this.drawn = null;
		this.answer = null;
		this.save.hidden = true;
		replace(this.chart);
		replace(this.rows);
	}

	async run(sql, signal) {
		/* A format of one's own: the text as it comes. */
		if (/\bFORMAT\s+\w+\s*;?\s*$/i.test(sql)) {
			const text = await raw(sql, 'TabSeparated', signal);
			this.clear();
			this.status.textContent = `${count(text.length)} characters`;
			replace(this.rows, h('pre', { class: 'stack', tabindex: '0', 'aria-label': 'The answer' }, text.slice(0, 200000)));
			return;
		}
		const answer = await ask(sql, signal);
		this.clear();
		this.answer = answer;
		this.save.hidden = answer.rows.length === 0;
		const n = answer.rows.length;
		const cut = n > ROWS_SHOWN ? `, the first ${ROWS_SHOWN} below` : '';
		this.status.textContent = `${count(n)} ${n === 1 ? 'row' : 'rows'}${cut}; ${count(answer.read)} rows read in ${(answer.elapsed * 1000).toFixed(1)} ms`;
		const drawing = series(answer);
		if (drawing) this.drawn = plainChart(this.chart, drawing);
		replace(this.rows, answerTable(answer));
	}

	destroy() {
		this.abort?.abort();
		this.drawn?.destroy();
	}
}

/* ---- schema --------------------------------------------------------------------- */

class Schema {
	constructor() {
		this.live = false;
		this.body = h('div', null);
		this.element = h('section', { class: 'panel span-4', id: 'schema', 'aria-labelledby': 'schema-title' },
			h('header', null, h('h2', { id: 'schema-title' }, 'Tables and columns')), this.body);
	}

	async refresh() {
		if (this.filled) return;
		try {
			const tables = await Promise.all(TABLES.map((name) => query(`DESCRIBE TABLE ${name}`)));
			this.filled = true;
			replace(this.body, h('p', { class: 'note' }, 'A click puts the name into the query.'), TABLES.map((name, i) => this.tableOf(name, tables[i], i === 0)));
		} catch (error) {
			replace(this.body, h('p', null, h('span', { class: 'error-text' }, error.message), ' ',
				h('button', { type: 'button', 'data-key': 'retry', onclick: () => this.refresh() }, 'Retry')));
		}
	}

	tableOf(name, columns, open) {
		return h('details', { open }, h('summary', null, h('strong', null, name), h('span', { class: 'note' }, ` ${columns.length} columns`)),
			h('ul', { class: 'schema' }, columns.map((column) =>
				h('li', null, h('button', { type: 'button', class: 'quiet', title: `${column.type}${column.comment ? `: ${column.comment}` : ''}`, onclick: () => insert(column.name) }, h('code', null, column.name)),
					h('span', { class: 'note' }, ` ${column.comment || column.type}`)))));
	}
}

/** Puts the text where the cursor is. */
function insert(text) {
	const input = byId('sql');
	input.setRangeText(text, input.selectionStart, input.selectionEnd, 'end');
	input.focus();
}

export const still = true; // nothing here is refreshed by the clock

export const build = () => [new Explore(), new Schema()];
