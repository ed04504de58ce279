/*
 * Asking /query: at most four at a time, cancelled when nobody waits any more.
 * What happens to the connection or the token is told to whoever listens.
 */
import * as token from './token.js';

const AT_ONCE_MAX = 4;

/** An answer that is no result: `status` is HTTP's, 0 when there was no answer. */
export class QueryError extends Error {
	constructor(status, message) {
		super(message);
		this.status = status;
	}
}

const waiting = [];
let running = 0;

/** 'refused' (the token), 'offline', 'online'. */
export const events = new EventTarget();

let online = true;

function tell(now) {
	if (now === online) return;
	online = now;
	events.dispatchEvent(new Event(now ? 'online' : 'offline'));
}

export const isOnline = () => online;

async function turn(signal) {
	signal?.throwIfAborted();
	if (running < AT_ONCE_MAX) {
		running++;
		return;
	}
	await new Promise((resolve, reject) => {
		const entry = { resolve };
		waiting.push(entry);
		signal?.addEventListener('abort', () => {
			const at = waiting.indexOf(entry);
			if (at >= 0) waiting.splice(at, 1);
			if (at >= 0) reject(signal.reason);
		});
	});
}

function done() {
	const next = waiting.shift();
	if (next) next.resolve();
	else running--;
}

async function post(sql, format, signal) {
	const url = `/query?default_format=${format}&output_format_json_quote_64bit_integers=1`;
	let answer;
	try {
		answer = await fetch(url, {
			method: 'POST',
			headers: { Authorization: `Bearer ${token.header()}` },
			body: sql,
			signal,
			cache: 'no-store',
			credentials: 'omit',
		});
	} catch (error) {
		if (signal?.aborted) throw signal.reason;
		tell(false);
		throw new QueryError(0, 'The server does not answer.');
	}
	tell(true);
	const body = await answer.text();
	if (answer.status === 401 || answer.status === 403) {
		events.dispatchEvent(new Event('refused'));
		throw new QueryError(answer.status, 'The server does not know this token.');
	}
	if (!answer.ok) throw new QueryError(answer.status, body.trim());
	return { body, weighted: answer.headers.get('x-drum-weighted') === '1' };
}

/* 64-bit integers come as strings: numbers where a number holds them. */
function value(x, type) {
	if (typeof x !== 'string' || !/Int64/.test(type)) return x;
	const number = Number(x);
	return Number.isSafeInteger(number) ? number : x;
}

async function ask(sql, format, signal) {
	if (!token.get()) throw new QueryError(401, 'No token.');
	await turn(signal);
	try {
		return await post(sql, format, signal);
	} finally {
		done();
	}
}

/** The answer's text in another format. */
export const raw = async (sql, format, signal) => (await ask(sql, format, signal)).body;

/** {columns: [{name, type}], rows: [[...]], elapsed, read, weighted}. */
export async function table(sql, signal) {
	const { body, weighted } = await ask(sql, 'JSONCompact', signal);
	const { meta, data, statistics } = JSON.parse(body);
	return {
		columns: meta,
		rows: data.map((row) => row.map((x, i) => value(x, meta[i].type))),
		elapsed: statistics?.elapsed ?? 0,
		read: statistics?.rows_read ?? 0,
		weighted,
	};
}

/** Rows as objects; `weighted` of the array tells whether a row that was read stands for several. */
export async function query(sql, signal) {
	const { columns, rows, weighted } = await table(sql, signal);
	const objects = rows.map((row) => Object.fromEntries(row.map((x, i) => [columns[i].name, x])));
	return Object.assign(objects, { weighted });
}
