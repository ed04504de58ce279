/*
 * A panel: a heading, what it shows, and the SQL that its numbers come from. A
 * failed query shows its error here, with a retry; the other panels live on.
 */
import { copy, h, replace } from './dom.js';
import { URGENT, query } from './query.js';
import { link, state } from './state.js';

/** Rows of a table that are asked for, whether it shows them or not: panels of one table share an answer. */
export const FEW = 20;
const MORE = 100;

/**
 * `load(ask, state, early)` gets `ask(sql, rank)`, which answers rows as objects, and
 * returns what `show(data, body)` puts into the body; early(data) shows a part
 * that is there sooner. `note` stands beside the title, `lead` below it; `gone()` is
 * called when the panel is. `rows` of a table are reserved, so that what is below
 * stays where it is; an `urgent` panel asks before the others.
 */
export class Panel {
	constructor({ id, title, note, lead, className, load, show, tools, gone, rows, urgent }) {
		this.load = load;
		this.show = show;
		this.gone = gone;
		this.urgent = urgent;
		this.sql = [];
		this.body = h('div', { class: 'panel-body' });
		this.status = h('p', { class: 'panel-status', role: 'status' });
		this.code = h('div', { class: 'panel-sql', hidden: true, id: `${id}-sql` });
		this.toggle = h(
			'button',
			{ type: 'button', class: 'quiet', 'aria-expanded': 'false', 'aria-controls': `${id}-sql`, onclick: () => this.showSql() },
			'SQL',
		);
		this.title = h('h2', { id: `${id}-title` }, title);
		this.note = h('span', { class: 'note' }, note);
		this.weighted = h('span', { class: 'note weighted', hidden: true, title: 'Not every view was kept: each row counts as many times as views it stands for' }, 'sampled, weighted');
		this.element = h(
			'section',
			{ class: `panel ${className ?? ''} ${rows ? 'reserved' : ''}`, id, 'aria-labelledby': `${id}-title`, vars: rows && { '--rows': rows } },
			h('header', null, this.title, this.note, this.weighted, h('span', { class: 'tools' }, tools, this.toggle)),
			lead && h('p', { class: 'note lead' }, lead),
			this.code,
			this.status,
			this.body,
		);
	}

	/** Loads anew; a load that is under way for the same state goes on. */
	async refresh({ changed = false } = {}) {
		if (this.loading && !changed) return this.loading;
		this.abort?.abort();
		this.abort = new AbortController();
		const { signal } = this.abort;
		const first = changed || this.shown === undefined;
		if (first) this.element.setAttribute('aria-busy', 'true');
		this.loading = this.run(signal, first);
		try {
			await this.loading;
		} finally {
			if (this.abort.signal === signal) this.loading = null;
		}
	}

	async run(signal, first) {
		const sql = [];
		let weighted = false;
		const ask = async (text, rank = this.urgent ? URGENT : 0) => {
			sql.push(text);
			const rows = await query(text, signal, rank);
			weighted ||= rows.weighted || rows.some((row) => row.weight > 1); // a query that weighs by itself tells it so
			return rows;
		};
		const early = (data) => first && !signal.aborted && this.put(data);
		try {
			const data = await this.load(ask, state(), early);
			if (signal.aborted) return;
			this.sql = sql;
			this.fail(null);
			this.weighted.hidden = !weighted;
			this.put(data);
		} catch (error) {
			if (signal.aborted) return;
			this.sql = sql;
			this.fail(error);
		}
		this.element.removeAttribute('aria-busy');
		if (!this.code.hidden) this.fillSql();
	}

	/* What has not changed is left alone: selection, focus and hover stay. */
	put(data) {
		const text = JSON.stringify(data);
		if (text === this.shown) return;
		this.shown = text;
		this.show(data, this.body);
	}

	fail(error) {
		this.element.classList.toggle('failed', error != null);
		if (error == null) {
			replace(this.status);
			return;
		}
		const retry = h('button', { type: 'button', 'data-key': 'retry', onclick: () => this.refresh({ changed: true }) }, 'Retry');
		replace(this.status, h('span', { class: 'error-text' }, error.message), ' ', retry);
	}

	showSql() {
		this.code.hidden = !this.code.hidden;
		this.toggle.setAttribute('aria-expanded', String(!this.code.hidden));
		if (!this.code.hidden) this.fillSql();
	}

	fillSql() {
		replace(this.code, this.sql.map((text, i) => this.sqlBlock(text, i)));
	}

	sqlBlock(text, i) {
		const pre = h('pre', { tabindex: '0', 'aria-label': 'query' }, text);
		const told = h('span', { role: 'status', class: 'note' });
		return h(
			'div',
			{ class: 'sql-block' },
			pre,
			h(
				'p',
				null,
				h('button', { type: 'button', 'data-key': `copy-${i}`, onclick: async () => (told.textContent = await copy(text, pre)) }, 'Copy query'),
				' ',
				h('a', { href: link({ tab: 'explore', q: text }), 'data-key': `explore-${i}` }, 'Open in Explore'),
				' ',
				told,
			),
		);
	}

	destroy() {
		this.abort?.abort();
		this.gone?.();
	}
}

/**
 * A panel of a table that shows `limit` rows, and with “More” up to 100. `load` and
 * `show` as Panel has them, but that rows are loaded by `rowsOf(ask, state, limit)`.
 */
export function growing({ limit, rowsOf, show, ...options }) {
	let shown = limit;
	const more = h('button', { type: 'button', class: 'quiet kept', onclick: () => ((shown = MORE), panel.refresh({ changed: true })) }, 'More');
	const panel = new Panel({
		...options,
		tools: more,
		rows: limit,
		async load(ask, state) {
			const { metric: key, p, filters } = state;
			const rows = await rowsOf(ask, state, Math.max(shown, FEW));
			return { rows: rows.slice(0, shown), over: rows.length > shown, key, p, filters, slow: state.slow };
		},
		show(data, body) {
			more.classList.toggle('kept', !data.over);
			show(data, body);
		},
	});
	return panel;
}
