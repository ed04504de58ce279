/*
 * What the comparison with ClickHouse (oracle.mjs) and the replay of its
 * recorded answers (tests/integration/oracle.test.mjs) share: the rows, the
 * corpus, and when two answers are the same.
 */
import crypto from 'node:crypto';
import fs from 'node:fs';

import { TOKEN, keepAll, serve } from '../serve.mjs';

export const CORPUS = 'tests/oracle/queries.sql';
export const ANSWERS = 'tests/oracle/answers.json';
export const FORMAT = 'TabSeparatedWithNamesAndTypes';
const ANSWER_BYTES_MAX = 400; // longer ones are recorded as their hash

/* ---- rows ------------------------------------------------------------- */

/** Mulberry32: the same numbers on every machine. */
function random(seed) {
	return () => {
		seed = (seed + 0x6d2b79f5) | 0;
		let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
}

const PLACES = [['EU', 'DE'], ['EU', 'FR'], ['NA', 'US'], ['NA', 'US'], ['AS', 'JP'], ['', '']];
const PATHS = ['/', '/p/:id', '/p/:id/reviews', '/search', '/blog/a-b', '/blog/ünïcode', '/cart', '/checkout'];
const time = (ms) => new Date(ms).toISOString().replace('T', ' ').replace('Z', '');

/** Objects of JSONEachRow by table; in a sampled store rows stand for up to 100. */
export function rows(sampled) {
	const next = random(7), pick = (list) => list[Math.floor(next() * list.length)], maybe = (value) => (next() < 0.2 ? null : value);
	const tenth = (max) => Math.round(next() * next() * max * 10) / 10;
	const tables = { pageviews: [], errors: [], events: [] };
	for (let i = 0; i < 1500; i++) {
		const [continent, country] = pick(PLACES), ts = 1780000000000 + Math.floor(next() * 3 * 86400000);
		const interval = pick([1, 1, 4, 10, 100]);
		const common = {
			ts: time(ts), site: pick(['shop', 'blog', 'docs', 'shop']), host: 'www.example.com', path: pick(PATHS), continent, country,
			asn: Math.floor(next() * 5) * 1000, device: pick(['mobile', 'desktop', 'tablet']), browser: pick(['Chrome', 'Firefox', 'Safari']),
			browser_version: String(100 + Math.floor(next() * 5)), release: `1.${Math.floor(next() * 4)}`, session_id: String(BigInt(Math.floor(next() * 2 ** 32)) * 4294967311n % (1n << 64n)),
			view_id: String(i * 1000003 + 1), tags: next() < 0.5 ? {} : { plan: pick(['free', 'pro']), step: String(i % 3) }, _sample_interval: sampled ? interval : 1,
		};
		tables.pageviews.push({
			...common, ttfb: maybe(tenth(900)), fcp: maybe(tenth(3000)), lcp: maybe(tenth(9000)), inp: maybe(Math.round(next() * 500)), cls: maybe(Math.round(next() * next() * 5000) / 10000),
			load: maybe(tenth(9000)), error_count: i % 7 === 0 ? 1 + (i % 3) : 0, viewport_width: maybe(pick([360, 390, 1280, 1920])), dpr: maybe(pick([1, 1.5, 2, 3])),
			transfer_bytes: maybe(Math.floor(next() * 5000000)), save_data: maybe(pick([0, 1])), cpu: maybe(pick([2, 4, 8])), referrer_host: pick(['', 'news.example', 'www.search.example']),
			lcp_url: `https://cdn.example.com:8443/img/${i % 11}.avif`,
		});
		if (i % 7 === 0) tables.errors.push({ ...common, kind: pick(['error', 'rejection']), type: pick(['TypeError', 'RangeError', '']), message: `x is ${pick(['undefined', 'null', "it's"])} (${i % 5})`, line: maybe(i % 100), fingerprint: String(i % 9), handled: maybe(i % 2), occurrences: 1 + (i % 3) });
		if (i % 5 === 0) tables.events.push({ ...common, category: pick(['business', 'mark']), name: pick(['checkout', 'search', 'sign up']), value: maybe(Math.round((next() - 0.3) * 10000) / 100), text: pick(['', 'a\tb', 'line\nbreak', '"quoted"', 'back\\slash', 'ß €']) });
	}
	return tables;
}

/** A drum with those rows. */
export async function start(directory, sampled) {
	fs.mkdirSync(directory, { recursive: true });
	const server = await serve(`${directory}/data`, keepAll(directory));
	for (const [table, list] of Object.entries(rows(sampled))) {
		const { status, text } = await ask(server, `INSERT INTO ${table} FORMAT JSONEachRow\n${list.map((row) => JSON.stringify(row)).join('\n')}`);
		if (status !== 200) throw new Error(`${table}: ${text}`);
	}
	return server;
}

export async function ask(server, sql, format = FORMAT) {
	const answer = await fetch(`${server.url}/?default_format=${format}`, { method: 'POST', body: sql, headers: { Authorization: `Bearer ${TOKEN}` } });
	return { status: answer.status, text: await answer.text() };
}

/* ---- the corpus ------------------------------------------------------- */

/** A line is a query. `-- differs: why` before it: drum's answer is another
 * one, on purpose; `-- format: A B C` before queries: in these formats;
 * `-- once` before it: not on sampled rows. */
export function corpus() {
	const queries = [];
	let differs = '', formats = [FORMAT], once = false;
	for (const line of fs.readFileSync(CORPUS, 'utf8').split('\n')) {
		if (line.startsWith('-- differs: ')) differs = line.slice(12);
		if (line.startsWith('-- format: ')) formats = line.slice(11).split(' ');
		if (line === '-- once') once = true;
		if (line === '' || line.startsWith('--')) continue;
		for (const format of formats) queries.push({ sql: line, format, differs, once: once || format !== FORMAT });
		differs = '';
		once = false;
	}
	return queries;
}

/** What of an answer is compared: all but how long it took, and whether a
 * result is kept by dictionary: to ClickHouse f(LowCardinality) is one too. */
export function essence(text) {
	return text.replace(/,\s*"statistics":\s*\{[^}]*\}/, '').replace(/LowCardinality\(((?:[^()]|\([^()]*\))*)\)/g, '$1');
}

/** Short answers as they are, long ones as their hash. */
export function compact(text) {
	return text.length <= ANSWER_BYTES_MAX ? text : `sha256:${crypto.createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
}

/** Values of an answer on sampled rows: no names and types, for EXPLAIN SYNTAX
 * has others; floats to 9 digits, for its sums are added up otherwise. */
export function values(text) {
	return text.split('\n').slice(2).map((line) => line.split('\t').map((cell) =>
		/^-?\d+(\.\d+)?(e[-+]?\d+)?$/.test(cell) && (cell.includes('.') || cell.includes('e')) ? String(Number(Number(cell).toPrecision(9))) : cell).join('\t')).join('\n');
}
