/*
 * What a client knows of the beacons it has sent, and what the tables may hold
 * after any number of crashes:
 *
 *   - a view with an acknowledged beacon has exactly one row; one without has
 *     one or none;
 *   - the row's value is that of the highest acknowledged seq, or of a higher
 *     one that was sent;
 *   - an acknowledged error has exactly one row, one that was sent one or none;
 *     of one beacon's errors all are there or none;
 *   - a row's error_count is the number of its view's error rows;
 *   - nothing is there of a view whose erasure was acknowledged;
 *   - nothing else is there.
 *
 * Where views are flushed, a later update of one may be late: acknowledged and
 * dropped, which is the one exception that the store makes. `updatesMayBeLate`
 * allows it for seq above 0, until the update was found for the first time.
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
	constructor(random, { updatesMayBeLate = false } = {}) {
		this.random = random;
		this.updatesMayBeLate = updatesMayBeLate;
		this.late = 0; // acknowledged updates that were not found
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
		const view = { hex, key: BigInt(`0x${hex}`).toString(), site, t, sent: [], busy: 0, erasing: false, erased: false };
		this.views.set(view.key, view);
		return view;
	}

	/** The view's next beacon: { seq, lcp, lines, acknowledged }. */
	next(view) {
		const seq = view.sent.length;
		const lines = Array.from({ length: this.random() < 0.3 ? 1 + this.integer(3) : 0 }, () => ++this.lines);
		const beacon = { seq, lcp: 1000 + seq * 100 + this.integer(100), lines, acknowledged: false, found: false };
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
			this.checkView(view, rowsOf.get(view.key) ?? [], errorsOf.get(view.key) ?? [], complain);
			rowsOf.delete(view.key);
			errorsOf.delete(view.key);
		}
		for (const key of rowsOf.keys()) wrong.push(`view ${key}: never sent`);
		for (const key of errorsOf.keys()) wrong.push(`errors of view ${key}: never sent`);
		return wrong;
	}

	/** Must its values and errors be there? */
	isCertain(beacon) {
		return beacon.acknowledged && (beacon.seq === 0 || beacon.found || !this.updatesMayBeLate);
	}

	checkView(view, rows, errors, complain) {
		if (view.erasing) {
			// The process ended before the answer: now it is known.
			view.erased = rows.length === 0 && errors.length === 0;
			view.erasing = false;
		}
		if (view.erased) {
			if (rows.length + errors.length > 0) complain(`erased, but ${rows.length} rows and ${errors.length} errors`);
			return;
		}
		if (rows.length > 1 || (rows.length === 0 && view.sent.some((beacon) => beacon.acknowledged))) complain(`${rows.length} rows`);
		const least = view.sent.findLastIndex((beacon) => this.isCertain(beacon));
		for (const [, lcp, errorCount] of rows) {
			const allowed = view.sent.slice(Math.max(least, 0));
			const beacon = allowed.find((one) => one.lcp === Number(lcp));
			if (beacon) beacon.found = true;
			else complain(`lcp ${lcp}, not one of ${allowed.map((one) => one.lcp)}`);
			const occurrences = errors.reduce((sum, [, , count]) => sum + Number(count), 0);
			if (Number(errorCount) !== occurrences) complain(`error_count ${errorCount}, but ${occurrences} errors`);
		}
		this.checkErrors(view, errors, complain);
	}

	checkErrors(view, errors, complain) {
		const counts = new Map();
		for (const [, line] of errors) counts.set(Number(line), (counts.get(Number(line)) ?? 0) + 1);
		for (const beacon of view.sent) {
			const missing = beacon.lines.filter((line) => !counts.has(line));
			const isCertain = this.isCertain(beacon);
			for (const line of beacon.lines) {
				const count = counts.get(line) ?? 0;
				if (count > 1 || (isCertain && count === 0)) complain(`error ${line}: ${count} rows`);
				counts.delete(line);
			}
			if (missing.length && missing.length < beacon.lines.length) complain(`errors ${missing} of seq ${beacon.seq} are missing, the others there`);
			if (!missing.length && beacon.lines.length) beacon.found = true;
			if (missing.length && beacon.acknowledged && !isCertain && !beacon.late) {
				beacon.late = true;
				this.late++;
			}
		}
		for (const line of counts.keys()) complain(`error ${line} was never sent`);
	}
}

/** How many of the complaints are losses, and how many doubled rows. */
export function tally(wrong) {
	const count = (pattern) => wrong.filter((text) => pattern.test(text)).length;
	return { lost: count(/: 0 rows|not one of|are missing/), doubled: count(/: ([2-9]|\d\d+) rows/) };
}

function group(rows) {
	const groups = new Map();
	for (const row of rows) {
		if (!groups.has(row[0])) groups.set(row[0], []);
		groups.get(row[0]).push(row);
	}
	return groups;
}

