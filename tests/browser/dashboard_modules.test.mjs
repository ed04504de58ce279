/*
 * Goal: the dashboard's arithmetic without a browser: confidence intervals
 * cover what they should, texts are quoted, times and numbers are written well.
 * Method: the modules themselves; the intervals by simulation with a fixed seed.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as format from '../../web/format.js';
import { before, byDimension, condition, isRange, period, stepOf, text } from '../../web/sql.js';
import { difference, levels, marginOfCount, marginOfQuantile, marginOfShare, middle } from '../../web/statistics.js';
import { rate } from '../../web/vitals.js';

const SEED = 20260601;

/* mulberry32 */
function random(seed) {
	let state = seed;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

function quantile(sorted, p) {
	const at = p * (sorted.length - 1);
	const low = Math.floor(at);
	return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

test(`intervals of p75 cover 95 % of 2,000 samples (seed ${SEED})`, () => {
	const next = random(SEED);
	const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
	const truth = Math.exp(0.6745 * 0.7); // p75 of a log-normal with sigma 0.7
	const grid = levels(0.75);
	for (const n of [40, 400, 4000]) {
		let covered = 0;
		const runs = n === 4000 ? 500 : 2000;
		for (let i = 0; i < runs; i++) {
			const sorted = Float64Array.from({ length: n }, () => Math.exp(0.7 * normal())).sort();
			const quantiles = grid.map((p) => quantile(sorted, p));
			covered += Math.abs(middle(quantiles) - truth) <= marginOfQuantile(0.75, quantiles, n);
		}
		const share = covered / runs;
		assert.ok(share > 0.92 && share < 0.98, `n = ${n}: covers ${share}`);
	}
});

test('sampling widens an interval by its design effect', () => {
	const quantiles = levels(0.75).map((p) => 1000 + 1000 * p);
	const whole = marginOfQuantile(0.75, quantiles, 10000);
	assert.ok(Math.abs(marginOfQuantile(0.75, quantiles, 10000, 0.25) / whole - 2) < 0.01, 'a quarter of the views: twice as wide');
	assert.equal(marginOfQuantile(0.75, quantiles, 20), null, 'too few views');
	assert.equal(marginOfCount(1000), 0, 'every view was kept: the count is known');
	assert.ok(Math.abs(marginOfCount(1000, 0.1) - 1.96 * Math.sqrt(9000)) < 1e-9, 'z·√Σw(w−1), each row standing for ten');
	assert.ok(Math.abs(marginOfShare(0.5, 100) - 0.098) < 1e-3);
});

test('differences are beyond chance when they exceed both margins together', () => {
	assert.deepEqual(difference(10, 3, 4, 4), { change: 6, margin: 5, beyond: true });
	assert.equal(difference(10, 3, 6, 4).beyond, false);
	assert.equal(difference(10, null, 4, 4).beyond, false, 'unknown is not beyond');
	assert.equal(difference(null, 1, 4, 4), null);
});

test('texts become literals that end where they should', () => {
	assert.equal(text("it's"), "'it\\'s'");
	assert.equal(text("\\' OR 1 = 1 --"), "'\\\\\\' OR 1 = 1 --'");
	assert.equal(text('a\nb\0'), "'a\\nb\\0'");
	assert.equal(condition({ key: "tag.x'] = '", value: 'y', not: true }), "tags['x\\'] = \\''] != 'y'");
	const at = { site: '*', bots: false, p: 75, filters: [{ key: 'path', value: '/', not: false }] };
	assert.match(byDimension(at, { from: 0, to: 1000 }, ['country'], 'lcp', 5), /WHERE bot = '' AND ts >= '1970-01-01 00:00:00\.000' AND ts < '1970-01-01 00:00:01\.000' AND path = '\/'\nGROUP BY 1/);
});

test('periods', () => {
	for (const range of ['1h', '24h', '7d', '28d']) {
		const at = Date.UTC(2026, 5, 1, 12, 3, 5);
		const { from, to } = period(range, at);
		assert.ok(to >= at && to - at <= (to - from) / 300, `${range} ends soon after now`);
		assert.deepEqual(period(range, at + 1000), { from, to, live: true }, 'and is the same a second later');
	}
	assert.deepEqual(period('2026-06-01T00:00~2026-06-08T00:00', 0), { from: Date.UTC(2026, 5, 1), to: Date.UTC(2026, 5, 8), live: false });
	assert.deepEqual(before({ from: 100, to: 130 }), { from: 70, to: 100, live: false });
	for (const nonsense of ['', 'x', '2026-06-08T00:00~2026-06-01T00:00', "7d' --", '-200000-01-01T00:00~2026-01-01T00:00', '2026-06-01T00:00~+200000-01-01T00:00', '~2026-06-01T00:00']) assert.equal(period(nonsense, 0).to - period(nonsense, 0).from, 7 * 86400e3);
	assert.ok(isRange('1970-01-01T00:00~9999-12-31T23:59') && !isRange('0001-01-01T00:00~2026-01-01T00:00'));
	assert.deepEqual(before({ from: 10, to: 30 }), { from: 0, to: 10, live: false }, 'no time is before 1970');
	for (const hours of [1, 24, 168, 672, 8760]) {
		const step = stepOf({ from: 0, to: hours * 3600e3 });
		assert.ok((hours * 3600) / step <= 100 && (hours * 3600) / step > 20, `${hours} h in steps of ${step} s`);
	}
});

test('numbers and times', () => {
	assert.deepEqual([0, 12.4, 999.4, 999.6, 2345, 9994, 9996, 123456].map(format.milliseconds), ['0 ms', '12 ms', '999 ms', '1.00 s', '2.35 s', '9.99 s', '10.0 s', '123 s']);
	assert.deepEqual([0.0123, 0.1, 0.25].map((x) => format.vital('cls', x)), ['0.012', '0.10', '0.25']);
	assert.deepEqual([0.0123, -0.0004, 0, -0.25].map((x) => format.signed('cls', x)), ['+0.012', '±0.000', '±0.000', '−0.25']);
	assert.deepEqual([null, 0, 0.0004, 0.005, 0.5, 1].map((x) => format.percent(x)), ['–', '0 %', '< 0.1 %', '0.5 %', '50 %', '100 %']);
	assert.equal(format.moment(format.parseTime('2026-06-01 12:03:05.123')), '1 Jun 12:03');
	assert.deepEqual([2500, 2500.1, 4000, 4000.1, null].map((x) => rate('lcp', x)), ['good', 'needs', 'needs', 'poor', '']);
});
