/*
 * What was sent to one site and what was acknowledged, by number, and what the
 * tables may hold: each acknowledged number once, each that was only sent once
 * or not at all, nothing else. A number stands in a column of each table it
 * makes a row of; what one request carries is there in all of its tables or in
 * none.
 */

const SENT = 1;
const ACKNOWLEDGED = 2;

/** Where a number stands in each table. */
export const NUMBER = { pageviews: 'lcp', errors: 'line', events: 'value', reports: 'elapsed' };

export class Ledger {
	/** `tables` are those that each number makes one row of. */
	constructor(site, tables) {
		this.site = site;
		this.tables = tables;
		this.states = new Uint8Array(1 << 16);
		this.sent = 0; // numbers 1 to this were sent
		this.acknowledged = 0;
	}

	/** The next `count` numbers, as sent: the first of them. */
	next(count = 1) {
		const first = this.sent + 1;
		this.sent += count;
		while (this.sent >= this.states.length) {
			const grown = new Uint8Array(2 * this.states.length);
			grown.set(this.states);
			this.states = grown;
		}
		this.states.fill(SENT, first, this.sent + 1);
		return first;
	}

	acknowledge(first, count = 1) {
		for (let number = first; number < first + count; number++) {
			if (this.states[number] !== ACKNOWLEDGED) this.acknowledged++;
			this.states[number] = ACKNOWLEDGED;
		}
	}

	/** What is wrong with the numbers found in each table, { table: [number] }; empty when nothing is. */
	check(found) {
		const wrong = [];
		const times = {};
		const complain = (table, number, text) => wrong.push(`${this.site}, ${table}, number ${number}: ${text}`);
		for (const table of this.tables) {
			times[table] = new Uint8Array(this.sent + 1);
			for (const number of found[table]) {
				if (number >= 1 && number <= this.sent) times[table][number]++;
				else complain(table, number, 'never sent');
			}
		}
		for (let number = 1; number <= this.sent; number++) {
			const counts = this.tables.map((table) => times[table][number]);
			this.tables.forEach((table, i) => {
				if (counts[i] > 1) complain(table, number, `${counts[i]} rows`);
				else if (counts[i] === 0 && this.states[number] === ACKNOWLEDGED) complain(table, number, '0 rows');
				else if (counts[i] === 0 && counts.some((count) => count > 0)) complain(table, number, 'only in other tables');
			});
		}
		return wrong;
	}

	/** What is wrong with a count of rows and of different numbers; empty when nothing is. */
	checkCount(table, rows, different) {
		const wrong = [];
		if (rows !== different) wrong.push(`${this.site}, ${table}: ${rows} rows of ${different} numbers`);
		if (rows < this.acknowledged || rows > this.sent)
			wrong.push(`${this.site}, ${table}: ${rows} rows, ${this.acknowledged} acknowledged, ${this.sent} sent`);
		return wrong;
	}
}
