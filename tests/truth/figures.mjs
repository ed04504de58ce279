/*
 * Figures of views, computed plainly, and how far off a sample of them may be.
 * `weigh(view, table)` is how many views a kept row of that view in that table
 * stands for: 1 over the probability that it is kept.
 *
 * A figure is { kind, truth, slack, bounds, isEnough }: slack is what it may be
 * off in itself; bounds(weigh, z) are z standard errors around the truth,
 * isEnough(weigh) whether so many rows are kept that those mean something.
 */
const KEPT_MIN = 30; // rows; as few have an interval in the dashboard
const EITHER_MIN = 10; // of a share: rows of either kind
const SKETCH = 0.004; // how exact quantiles are: store/SQL.md

const sum = (all, of) => all.reduce((total, one) => total + of(one), 0);
const keptOf = (views, weigh, table) => sum(views, (view) => 1 / weigh(view, table));
const around = (truth, error, z) => [truth - z * error, truth + z * error];

/** Views, or the sum of what each counts in `table`. */
export function count(views, { table = 'pageviews', of = () => 1 } = {}) {
	const truth = sum(views, of);
	return {
		kind: 'count', truth, slack: 0,
		bounds: (weigh, z) => around(truth, Math.sqrt(sum(views, (view) => of(view) ** 2 * (weigh(view, table) - 1))), z),
		isEnough: (weigh) => keptOf(views, weigh, table) >= KEPT_MIN,
	};
}

/** The views that have a value, and those values. */
function split(views, of) {
	const known = [], values = [];
	for (const view of views) {
		const value = of(view);
		if (value == null) continue;
		known.push(view);
		values.push(value);
	}
	return { known, values };
}

/** Mean of a value over the views that have one. */
export function mean(views, of) {
	const { known, values } = split(views, of);
	const truth = sum(values, (value) => value) / known.length;
	return {
		kind: 'mean', truth, slack: 1e-9 * truth, known, values,
		bounds: (weigh, z) => around(truth, Math.sqrt(known.reduce((total, view, i) => total + (values[i] - truth) ** 2 * (weigh(view, 'pageviews') - 1), 0)) / known.length, z),
		isEnough: (weigh) => keptOf(known, weigh, 'pageviews') >= KEPT_MIN,
	};
}

/** Share of the views for which `is` (null: not counted) is true. */
export function share(views, is) {
	const figure = mean(views, is);
	const either = (weigh, yes) => keptOf(figure.known.filter((_, i) => figure.values[i] === yes), weigh, 'pageviews') >= EITHER_MIN;
	return { ...figure, kind: 'share', isEnough: (weigh) => either(weigh, true) && either(weigh, false) };
}

/** Views with rows in `table`, of all views: both are of the same draw, kept or not by rules of their own. */
export function shareOfTable(views, has, table) {
	const truth = views.filter(has).length / views.length;
	const variance = (view, weigh) => {
		const [x, one, all] = [Number(has(view)), weigh(view, table), weigh(view, 'pageviews')];
		return x * (one - 1) + truth ** 2 * (all - 1) - 2 * x * truth * (Math.min(one, all) - 1);
	};
	return {
		kind: 'share', truth, slack: 0,
		bounds: (weigh, z) => around(truth, Math.sqrt(sum(views, (view) => variance(view, weigh))) / views.length, z),
		isEnough: (weigh) => keptOf(views.filter(has), weigh, table) >= KEPT_MIN,
	};
}

/** Between neighbours, as the query language has it. */
function quantileOf(sorted, level) {
	const at = Math.min(Math.max(level, 0), 1) * (sorted.length - 1), low = Math.floor(at);
	return sorted[low] + (at - low) * ((sorted[low + 1] ?? sorted[low]) - sorted[low]);
}

/** A quantile of the views that have a value; bounds are those of its level, read off the whole. */
export function quantile(views, of, p) {
	const { known, values } = split(views, of);
	const sorted = Float64Array.from(values).sort();
	const truth = quantileOf(sorted, p);
	return {
		kind: 'quantile', truth, slack: SKETCH * truth,
		bounds(weigh, z) {
			const error = Math.sqrt(known.reduce((total, view, i) => total + (Number(values[i] <= truth) - p) ** 2 * (weigh(view, 'pageviews') - 1), 0)) / known.length;
			return around(p, error, z).map((level) => quantileOf(sorted, level));
		},
		isEnough: (weigh) => keptOf(known, weigh, 'pageviews') * Math.min(p, 1 - p) >= EITHER_MIN,
	};
}

/** How much higher one figure is than another, of other views. */
export function change(one, other) {
	const truth = one.truth - other.truth;
	return {
		kind: 'change', truth, slack: one.slack + other.slack,
		bounds(weigh, z) {
			const [[a, b], [c, d]] = [one.bounds(weigh, z), other.bounds(weigh, z)];
			return [truth - Math.hypot(one.truth - a, d - other.truth), truth + Math.hypot(b - one.truth, other.truth - c)];
		},
		isEnough: (weigh) => one.isEnough(weigh) && other.isEnough(weigh),
	};
}

/** Different values: a sample shows as many or fewer, and says so. */
export const distinct = (views, of) => ({ kind: 'distinct', truth: new Set(views.map(of)).size, slack: 0 });

/** What stands out: of the whole it must, in a sample something else may. */
export const best = (truth) => ({ kind: 'best', truth });

/** What is the same, however much is kept. */
export const text = (truth) => ({ kind: 'text', truth });
