/*
 * What a client knows of the beacons it has sent, and what the tables may hold
 * after any number of crashes:
 *
 *   - a view with an acknowledged beacon has exactly one row; one without has
 *     one or none;
 *   - the row's value is that of the highest acknowledged seq, or of a higher
 *     one that was sent;
 *   - an acknowledged error has exactly one row, one that was sent one or none;
 *   - a row's error_count is the number of its view's error rows;
 *   - nothing else is there.
 */

/** A seeded generator of numbers in [0, 1) (mulberry32). */
export function randomFrom(seed) {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let x = Math.imul(state ^ (state >>> 15), state | 1);
		x ^= x + Math.imul(x ^ (x >>> 7), x | 61);
		return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
	};
}

export class Model {
	constructor(random) {
		this.random = random;
		this.views = new Map(); // decimal view id to view, as SQL prints it
		this.lines = 0; // errors are told apart by their line number
		this.acknowledged = 0; // beacons
	}

	integer(below) {
		return Math.floor(this.random() * below);
	}

	/** A new view of `site`; its beacons are in `sent`, by seq. */
	view(site, t) {
		const hex = Array.from({ length: 4 }, () => this.integer(65536).toString(16).padStart(4, '0')).join('');
		const view = { hex, key: BigInt(`0x${hex}`).toString(), site, t, sent: [], busy: 0 };
		this.views.set(view.key, view);
		return view;
	}

	/** The view's next beacon: { seq, lcp, lines, acknowledged }. */
	next(view) {
		const seq = view.sent.length;
		const lines = Array.from({ length: this.random() < 0.3 ? 1 + this.integer(3) : 0 }, () => ++this.lines);
		const beacon = { seq, lcp: 1000 + seq * 100 + this.integer(100), lines, acknowledged: false };
		view.sent.push(beacon);
		return beacon;
	}

	acknowledge(beacon) {
		if (!beacon.acknowledged) this.acknowledged++;
		beacon.acknowledged = true;
	}

	/**
	 * What is wrong with the rows of `site`; empty when nothing is.
	 * rows: [view key, lcp, error_count]; errors: [view key, line, occurrences].
	 */
	check(site, rows, errors) {
		const wrong = [];
		const rowsOf = group(rows);
		const errorsOf = group(errors);
		for (const view of this.views.values()) {
			if (view.site !== site) continue;
			const complain = (text) => wrong.push(`view ${view.hex} (${view.key}): ${text}`);
			checkView(view, rowsOf.get(view.key) ?? [], errorsOf.get(view.key) ?? [], complain);
			rowsOf.delete(view.key);
			errorsOf.delete(view.key);
		}
		for (const key of rowsOf.keys()) wrong.push(`view ${key}: never sent`);
		for (const key of errorsOf.keys()) wrong.push(`errors of view ${key}: never sent`);
		return wrong;
	}
}

function group(rows) {
	const groups = new Map();
	for (const row of rows) {
		if (!groups.has(row[0])) groups.set(row[0], []);
		groups.get(row[0]).push(row);
	}
	return groups;
}

function checkView(view, rows, errors, complain) {
	const least = view.sent.findLastIndex((beacon) => beacon.acknowledged);
	if (rows.length > 1 || (least >= 0 && rows.length === 0)) complain(`${rows.length} rows`);
	for (const [, lcp, errorCount] of rows) {
		const allowed = view.sent.slice(Math.max(least, 0)).map((beacon) => beacon.lcp);
		if (!allowed.includes(Number(lcp))) complain(`lcp ${lcp}, not one of ${allowed}`);
		const occurrences = errors.reduce((sum, [, , count]) => sum + Number(count), 0);
		if (Number(errorCount) !== occurrences) complain(`error_count ${errorCount}, but ${occurrences} errors`);
	}
	const counts = new Map();
	for (const [, line] of errors) counts.set(Number(line), (counts.get(Number(line)) ?? 0) + 1);
	for (const beacon of view.sent) {
		for (const line of beacon.lines) {
			const count = counts.get(line) ?? 0;
			if (count > 1 || (beacon.acknowledged && count === 0)) complain(`error ${line}: ${count} rows`);
			counts.delete(line);
		}
	}
	for (const line of counts.keys()) complain(`error ${line} was never sent`);
}
