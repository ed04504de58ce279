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

/** What goes before what waits; FIRST has the server for itself, for nothing else is asked until it is answered. */
export const URGENT = 1;
export const FIRST = 2;

const waiting = []; // {rank, start}
let running = 0;
let first = 0; // of those that run, how many are FIRST

/** 'refused' (the token), 'offline', 'online'. */
export const events = new EventTarget();

let online = true;

function tell(now) {
	if (now === online) return;
	online = now;
	events.dispatchEvent(new Event(now ? 'online' : 'offline'));
}

export const isOnline = () => online;

const admit = () => {
	while (waiting.length && running < AT_ONCE_MAX && (first === 0 || waiting[0].rank === FIRST)) {
		const { rank, start } = waiting.shift();
		running++;
		if (rank === FIRST) first++;
		start();
	}
};

/* Waits for its turn; the caller calls done() then. */
async function turn(signal, rank) {
	signal?.throwIfAborted();
	await new Promise((start, leave) => {
		const entry = { rank, start };
		const rest = waiting.findIndex((other) => other.rank < rank);
		waiting.splice(rest < 0 ? waiting.length : rest, 0, entry);
		signal?.addEventListener('abort', () => {
			const at = waiting.indexOf(entry);
			if (at >= 0) waiting.splice(at, 1);
			if (at >= 0) leave(signal.reason);
		});
		admit();
	});
}

function done(rank) {
	running--;
	if (rank === FIRST) first--;
	admit();
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

async function ask(sql, format, signal, rank = 0) {
	if (!token.get()) throw new QueryError(401, 'No token.');
	await turn(signal, rank);
	try {
		return await post(sql, format, signal);
	} finally {
		done(rank);
	}
}

const asked = new Map(); // by SQL: what several panels wait for is asked once

/* The answer of a query under way, or of a new one; that is cancelled when the
 * last of those who wait for it has gone. */
async function shared(sql, signal, rank) {
	signal?.throwIfAborted();
	let entry = asked.get(sql);
	if (!entry) {
		const abort = new AbortController();
		entry = { abort, waiting: 0, answer: ask(sql, 'JSONCompact', abort.signal, rank) };
		entry.forget = () => asked.get(sql) === entry && asked.delete(sql);
		entry.answer.then(entry.forget, entry.forget);
		asked.set(sql, entry);
	}
	entry.waiting++;
	const gone = new Promise((resolve, reject) => signal?.addEventListener('abort', () => {
		if (--entry.waiting === 0) {
			entry.forget();
			entry.abort.abort(signal.reason);
		}
		reject(signal.reason);
	}, { once: true }));
	return Promise.race([entry.answer, gone]);
}

/** The answer's text in another format. */
export const raw = async (sql, format, signal) => (await ask(sql, format, signal)).body;

/** {columns: [{name, type}], rows: [[...]], elapsed, read, weighted}; `rank` is 0, URGENT or FIRST. */
export async function table(sql, signal, rank) {
	const { body, weighted } = await shared(sql, signal, rank);
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
export async function query(sql, signal, rank) {
	const { columns, rows, weighted } = await table(sql, signal, rank);
	const objects = rows.map((row) => Object.fromEntries(row.map((x, i) => [columns[i].name, x])));
	return Object.assign(objects, { weighted });
}
