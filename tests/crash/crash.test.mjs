/*
 * Goal: kill -9 under load, CYCLES times (100 by default), loses no
 * acknowledged beacon and doubles none.
 * Method: crash.mjs; here also the model it compares with is shown to notice
 * each kind of loss.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crash, CYCLES, SEED } from './crash.mjs';
import { Model, randomFrom } from './model.mjs';

/** A model with one view: seq 0 and 1 acknowledged, seq 2 sent; each with an error. */
function example() {
	const model = new Model(randomFrom(1));
	const view = model.view('s', 0);
	for (let seq = 0; seq < 3; seq++) {
		const beacon = model.next(view);
		beacon.lines = [seq + 1];
		beacon.lcp = 100 * (seq + 1);
		if (seq < 2) model.acknowledge(beacon);
	}
	return { model, key: view.key };
}

test('the model accepts what may be there', () => {
	const { model, key } = example();
	const known = [[key, '1', '1'], [key, '2', '1']];
	assert.deepEqual(model.check('s', [[key, '200', '2']], known), []);
	assert.deepEqual(model.check('s', [[key, '300', '3']], [...known, [key, '3', '1']]), []);
	assert.deepEqual(model.check('another', [], []), []);
});

test('the model notices each kind of loss', () => {
	const { model, key } = example();
	const row = [key, '200', '2'];
	const errors = [[key, '1', '1'], [key, '2', '1']];
	for (const [what, pattern, rows, lines] of [
		['a lost view', /0 rows/, [], errors],
		['a doubled view', /2 rows/, [row, row], errors],
		['a stale value', /lcp 100/, [[key, '100', '2']], errors],
		['a lost error', /error 2: 0 rows/, [[key, '200', '1']], errors.slice(0, 1)],
		['a doubled error', /error 1: 2 rows/, [[key, '200', '3']], [...errors, errors[0]]],
		['a wrong count', /error_count 5/, [[key, '200', '5']], errors],
		['an unknown error', /error 9 was never sent/, [[key, '200', '3']], [...errors, [key, '9', '1']]],
		['an unknown view', /view 7: never sent/, [row, ['7', '1', '0']], errors],
	]) {
		assert.match(model.check('s', rows, lines).join('\n'), pattern, what);
	}
});

test(`${CYCLES} crashes lose nothing`, async (t) => {
	t.diagnostic(`SEED=${SEED}`);
	const { views, acknowledged } = await crash({ cycles: CYCLES, seed: SEED });
	t.diagnostic(`${acknowledged} acknowledged beacons of ${views} views`);
	assert.ok(acknowledged > CYCLES, 'the load got through');
});
