/*
 * The state of the page as SQL. Every text that a query holds goes through
 * text() or is a name from vitals.js: nothing of a URL is taken as SQL.
 */
import { DIMENSIONS, VITALS } from './vitals.js';

export const DAY_MS = 86400e3;

/* Length, and the step by which the period moves on: within a step the queries
 * are the same, and the server has kept the answers to those of old rows. */
const RANGES = { '1h': [3600e3, 10e3], '24h': [DAY_MS, 60e3], '7d': [7 * DAY_MS, 300e3], '28d': [28 * DAY_MS, 900e3] };
export const RANGE_KEYS = Object.keys(RANGES);

const ESCAPES = { '\\': '\\\\', "'": "\\'", '\n': '\\n', '\r': '\\r', '\t': '\\t', '\0': '\\0', '\b': '\\b', '\f': '\\f' };

/** A string literal. */
export const text = (value) => `'${String(value).replace(/[\\'\n\r\t\0\b\f]/g, (c) => ESCAPES[c])}'`;

/** A time literal from milliseconds since 1970. */
export const time = (ms) => `'${new Date(ms).toISOString().slice(0, 23).replace('T', ' ')}'`;

/** [from, to) in ms of `7d`, or of `2026-06-01T00:00~2026-06-08T00:00` (UTC); the former ends with the step that `now` is in. */
export function period(range, now) {
	if (Object.hasOwn(RANGES, range)) {
		const [length, step] = RANGES[range];
		const to = Math.ceil(now / step) * step;
		return { from: to - length, to, live: true };
	}
	const [from, to] = String(range)
		.split('~')
		.map((part) => Date.parse(`${part}Z`));
	if (!isRange(range)) return period('7d', now);
	return { from, to, live: false };
}

export const isRange = (range) => {
	if (Object.hasOwn(RANGES, range)) return true;
	const [from, to] = String(range).split('~').map((part) => Date.parse(`${part}Z`));
	return from >= 0 && from < to && to < 253402300800000;
};

/** The period of the same length that ends where this one begins. */
export const before = ({ from, to }) => ({ from: Math.max(2 * from - to, 0), to: from, live: false });

/** Seconds of a step by which the period has at most `points` of them. */
export function stepOf({ from, to }, points = 100) {
	const steps = [10, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 43200, 86400, 604800];
	return steps.find((step) => (to - from) / 1000 / step <= points) ?? 2419200;
}

/** Step of the series: seconds since 1970, a multiple of `step`. */
export const bucket = (step) => `toUnixTimestamp(toStartOfInterval(ts, INTERVAL ${step < 86400 ? `${step} SECOND` : `${step / 86400} DAY`}))`;

/** The column, or the tag, of a dimension. */
export const columnOf = (key) => (key.startsWith('tag.') ? `tags[${text(key.slice(4))}]` : key);

export const isDimension = (key) => Object.hasOwn(DIMENSIONS, key) || /^tag\../.test(key);

/** Whether the table has what the filter is about. */
export const applies = (filter, table) => table === 'pageviews' || !DIMENSIONS[filter.key]?.only;

export function condition({ key, value, not }) {
	return `${columnOf(key)} ${not ? '!=' : '='} ${text(value)}`;
}

/**
 * FROM and WHERE of the page's state. `range` is {from, to}; `filters` beside
 * the state's, `extra` are conditions in SQL.
 */
export function scope(state, range, { table = 'pageviews', filters = [], extra = [] } = {}) {
	const all = [
		...(state.site === '*' ? [] : [`site = ${text(state.site)}`]),
		...(state.bots ? [] : [`bot = ''`]),
		`ts >= ${time(range.from)}`,
		`ts < ${time(range.to)}`,
		...[...state.filters, ...filters].filter((f) => applies(f, table)).map(condition),
		...extra,
	];
	return `FROM ${table}\nWHERE ${all.join(' AND ')}`;
}

/** `quantile(0.75)(lcp)` of the state's percentile. */
export const quantile = (state, key) => `quantile(${state.p / 100})(${key})`;

/** Count, percentile, shares and impact of one vital, by name. */
export function vitalColumns(state, key) {
	const { good, poor } = VITALS[key];
	return [
		`count(${key}) AS views`,
		`${quantile(state, key)} AS value`,
		`countIf(${key} <= ${good}) AS good`,
		`countIf(${key} > ${poor}) AS poor`,
		`views * greatest(value - ${good}, 0) AS impact`,
	];
}

/** Rows and weights: named, so that nothing is weighted by itself. */
export const weights = (state, range, options) =>
	select(['sum(_sample_interval) AS w', 'sum(_sample_interval * _sample_interval) AS w2'], scope(state, range, options));

const indent = (list) => list.map((item) => `  ${item}`).join(',\n');

/**
 * Views of errors. A view has a row for each error and counts once, with its weight: `uniq` knows none, so they are weighed
 * here, exactly where the rows of a group stand for as many. The query must name weights throughout.
 */
export const ERROR_VIEWS = ['sum(_sample_interval) / count() AS weight', 'round(uniq(view_id) * weight) AS views'];

/** SELECT with one column a line. */
export const select = (columns, rest) => `SELECT\n${indent(columns)}\n${rest}`;

/** Worst first: rows of one dimension (or several) for a vital. */
export function byDimension(state, range, keys, key, limit, options = {}) {
	const names = keys.map((k, i) => `${columnOf(k)} AS ${keys.length === 1 ? 'name' : `name${i + 1}`}`);
	return select(
		[...names, ...vitalColumns(state, key)],
		`${scope(state, range, options)}\nGROUP BY ${names.map((_, i) => i + 1).join(', ')}\nHAVING views > 0\nORDER BY impact DESC, views DESC\nLIMIT ${limit}`,
	);
}
