/*
 * Goal: what hours of traffic are compared with notices each kind of loss.
 * Method: a ledger with known numbers, and rows that are wrong in one way each.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger } from './ledger.mjs';

/** Numbers 1 to 3 acknowledged, 4 only sent. */
function example() {
	const ledger = new Ledger('s', ['pageviews', 'errors']);
	ledger.acknowledge(ledger.next(3), 3);
	ledger.next();
	return ledger;
}

test('the ledger accepts what may be there', () => {
	const ledger = example();
	assert.deepEqual([ledger.sent, ledger.acknowledged], [4, 3]);
	for (const numbers of [[1, 2, 3], [4, 3, 2, 1]]) {
		assert.deepEqual(ledger.check({ pageviews: numbers, errors: numbers }), []);
		assert.deepEqual(ledger.checkCount('pageviews', numbers.length, numbers.length), []);
	}
});

test('the ledger notices each kind of loss', () => {
	const all = [1, 2, 3];
	for (const [what, pattern, pageviews, errors] of [
		['a lost row', /errors, number 2: 0 rows/, all, [1, 3]],
		['a doubled row', /pageviews, number 3: 2 rows/, [1, 2, 3, 3], all],
		['half of a request', /errors, number 4: only in other tables/, [1, 2, 3, 4], all],
		['an unknown row', /pageviews, number 5: never sent/, [1, 2, 3, 5], all],
		['a number of another kind', /pageviews, number NaN: never sent/, [1, 2, 3, NaN], all],
	]) {
		const wrong = example().check({ pageviews, errors });
		assert.equal(wrong.length, 1, what);
		assert.match(wrong[0], pattern, what);
	}
	assert.match(example().checkCount('pageviews', 2, 2)[0], /2 rows, 3 acknowledged, 4 sent/);
	assert.match(example().checkCount('pageviews', 5, 5)[0], /5 rows, 3 acknowledged, 4 sent/);
	assert.match(example().checkCount('pageviews', 4, 3)[0], /4 rows of 3 numbers/);
});

test('numbers beyond the first room are kept', () => {
	const ledger = new Ledger('s', ['reports']);
	for (let i = 0; i < 700; i++) ledger.acknowledge(ledger.next(100), 100);
	assert.equal(ledger.acknowledged, 70000);
	assert.deepEqual(ledger.check({ reports: Array.from({ length: 70000 }, (_, i) => i + 1) }), []);
});
