/*
 * The nine questions, for each engine. The answers' columns after the first
 * `keys` are numbers whose kinds are listed: a count (c), a share (s), a number
 * of distinct values (d), or the factor from drum's unit to the peers'. `least`
 * rows (default 1,000) make a group so large that neighbouring ranks have about
 * the same value, and its quantiles can be compared. ClickHouse and DuckDB
 * have several functions for one thing: the text has # where they go.
 *
 * `targets` are the fastest peer's time to drum's; `prototype` is what a plain C
 * scan of the same encodings reached, on one thread and two.
 */
const CLICKHOUSE = ['quantile', 'quantileTDigest', 'quantileBFloat16', 'quantileExact', 'quantileDD(0.004, #)'];
const DUCKDB = ['approx_quantile(#)', 'quantile_cont(#)'];

/* quantileX(level) or quantileX(error, level); several levels: quantilesX. */
const clickhouse = (sql) => CLICKHOUSE.map((name) => ({
  name: name.replace(', #', ''),
  sql: sql.replace(/P\((.*?)\)\((\w+)\)/g, (_, levels, column) => {
    const [plain, first] = name.replace(')', '').split('(');
    return `${levels.includes(',') ? plain.replace('quantile', 'quantiles') : plain}(${first ? first.replace('#', levels) : levels})(${column})`;
  }),
}));
const duckdb = (sql) => DUCKDB.map((name) => ({
  name: name.replace('(#)', ''),
  sql: sql.replace(/P\((.*?)\)\((\w+)\)/g, (_, levels, column) => name.replace('#', `${column}, ${levels.includes(',') ? `[${levels}]` : levels}`)),
}));
const each = (names, sql) => names.map((name) => ({ name: name.split('(')[0], sql: sql.replace('#', name) }));

const at = (text) => Date.parse(`${text.replace(' ', 'T')}Z`);
const shares = (count, good, poor) => `SELECT country, count(lcp) n, ${count(`lcp <= ${good}`)}/n, ${count(`lcp > ${good} AND lcp <= ${poor}`)}/n, ${count(`lcp > ${poor}`)}/n FROM b.pageviews GROUP BY country`;

export const QUERIES = [
  {
    name: 'Q1', what: 'p50, p75, p95, p99 of lcp by country and device', target: 15, prototype: [36, 33], keys: 2, kinds: ['c', 10, 10, 10, 10], least: 20000,
    drum: 'SELECT country, device, count(lcp), quantiles(0.5,0.75,0.95,0.99)(lcp) FROM pageviews GROUP BY country, device',
    clickhouse: clickhouse('SELECT country, device, count(lcp), P(0.5,0.75,0.95,0.99)(lcp) FROM b.pageviews GROUP BY country, device'),
    duckdb: duckdb('SELECT country, device, count(lcp), P(0.5,0.75,0.95,0.99)(lcp) FROM pageviews GROUP BY country, device'),
  },
  {
    name: 'Q2', what: 'p75 of lcp, inp, cls, ttfb by device', target: 8, prototype: [10.3, 12.6], keys: 1, kinds: [10, 10, 10000, 10],
    drum: 'SELECT device, quantile(0.75)(lcp), quantile(0.75)(inp), quantile(0.75)(cls), quantile(0.75)(ttfb) FROM pageviews GROUP BY device',
    clickhouse: clickhouse('SELECT device, P(0.75)(lcp), P(0.75)(inp), P(0.75)(cls), P(0.75)(ttfb) FROM b.pageviews GROUP BY device'),
    duckdb: duckdb('SELECT device, P(0.75)(lcp), P(0.75)(inp), P(0.75)(cls), P(0.75)(ttfb) FROM pageviews GROUP BY device'),
  },
  {
    name: 'Q3', what: 'p75 of lcp by hour, one site', target: 10, prototype: [24.5, 23.5], keys: 1, kinds: ['c', 10],
    drum: "SELECT toStartOfHour(ts) h, count(lcp), quantile(0.75)(lcp) FROM pageviews WHERE site = 'shop' GROUP BY h ORDER BY h",
    clickhouse: clickhouse("SELECT toStartOfHour(ts) h, count(lcp), P(0.75)(lcp) FROM b.pageviews WHERE site = 'shop' GROUP BY h ORDER BY h"),
    duckdb: duckdb("SELECT ts // 3600000 h, count(lcp), P(0.75)(lcp) FROM pageviews WHERE site = 'shop' GROUP BY h ORDER BY h"),
  },
  {
    name: 'Q4', what: 'top 20 paths with p75 of lcp, one site, 7 days', target: 8, prototype: [17.3, 21], keys: 1, kinds: ['c', 10],
    drum: "SELECT path, count() n, quantile(0.75)(lcp) FROM pageviews WHERE site = 'shop' AND ts >= '2026-02-22 00:00:00' GROUP BY path ORDER BY n DESC, path LIMIT 20",
    clickhouse: clickhouse("SELECT path, count() n, P(0.75)(lcp) FROM b.pageviews WHERE site = 'shop' AND ts >= '2026-02-22 00:00:00' GROUP BY path ORDER BY n DESC, path LIMIT 20"),
    duckdb: duckdb(`SELECT path, count(*) n, P(0.75)(lcp) FROM pageviews WHERE site = 'shop' AND ts >= ${at('2026-02-22 00:00:00')} GROUP BY path ORDER BY n DESC, path::VARCHAR LIMIT 20`),
  },
  {
    name: 'Q5', what: 'p75 of lcp by day, one browser, connection and country', target: 10, prototype: [22, 20.6], keys: 1, kinds: ['c', 10],
    drum: "SELECT toDate(ts) d, count(lcp), quantile(0.75)(lcp) FROM pageviews WHERE browser = 'Chrome' AND connection = '4g' AND country = 'AA' GROUP BY d ORDER BY d",
    clickhouse: clickhouse("SELECT toDate(ts) d, count(lcp), P(0.75)(lcp) FROM b.pageviews WHERE browser = 'Chrome' AND connection = '4g' AND country = 'AA' GROUP BY d ORDER BY d"),
    duckdb: duckdb("SELECT ts // 86400000 d, count(lcp), P(0.75)(lcp) FROM pageviews WHERE browser = 'Chrome' AND connection = '4g' AND country = 'AA' GROUP BY d ORDER BY d"),
  },
  {
    name: 'Q6', what: 'count and good, needs-improvement, poor shares of lcp by country', target: 8, prototype: [17, 19.6], keys: 1, kinds: ['c', 's', 's', 's'],
    drum: shares((what) => `countIf(${what})`, 2500, 4000).replace('b.', ''),
    clickhouse: [{ name: 'countIf', sql: shares((what) => `countIf(${what})`, 25000, 40000) }],
    duckdb: [{ name: 'FILTER', sql: shares((what) => `count(*) FILTER (${what})`, 25000, 40000).replace('b.', '') }],
  },
  {
    name: 'Q7', what: 'distinct sessions by day, approximate', target: 4, prototype: [13, 13], keys: 1, kinds: ['d'],
    drum: 'SELECT toDate(ts) d, uniq(session_id) FROM pageviews GROUP BY d ORDER BY d',
    clickhouse: each(['uniq', 'uniqCombined', 'uniqHLL12', 'uniqExact'], 'SELECT toDate(ts) d, #(session_id) FROM b.pageviews GROUP BY d ORDER BY d'),
    duckdb: each(['approx_count_distinct(', 'count(DISTINCT '], 'SELECT ts // 86400000 d, #session_id) FROM pageviews GROUP BY d ORDER BY d'),
  },
  {
    name: 'Q8', what: 'p75 of lcp by country and device, weighted by the sample interval', target: 15, prototype: [35, 33], keys: 2, kinds: ['c', 10], least: 10000000, weighted: true,
    drum: 'SELECT country, device, count(lcp), quantile(0.75)(lcp) FROM pageviews GROUP BY country, device',
    clickhouse: each(['quantileTDigestWeighted', 'quantileBFloat16Weighted', 'quantileExactWeighted'],
      'SELECT country, device, sumIf(_sample_interval, lcp IS NOT NULL), #(0.75)(lcp, _sample_interval) FROM b.pageviews GROUP BY country, device'),
    duckdb: [],
  },
  {
    name: 'Q9', what: 'p75 of lcp by path, one site, one hour', target: 10, prototype: [40, 42], keys: 1, kinds: ['c', 10],
    drum: "SELECT path, count(), quantile(0.75)(lcp) FROM pageviews WHERE site = 'shop' AND ts >= '2026-02-18 15:00:00' AND ts < '2026-02-18 16:00:00' GROUP BY path",
    clickhouse: clickhouse("SELECT path, count(), P(0.75)(lcp) FROM b.pageviews WHERE site = 'shop' AND ts >= '2026-02-18 15:00:00' AND ts < '2026-02-18 16:00:00' GROUP BY path"),
    duckdb: duckdb(`SELECT path, count(*), P(0.75)(lcp) FROM pageviews WHERE site = 'shop' AND ts >= ${at('2026-02-18 15:00:00')} AND ts < ${at('2026-02-18 16:00:00')} GROUP BY path`),
  },
];
