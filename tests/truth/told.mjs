/*
 * The same figures by SQL over HTTP, with their stated margins of 95 %: a Map of
 * { value, margin } by the names of whole.mjs. Written for itself: nothing here
 * is taken from the dashboard's queries.
 */
import { METRICS, PHASES, TABLES, VITALS } from './whole.mjs';

const COLUMNS = {
	TTFB: 'ttfb', 'load delay': 'lcp_load_delay', 'load time': 'lcp_load_time', 'render delay': 'lcp_render_delay', LCP: 'lcp',
	'input delay': 'inp_input_delay', processing: 'inp_processing', presentation: 'inp_presentation', INP: 'inp',
};
const DAY_MS = 86400000;
const both = (aggregate, as) => [`${aggregate} AS ${as}`, `margin(${aggregate}) AS ${as}_margin`];
const vital = (key) => [
	...both(`quantile(0.75)(${key})`, `${key}_p75`), ...both(`avg(${key} <= ${VITALS[key][0]})`, `${key}_good`),
	...both(`avg(${key} > ${VITALS[key][0]} AND ${key} <= ${VITALS[key][1]})`, `${key}_needs`), ...both(`avg(${key} > ${VITALS[key][1]})`, `${key}_poor`), ...both(`count(${key})`, `${key}_views`),
];

/** All of them from the server; `site` within [from, to), `first` the error whose page is looked at. */
export async function tell(server, { site, from, to, first }) {
	const told = new Map();
	const rows = async (sql) => (await server.query(`${sql} FORMAT JSONEachRow`)).split('\n').filter(Boolean).map((line) => JSON.parse(line));
	const time = (ms) => `fromUnixTimestamp64Milli(${ms})`;
	const scope = (table, since = from) => `FROM ${table} WHERE site = '${site}' AND bot = '' AND ts >= ${time(since)} AND ts < ${time(to)}`;
	const put = (name, row, as) => row[as] != null && told.set(name, { value: row[as], margin: row[`${as}_margin`] });
	const putVital = (name, row, key) => ['p75', 'good', 'needs', 'poor', 'views'].forEach((what) => put(`${name} ${what}`, row, `${key}_${what}`));

	for (const key of Object.keys(VITALS)) putVital(`tile ${key}`, (await rows(`SELECT ${vital(key).join(', ')} ${scope('pageviews')}`))[0], key);
	const [verdict] = await rows(`SELECT ${METRICS.flatMap(vital).join(', ')} ${scope('pageviews', to - 28 * DAY_MS)}`);
	for (const key of METRICS) for (const what of ['p75', 'good']) put(`verdict ${key} ${what}`, verdict, `${key}_${what}`);
	const [all] = await rows(`SELECT ${[...both('count()', 'views'), ...both('avg(error_count > 0)', 'share'), ...both('countIf(error_count > 0)', 'failed')].join(', ')} ${scope('pageviews')}`);
	for (const name of ['tile views', 'series views']) put(name, all, 'views');
	for (const name of ['tile errors', 'error share']) put(name, all, 'share');
	put('series failed', all, 'failed');
	for (const dimension of TABLES)
		for (const metric of METRICS)
			for (const row of await rows(`SELECT ${dimension} AS name, ${vital(metric).join(', ')} ${scope('pageviews')} GROUP BY name HAVING ${metric}_views > 0`)) putVital(`${dimension} ${row.name || '(none)'} ${metric}`, row, metric);
	for (const row of await rows(`SELECT least(greatest(ceil(lcp / 250) - 1, 0), 32) AS bar, ${both('count()', 'views').join(', ')} ${scope('pageviews')} AND lcp IS NOT NULL GROUP BY bar`)) put(`bar ${row.bar}`, row, 'views');
	const levels = [50, 75, 90, 95, 99];
	const [percentiles] = await rows(`SELECT ${levels.flatMap((p) => both(`quantile(${p / 100})(lcp)`, `p${p}`)).join(', ')} ${scope('pageviews')}`);
	for (const p of levels) put(`distribution p${p}`, percentiles, `p${p}`);
	for (const [key, parts] of Object.entries(PHASES)) {
		const [row] = await rows(`SELECT ${parts.flatMap(([label]) => [...both(`avg(${COLUMNS[label]})`, `${COLUMNS[label]}_mean`), ...both(`quantile(0.75)(${COLUMNS[label]})`, `${COLUMNS[label]}_p75`)]).join(', ')} ${scope('pageviews')} AND ${key} IS NOT NULL`);
		for (const [label] of parts) for (const what of ['mean', 'p75']) put(`phase ${key} ${label} ${what}`, row, `${COLUMNS[label]}_${what}`);
	}
	await tellErrors({ rows, scope, put, told, first, views: all.views });
	return told;
}

/* A view is one draw, however many rows it has of a cause. */
async function tellErrors({ rows, scope, put, told, first, views }) {
	for (const row of await rows(`SELECT type, ${both('sum(occurrences)', 'times').join(', ')} ${scope('errors')} GROUP BY type`)) put(`error ${row.type} times`, row, 'times');
	const draws = (key, extra = '') => `SELECT name, sum(w) AS views, 1.96 * sqrt(sum(w * (w - 1))) AS views_margin FROM (SELECT ${key} AS name, view_id, max(_sample_interval) AS w ${scope('errors')}${extra} GROUP BY name, view_id) GROUP BY name`;
	for (const row of await rows(draws('type'))) {
		put(`error ${row.name} views`, row, 'views');
		told.set(`error ${row.name} share`, { value: row.views / views, margin: row.views_margin / views });
	}
	for (const key of ['device', 'country', 'path'])
		for (const row of await rows(draws(key, ` AND type = '${first}'`))) put(`error ${first} ${key} ${row.name || '(none)'} views`, row, 'views');
}
