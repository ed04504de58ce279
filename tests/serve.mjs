/*
 * Running the real binary from a test: start it on free ports, ask it by SQL,
 * end it. Everything waits by deadline, never by sleeping for a while.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';

export const DRUM = process.env.DRUM || 'build/drum';
export const TOKEN = 'a-token-for-tests-0123456789';
const START_MS = 120000; // with sanitizers, on a machine that has much else to do
const CLOSE_MS = 5000;

/** The first match of `pattern` in a child's stderr; rejects when that closes
 * first or `ms` pass. Keeps reading, so that the pipe never fills. */
export function stderrMatch(child, pattern, ms = START_MS) {
	return new Promise((resolve, reject) => {
		let seen = '';
		const timer = setTimeout(() => reject(new Error(`no ${pattern} within ${ms} ms:\n${seen}`)), ms);
		child.stderr.on('data', (chunk) => {
			if (seen.length < 100000) seen += chunk;
			const match = pattern.exec(seen);
			if (match) {
				clearTimeout(timer);
				resolve(match);
			}
		});
		child.once('error', reject);
		child.once('close', (code, signal) => { // behind 'exit': all that it wrote has come
			clearTimeout(timer);
			reject(new Error(`ended with ${code ?? signal}:\n${seen}`));
		});
	});
}

/** Sends `signal` to a child and waits until it is gone and all that it wrote is
 * read; SIGKILL after `ms`. Returns its exit code, or the signal that ended it. */
export async function end(child, signal = 'SIGTERM', ms = 60000) {
	if (child.exitCode === null && child.signalCode === null) {
		const gone = new Promise((resolve) => {
			child.once('close', resolve);
			child.once('exit', () => setTimeout(resolve, CLOSE_MS).unref()); // a child of its own may have the pipe
		});
		child.kill(signal);
		const timer = setTimeout(() => child.kill('SIGKILL'), ms);
		await gone;
		clearTimeout(timer);
	}
	return child.exitCode ?? child.signalCode;
}

/** What `probe` returns once it is truthy; rejects after `ms`, naming `what`. */
export async function until(what, probe, ms = 60000) {
	const deadline = Date.now() + ms;
	for (;;) {
		const value = await probe();
		if (value) return value;
		if (Date.now() > deadline) throw new Error(`waited ${ms} ms for ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

/** Processor time of a process so far, in milliseconds: what a bound on work is compared
 * with where other programs have the processor in between. */
export function processorMs(pid) {
	const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
	return (Number(fields[11]) + Number(fields[12])) * 10; // ticks of 1/100 s
}

/** A port that nobody has, outside of the range that the system gives away by
 * itself: what is begun meanwhile does not get it. */
export async function freePort() {
	for (;;) {
		const port = 10240 + Math.floor(Math.random() * 20000);
		const listener = net.createServer();
		const free = await new Promise((resolve) => {
			listener.once('error', () => resolve(false));
			listener.listen(port, '127.0.0.1', () => listener.close(() => resolve(true)));
		});
		if (free) return port;
	}
}

function post(url, headers, body) {
	return new Promise((resolve, reject) => {
		const request = http.request(url, { method: 'POST', headers, agent: false }, (response) => {
			let text = '';
			response.setEncoding('utf8');
			response.on('data', (chunk) => (text += chunk));
			response.on('end', () => resolve({ status: response.statusCode, text }));
			response.on('error', reject);
		});
		request.on('error', reject);
		request.end(body);
	});
}

/** Arguments of serve() by which rows of any age are kept: for fixed times. */
export function keepAll(directory) {
	const file = path.join(directory, 'keep.yaml');
	fs.writeFileSync(file, 'retention_days: {pageviews: 0, errors: 0, events: 0, reports: 0}\n');
	return ['--config', file];
}

/**
 * `drum serve` on `data`, with further arguments; resolves when it listens,
 * which is after recovery. { url, https, child, query, log, end }: https is a promise
 * of the TLS listener's URL; query(sql) gives the answer's text and rejects
 * unless it is 200; log() what it wrote to stderr so far.
 */
export async function serve(data, args = [], binary = DRUM) {
	const child = spawn(
		binary,
		['serve', '--data', data, '--http', '127.0.0.1:0', '--https', '127.0.0.1:0', ...args],
		{ stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, DRUM_TOKEN: TOKEN } },
	);
	let text = '';
	child.stderr.on('data', (chunk) => {
		if (text.length < 100000) text += chunk;
	});
	try {
		const https = stderrMatch(child, /listening on (https:\/\/\S+:\d+)/).then((match) => match[1]);
		https.catch(() => {}); // of interest only to those who await it
		const [, url] = await stderrMatch(child, /listening on (http:\/\/127\.0\.0\.1:\d+)/);
		const query = async (sql) => {
			const { status, text } = await post(`${url}/query`, { Authorization: `Bearer ${TOKEN}` }, sql);
			if (status !== 200) throw new Error(`${sql}: ${status} ${text}`);
			return text;
		};
		return { url, https, child, query, log: () => text, end: (signal, ms) => end(child, signal, ms) };
	} catch (error) {
		await end(child, 'SIGKILL');
		throw error;
	}
}
