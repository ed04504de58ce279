/*
 * A panel: a heading, what it shows, and the SQL that its numbers come from. A
 * failed query shows its error here, with a retry; the other panels live on.
 */
import { copy, h, replace } from './dom.js';
import { query } from './query.js';
import { link, state } from './state.js';

/**
 * `load(ask, state)` gets `ask(sql)`, which answers rows as objects, and returns
 * what `show(data, body)` puts into the body. `note` stands beside the title; `gone()`
 * is called when the panel is.
 */
export class Panel {
	constructor({ id, title, note, className, load, show, tools, gone }) {
		this.load = load;
		this.show = show;
		this.gone = gone;
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
			{ class: `panel ${className ?? ''}`, id, 'aria-labelledby': `${id}-title` },
			h('header', null, this.title, this.note, this.weighted, h('span', { class: 'tools' }, tools, this.toggle)),
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
		if (changed || this.shown === undefined) this.element.setAttribute('aria-busy', 'true');
		this.loading = this.run(signal);
		try {
			await this.loading;
		} finally {
			if (this.abort.signal === signal) this.loading = null;
		}
	}

	async run(signal) {
		const sql = [];
		let weighted = false;
		const ask = async (text) => {
			sql.push(text);
			const rows = await query(text, signal);
			weighted ||= rows.weighted;
			return rows;
		};
		try {
			const data = await this.load(ask, state());
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
