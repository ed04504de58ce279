/*
 * Goal: what the dashboard says of a week is what happened. Method: a scripted
 * week whose truth is kept in memory, drawn from a seeded generator and sent as
 * imports and beacons, and visits of a real Chromium to pages made to order, both
 * to servers that keep all, 1/10, 1/100, and by mixed rules. Every stored row is
 * compared with its view; the figures are read from the dashboard's DOM in
 * Chromium and asked of SQL, and compared with those of the truth. Samples are
 * drawn anew by each server: what is beyond chance is asked of a second draw.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openBrowser } from '../browser/browser.mjs';
import { randomFrom } from '../crash/model.mjs';
import { read } from './panels.mjs';
import { SAMPLINGS, checkRows, fill, rowsOf, start } from './servers.mjs';
import { tell } from './told.mjs';
import { differs, judge, summary } from './verdict.mjs';
import { REAL_CAUSES, Visits, allowance, differsFrom } from './visits.mjs';
import { CAUSES, SCRIPT, importLines, makeWeek } from './week.mjs';
import { figuresOf, figuresOfVisits } from './whole.mjs';

const DRAWS_MAX = 2;
const FIRST = CAUSES[0].type;
const minute = (ms) => new Date(ms).toISOString().slice(0, 16);

export class Truth {
	wrong = [];

	constructor({ views, visits, seed, samplings = SAMPLINGS, log = () => {} }) {
		Object.assign(this, { seed, samplings, log });
		this.directory = mkdtempSync(join(tmpdir(), 'drum-truth-'));
		this.week = makeWeek(randomFrom(seed), views, Date.now());
		this.file = join(this.directory, 'week.ndjson');
		writeFileSync(this.file, `${importLines(this.week.views).join('\n')}\n`);
		const people = this.week.views.filter((view) => !view.isBot);
		const { from } = this.week;
		this.figures = figuresOf(people.filter((view) => view.t >= from), people.filter((view) => view.t < from), CAUSES, SCRIPT);
		this.visits = new Visits(visits);
		this.servers = [];
	}

	complain(text) {
		this.log(`WRONG ${text}`);
		this.wrong.push(text);
	}

	get range() {
		return `${minute(this.week.from)}~${minute(this.week.to)}`;
	}

	/** One draw of a server: reads and judges all figures. */
	async draw(server, sampling) {
		const isWhole = sampling.rules.length === 0;
		const rows = await checkRows(server, this.week.views, sampling.weigh);
		const told = await tell(server, { site: 'shop', ...this.week, first: FIRST });
		const { seen, wrong } = await read(this.browser.context, server.url, { site: 'shop', range: this.range, first: FIRST });
		const results = [...this.figures].map(([name, figure]) => ({ name, truth: figure.truth, shown: seen.get(name), ...judge(figure, seen.get(name), told.get(name), sampling.weigh, isWhole) }));
		for (const name of seen.keys()) if (!this.figures.has(name)) wrong.push(`${name} is shown: ${seen.get(name)}`);
		for (const [name, figure] of this.figures)
			if (differs(figure, seen.get(name), told.get(name), isWhole)) wrong.push(`${name} is ${seen.get(name)} in the dashboard, ${told.get(name).value} ± ${told.get(name).margin} by SQL`);
		return { kept: rows.kept, errors: rows.errors, results, summary: summary(results), wrong: [...rows.wrong, ...wrong] };
	}

	/** Judges a server; what may be chance is asked of further draws, and is wrong when it is so in all of them. */
	async judge(server, sampling) {
		const drawn = await this.draw(server, sampling);
		let suspects = drawn.summary.wrong;
		for (let draws = 1; suspects.length > 0 && sampling.rules.length > 0 && draws < DRAWS_MAX; draws++) {
			this.log(`another draw of the server that keeps ${sampling.name}: ${suspects.map(({ text }) => text).join('; ')}`);
			const other = await this.begin(sampling);
			await this.visits.repeat(other.url);
			const again = await this.draw(other, sampling);
			suspects = suspects.filter(({ name }) => again.summary.wrong.some((one) => one.name === name));
			drawn.wrong.push(...again.wrong);
		}
		for (const text of [...suspects.map((one) => one.text), ...drawn.wrong]) this.complain(`keeps ${sampling.name}: ${text}`);
		return drawn;
	}

	async begin(sampling) {
		const server = await start(sampling, this.directory);
		this.servers.push(server);
		await fill(server, this.file, this.week.views);
		return server;
	}

	/** Real visits: rows as the pages were, the same on every server that kept them, and the dashboard's figures where all are kept. */
	async judgeVisits(servers) {
		const all = new Map();
		for (const [i, server] of servers.entries()) {
			const rows = (await rowsOf(server, "SELECT * FROM pageviews WHERE site = 'real'")).map(({ _sample_interval: weight, ...row }) => row);
			if (new Set(rows.map((row) => row.tags.visit)).size !== rows.length) this.complain(`keeps ${this.samplings[i].name}: a real visit is stored twice`);
			for (const row of rows) {
				if (i === 0) all.set(row.tags.visit, row);
				else if (JSON.stringify(row) !== JSON.stringify(all.get(row.tags.visit))) this.complain(`keeps ${this.samplings[i].name}: a real visit's row is another: ${JSON.stringify(row)}`);
			}
		}
		this.visits.all.forEach((visit, i) => {
			const row = all.get(String(i));
			for (const text of row ? differsFrom(visit, row) : ['it is missing']) this.complain(`real visit ${i}: ${text}`);
		});
		const figures = figuresOfVisits(this.visits.all, REAL_CAUSES, allowance);
		const { seen, wrong } = await read(this.browser.context, servers[0].url, { site: 'real', range: this.range, first: REAL_CAUSES[0].type });
		const results = [...figures].map(([name, figure]) => ({ name, truth: figure.truth, shown: seen.get(name), ...judge(figure, seen.get(name), undefined, () => 1, true) }));
		for (const text of [...summary(results).wrong.map((one) => one.text), ...wrong]) this.complain(`real visits: ${text}`);
		return results;
	}

	/** { week: a result of each server, visits: results }; what is wrong is in `wrong`. */
	async run() {
		const servers = [];
		try {
			for (const sampling of this.samplings) {
				this.log(`filling the server that keeps ${sampling.name}`);
				servers.push(await this.begin(sampling));
			}
			this.log(`${this.visits.all.length} visits in Chromium`);
			await this.visits.make(servers.map((server) => server.url));
			this.browser = await openBrowser();
			const visits = await this.judgeVisits(servers);
			const week = [];
			for (const [i, server] of servers.entries()) {
				this.log(`reading the server that keeps ${this.samplings[i].name}`);
				week.push(await this.judge(server, this.samplings[i]));
			}
			return { week, visits };
		} finally {
			await this.close();
		}
	}

	async close() {
		await this.browser?.close();
		this.visits.close();
		for (const server of this.servers) {
			const code = await server.end();
			if (code !== 0) this.complain(`SIGTERM: ended with ${code}`);
		}
		if (this.wrong.length === 0) rmSync(this.directory, { recursive: true });
	}
}
