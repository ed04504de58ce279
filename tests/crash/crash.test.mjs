/*
 * Goal: kill -9 under load, CYCLES times (100 by default), loses no
 * acknowledged beacon and doubles none, with and without flushes, merges and
 * erasures under way.
 * Method: crash.mjs; here also the model it compares with is shown to notice
 * each kind of loss.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crash, CYCLES, SEED } from './crash.mjs';
import { Model, randomFrom, tally } from './model.mjs';

/** A model with one view: seq 0 and 1 acknowledged, seq 2 sent; each with an error. */
function example(options) {
	const model = new Model(randomFrom(1), options);
	const view = model.view('s', 0);
	for (let seq = 0; seq < 3; seq++) {
		const beacon = model.next(view);
		beacon.lines = [seq + 1];
		beacon.lcp = 100 * (seq + 1);
		if (seq < 2) model.acknowledge(beacon);
	}
	return { model, view, key: view.key };
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

test('of one beacon all errors are there, or none', () => {
	const { model, view, key } = example();
	view.sent[2].lines = [3, 4];
	const known = [[key, '1', '1'], [key, '2', '1']];
	assert.deepEqual(model.check('s', [[key, '300', '4']], [...known, [key, '3', '1'], [key, '4', '1']]), []);
	assert.match(model.check('s', [[key, '300', '3']], [...known, [key, '4', '1']]).join(), /errors 3 of seq 2 are missing/);
});

test('an update may be late where views are flushed, until it was found', () => {
	const rows = (key) => [[key, '100', '1']];
	const errors = (key) => [[key, '1', '1']];
	const { model, key } = example({ updatesMayBeLate: true });
	assert.deepEqual(model.check('s', rows(key), errors(key)), []);
	assert.equal(model.late, 1);
	assert.match(model.check('s', [], []).join(), /0 rows/, 'the view itself may not');
	assert.match(model.check('s', rows(key), []).join(), /error 1: 0 rows/, 'nor what seq 0 had');
	assert.deepEqual(model.check('s', [[key, '200', '2']], [...errors(key), [key, '2', '1']]), []);
	assert.match(model.check('s', rows(key), errors(key)).join(), /lcp 100, not one of/, 'what was there stays');
});

test('an erased view is gone for good; one that was to be erased, all or nothing', () => {
	const errors = (key) => [[key, '1', '1'], [key, '2', '1']];
	for (const there of [true, false]) {
		const { model, view, key } = example();
		view.erasing = true;
		assert.deepEqual(model.check('s', there ? [[key, '200', '2']] : [], there ? errors(key) : []), []);
		assert.equal(view.erased, !there);
		assert.match(model.check('s', there ? [] : [[key, '200', '2']], there ? [] : errors(key)).join(), there ? /0 rows/ : /erased, but 1 rows/);
	}
});

test('losses and doubled rows are counted', () => {
	const { model, key } = example();
	assert.deepEqual(tally(model.check('s', [], [])), { lost: 3, doubled: 0 });
	assert.deepEqual(tally(model.check('s', [[key, '200', '3'], [key, '200', '3']], [[key, '1', '1'], [key, '2', '1'], [key, '2', '1']])), { lost: 0, doubled: 2 });
});

test(`${CYCLES} crashes lose nothing`, async (t) => {
	t.diagnostic(`SEED=${SEED}`);
	const runs = await crash({ cycles: CYCLES, seed: SEED });
	for (const { name, acknowledged, views, flushes } of runs) {
		t.diagnostic(`${name}: ${acknowledged} acknowledged beacons of ${views} views, ${flushes} flushes`);
		assert.ok(acknowledged > CYCLES / 2, 'the load got through');
	}
	assert.ok(runs[1].flushes > 0, 'it flushes');
	assert.ok(runs[1].checks > 0, 'it is checked');
});
