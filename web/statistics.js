/*
 * Confidence intervals. A percentile's is Woodruff's: the quantiles at
 * p ± z·√(p(1−p)/n), where n is the effective number of views, (Σw)²/Σw² of the
 * sampling weights. They are read off quantiles at a fixed grid of levels
 * around p, so that one query serves any n.
 */

const Z = 1.96; // 95 %
const OFFSETS = [-0.2, -0.12, -0.06, -0.03, -0.015, -0.006, -0.002, 0, 0.002, 0.006, 0.015, 0.03, 0.06, 0.12, 0.2];
export const FEWEST = 30; // below it there is no interval

/** Levels for `quantiles(...)`; the middle one is p (0 to 1). */
export const levels = (p) =>
	OFFSETS.map((offset) => Math.round(Math.min(0.999, Math.max(0.001, p + offset)) * 1e4) / 1e4);

export const middle = (quantiles) => quantiles?.[OFFSETS.indexOf(0)] ?? null;

/** The quantile at `level`, between the grid's neighbours. */
function at(grid, quantiles, level) {
	if (level <= grid[0]) return quantiles[0];
	for (let i = 1; i < grid.length; i++) {
		if (level > grid[i] || grid[i] === grid[i - 1]) continue;
		const share = (level - grid[i - 1]) / (grid[i] - grid[i - 1]);
		return quantiles[i - 1] + share * (quantiles[i] - quantiles[i - 1]);
	}
	return quantiles.at(-1);
}

/**
 * Half the width of the percentile's interval; null where views are too few.
 * `views` is weighted, `effect` is Σw/Σw² of the table (1 when nothing is sampled).
 */
export function marginOfQuantile(p, quantiles, views, effect = 1) {
	const n = views * effect;
	if (!(n >= FEWEST) || quantiles?.[0] == null) return null;
	const error = Z * Math.sqrt((p * (1 - p)) / n);
	const grid = levels(p);
	return (at(grid, quantiles, p + error) - at(grid, quantiles, p - error)) / 2;
}

/** Half the width of a share's interval. */
export function marginOfShare(share, views, effect = 1) {
	const n = views * effect;
	return n >= FEWEST ? Z * Math.sqrt((share * (1 - share)) / n) : null;
}

/** Of a count: 0 where every view was kept. */
export const marginOfCount = (views, effect = 1) => Z * Math.sqrt(views * Math.max(0, 1 / effect - 1));

/** Σw/Σw² of an answer of weights(): how many rows a view is worth. */
export const effectOf = ([row]) => (row?.w2 > 0 ? row.w / row.w2 : 1);

/** The difference of two independent values: {change, margin, beyond}. */
export function difference(now, marginNow, then, marginThen) {
	if (now == null || then == null) return null;
	const change = now - then;
	const margin = marginNow == null || marginThen == null ? null : Math.hypot(marginNow, marginThen);
	return { change, margin, beyond: margin != null && Math.abs(change) > margin };
}
