/*
 * What the dashboard should show of a site's views, by name. Thresholds and bars
 * are written down here once more: they are part of what is tested.
 */
import { best, change, count, distinct, mean, quantile, share, shareOfTable, text } from './figures.mjs';

export const VITALS = { lcp: [2500, 4000], inp: [200, 500], cls: [0.1, 0.25], fcp: [1800, 3000], ttfb: [800, 1800] };
export const TABLES = ['path', 'country', 'device', 'browser', 'os', 'release'];
export const METRICS = ['lcp', 'inp', 'cls'];
export const PHASES = {
	lcp: [['TTFB', (view) => view.ttfb], ['load delay', (view) => view.lcpParts[0]], ['load time', (view) => view.lcpParts[1]], ['render delay', (view) => view.lcpParts[2]], ['LCP', (view) => view.lcp]],
	inp: [['input delay', (view) => view.inpParts?.[0]], ['processing', (view) => view.inpParts?.[1]], ['presentation', (view) => view.inpParts?.[2]], ['INP', (view) => view.inp]],
};
const P = 0.75;

const has = (views, key) => views.filter((view) => view[key] != null);
const good = (key) => (view) => (view[key] == null ? null : view[key] <= VITALS[key][0]);
const needs = (key) => (view) => (view[key] == null ? null : view[key] > VITALS[key][0] && view[key] <= VITALS[key][1]);
const poor = (key) => (view) => (view[key] == null ? null : view[key] > VITALS[key][1]);

/** p75, shares and count of a vital under `name`; `off(key, value)` is what a value may be off where it was measured. */
function vital(all, name, views, key, off) {
	const p75 = quantile(views, (view) => view[key], P);
	const unsure = off ? views.filter((view) => VITALS[key].some((bound) => Math.abs(view[key] - bound) <= off(key, view[key]))).length / views.length : 0;
	all.set(`${name} p75`, off ? { ...p75, slack: off(key, p75.truth) } : p75);
	for (const [what, is] of [['good', good], ['needs', needs], ['poor', poor]]) all.set(`${name} ${what}`, { ...share(views, is(key)), slack: unsure });
	all.set(`${name} views`, count(has(views, key)));
}

/** A bar's upper bound belongs to it; the last one holds what is beyond. */
export const barOf = (lcp) => Math.min(Math.max(Math.ceil(lcp / 250) - 1, 0), 32);

function groups(views, of) {
	const found = new Map();
	for (const view of views) {
		const some = found.get(of(view));
		if (some) some.push(view);
		else found.set(of(view), [view]);
	}
	return found;
}

/** Rows of the errors' table, and the page of the first cause, which `causes` names. */
function errors(all, views, causes) {
	for (const { type } of causes) {
		const of = (view) => view.errors.filter((error) => error.cause.type === type);
		const failed = views.filter((view) => of(view).length > 0);
		if (failed.length === 0) continue;
		all.set(`error ${type} views`, count(failed, { table: 'errors' }));
		all.set(`error ${type} share`, shareOfTable(views, (view) => of(view).length > 0, 'errors'));
		all.set(`error ${type} times`, count(failed, { table: 'errors', of: (view) => of(view).reduce((sum, error) => sum + error.count, 0) }));
		all.set(`error ${type} releases`, distinct(failed, (view) => view.release));
		if (type !== causes[0].type) continue;
		for (const key of ['device', 'country', 'path'])
			for (const [value, some] of groups(failed, (view) => view[key])) all.set(`error ${type} ${key} ${value || '(none)'} views`, count(some, { table: 'errors' }));
	}
}

/** What is known of measured visits as of made ones. */
function basic(views, causes, off) {
	const all = new Map();
	for (const key of Object.keys(VITALS)) vital(all, `tile ${key}`, views, key, off);
	all.set('tile views', count(views));
	all.set('tile sessions', distinct(views, (view) => view.session));
	all.set('tile errors', share(views, (view) => view.errorCount > 0));
	all.set('series views', count(views));
	all.set('series failed', count(views.filter((view) => view.errorCount > 0)));
	for (const metric of METRICS)
		for (const key of TABLES)
			for (const [value, some] of groups(has(views, metric), (view) => view[key])) vital(all, `${key} ${value || '(none)'} ${metric}`, some, metric, off);
	all.set('error causes', text(causes.filter(({ type }) => views.some((view) => view.errors.some((error) => error.cause.type === type))).map(({ type }) => type).sort().join(', ')));
	all.set('error share', share(views, (view) => view.errorCount > 0));
	errors(all, views, causes);
	return all;
}

/** The worst group of at least 20 views by the impact that the dashboard sorts by: views times what is beyond good. */
function worst(views, of) {
	const impact = (some) => (some.length < 20 ? 0 : some.length * Math.max(quantile(some, (view) => view.lcp, P).truth - VITALS.lcp[0], 0));
	const [[name, some]] = [...groups(has(views, 'lcp'), of)].sort(([, a], [, b]) => impact(b) - impact(a));
	return { name, some };
}

/** What stands out: the week's script says which release, and which error is new. */
function standing(all, views, both, script) {
	const page = worst(views, (view) => view.path);
	const { name } = worst(page.some, (view) => `${view.country} ${view.device}`);
	const [country, device] = name.split(' ');
	all.set('diagnosis Page', best(page.name));
	all.set('diagnosis Worst for', best(`${country ? new Intl.DisplayNames(['en'], { type: 'region' }).of(country) : '(none)'}, ${device}`));
	all.set('diagnosis To blame', best(script.element));
	all.set('diagnosis Since', best(`release ${script.release}`));
	all.set('diagnosis New error', best(script.error));
	for (const key of METRICS) {
		all.set(`verdict ${key} p75`, quantile(both, (view) => view[key], P));
		all.set(`verdict ${key} good`, share(both, good(key)));
	}
	all.set('verdict', best(METRICS.every((key) => all.get(`verdict ${key} p75`).truth <= VITALS[key][0]) ? '✓ passed' : '✗ failed'));
}

/** Of real visits, whose values are known but for `off(key, value)`: a Map of figures. */
export const figuresOfVisits = (visits, causes, off) => basic(visits, causes, off);

/** Of people's `views` in the period, and of those `before` it, with what the script of the week has in store: a Map of figures. */
export function figuresOf(views, before, causes, script) {
	const all = basic(views, causes);
	standing(all, views, [...views, ...before], script);
	for (const key of Object.keys(VITALS)) all.set(`tile ${key} change`, change(all.get(`tile ${key} p75`), quantile(before, (view) => view[key], P)));
	for (const [bar, some] of groups(has(views, 'lcp'), (view) => barOf(view.lcp))) all.set(`bar ${bar}`, count(some));
	for (const p of [50, 75, 90, 95, 99]) all.set(`distribution p${p}`, quantile(views, (view) => view.lcp, p / 100));
	for (const [key, parts] of Object.entries(PHASES)) {
		for (const [label, of] of parts) {
			all.set(`phase ${key} ${label} mean`, mean(has(views, key), of));
			all.set(`phase ${key} ${label} p75`, quantile(has(views, key), of, P));
		}
	}
	for (const key of Object.keys(VITALS)) {
		const [one, other] = ['mobile', 'desktop'].map((device) => views.filter((view) => view.device === device));
		all.set(`compare ${key} p75`, change(...[one, other].map((some) => quantile(some, (view) => view[key], P))));
		all.set(`compare ${key} good`, change(...[one, other].map((some) => share(some, good(key)))));
	}
	return all;
}
