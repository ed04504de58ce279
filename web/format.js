/*
 * Numbers and times for people. Times are UTC.
 */
import { VITALS } from './vitals.js';

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

export const NONE = '–';

export const count = (x) => (x == null ? NONE : whole.format(x));

/** 84.1K: for tiles. */
export const short = (x) => (x == null ? NONE : Math.abs(x) < 10000 ? whole.format(x) : compact.format(x));

export function milliseconds(x) {
	if (x == null) return NONE;
	const size = Math.abs(x);
	if (size >= 100e3) return `${whole.format(x / 1000)} s`;
	if (size >= 9995) return `${(x / 1000).toFixed(1)} s`;
	if (size >= 999.5) return `${(x / 1000).toFixed(2)} s`;
	return `${Math.round(x)} ms`;
}

/** A value of a vital with its unit. */
export function vital(key, x) {
	if (x == null) return NONE;
	return VITALS[key].unit === 'ms' ? milliseconds(x) : x.toFixed(x < 0.1 && x > -0.1 ? 3 : 2);
}

/** The sign of x before what is shown of it, which decides: −0.0001 is ±0.000. */
export const withSign = (x, shown) => `${!/[1-9]/.test(shown) ? '±' : x > 0 ? '+' : '−'}${shown}`;

/** A difference: with its sign. */
export const signed = (key, x) => withSign(x, vital(key, Math.abs(x)));

export function percent(part, digits = 0) {
	if (part == null || Number.isNaN(part)) return NONE;
	const value = part * 100;
	return `${value > 0 && value < 0.1 ? '< 0.1' : value.toFixed(value < 1 && value > 0 && digits === 0 ? 1 : digits)} %`;
}

const pad = (x) => String(x).padStart(2, '0');
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export function day(ms) {
	const date = new Date(ms);
	return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
}

export function clock(ms) {
	const date = new Date(ms);
	return `${pad(date.getUTCHours())}:${pad(date.getUTCMinutes())}`;
}

export const moment = (ms) => `${day(ms)} ${clock(ms)}`;

/** Milliseconds of ClickHouse's `2026-06-01 12:03:05.123`. */
export const parseTime = (ts) => Date.parse(`${String(ts).replace(' ', 'T')}Z`);

/** How long ago, roughly. */
export function ago(ms, now = Date.now()) {
	const seconds = Math.max(0, Math.round((now - ms) / 1000));
	if (seconds < 90) return `${seconds} s ago`;
	if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
	if (seconds < 129600) return `${Math.round(seconds / 3600)} h ago`;
	return `${Math.round(seconds / 86400)} d ago`;
}

/** `2026-06-01T00:00`, as an input of type datetime-local has it. */
export const minute = (ms) => new Date(ms).toISOString().slice(0, 16);
