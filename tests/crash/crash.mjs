/*
 * Kills the server under load, over and over, and looks for what it had
 * acknowledged.
 *
 *   CYCLES=100 SEED=… node tests/crash/crash.mjs [build/drum]
 *
 * Each cycle starts `drum serve` on the same data directory, sends beacons over
 * several HTTP/2 connections (new views, updates of views from before the last
 * crash too, repeats of the same seq, two seqs at once), and kills the process
 * with SIGKILL at a random moment. What a 204 was received for must then be
 * there exactly once (model.mjs). Nothing acknowledged may be lost.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DRUM, serve } from '../serve.mjs';
import { Model, randomFrom } from './model.mjs';

const CONNECTIONS = 3;
const STREAMS = 8; // a connection
const LOAD_MS_MIN = 50;
const LOAD_MS_MAX = 700;
const CYCLES_PER_SITE = 4; // a site is looked at after every cycle that adds to it
const RECENT_MAX = 400; // views that still get updates
const SEQ_MAX = 20;

const encode = (view, beacon) =>
	JSON.stringify({
		v: 1,
		site: view.site,
		view: view.hex,
		session: view.hex,
		seq: beacon.seq,
		t: view.t,
		url: `https://shop.example/p/${beacon.seq}`,
		vitals: { lcp: beacon.lcp },
		errors: beacon.lines.map((line) => ({
			kind: 'error',
			type: 'TypeError',
			message: `line ${line} is wrong`,
			source: 'https://shop.example/app.js',
			line,
			column: 1,
			t: view.t,
			handled: false,
			count: 1,
		})),
		events: [],
	});

/** The answer's status and text; rejects when the connection breaks first. */
function postBeacon(session, body) {
	return new Promise((resolve, reject) => {
		if (session.closed || session.destroyed) {
			reject(new Error('closed'));
			return;
		}
		const request = session.request({
			':method': 'POST',
			':path': '/beacon',
			'content-type': 'text/plain;charset=UTF-8',
		});
		let status;
		let text = '';
		request.setEncoding('utf8');
		request.on('response', (headers) => (status = headers[':status']));
		request.on('data', (chunk) => (text += chunk));
		request.on('error', reject);
		request.on('close', () => (status ? resolve({ status, text }) : reject(new Error('no answer'))));
		request.end(body);
	});
}

class Load {
	constructor(model) {
		this.model = model;
		this.recent = []; // views to update, oldest first
		this.refused = new Map(); // status to count, other than 204
		this.failure = undefined;
	}

	/** Sends one beacon; false when the connection is gone. */
	async send(session, view, beacon) {
		view.busy++;
		try {
			const { status, text } = await postBeacon(session, encode(view, beacon));
			if (status === 204) this.model.acknowledge(beacon);
			else this.refused.set(status, (this.refused.get(status) ?? 0) + 1);
			if (status === 400) this.failure ??= new Error(`400 for ${encode(view, beacon)}: ${text}`);
			return true;
		} catch {
			return false;
		} finally {
			view.busy--;
		}
	}

	idleView() {
		const { model, recent } = this;
		for (let tries = 0; tries < 5 && recent.length; tries++) {
			const view = recent[model.integer(recent.length)];
			if (!view.busy) return view;
		}
		return undefined;
	}

	/** One step of one stream: a new view, a repeat, an update, or two at once. */
	async step(session, site) {
		const { model, recent } = this;
		const dice = model.random();
		const old = dice < 0.5 ? this.idleView() : undefined;
		if (!old) {
			const view = model.view(site, Date.now());
			recent.push(view);
			if (recent.length > RECENT_MAX) recent.shift();
			return this.send(session, view, model.next(view));
		}
		if (dice < 0.12 || old.sent.length >= SEQ_MAX) {
			return this.send(session, old, old.sent[model.integer(old.sent.length)]);
		}
		if (dice < 0.2) {
			const [lower, higher] = [model.next(old), model.next(old)];
			const alive = await Promise.all([this.send(session, old, higher), this.send(session, old, lower)]);
			return alive.every(Boolean);
		}
		return this.send(session, old, model.next(old));
	}

	/** Loads the server at `url` until `session`s break. */
	async run(url, site) {
		const sessions = Array.from({ length: CONNECTIONS }, () => http2.connect(url));
		const stream = async (session) => {
			while (await this.step(session, site));
		};
		for (const session of sessions) session.on('error', () => {});
		await Promise.all(sessions.flatMap((session) => Array.from({ length: STREAMS }, () => stream(session))));
		for (const session of sessions) session.destroy();
	}
}

const rows = (text) => text.split('\n').filter(Boolean).map((line) => line.split('\t'));

async function verify(server, model, site) {
	const views = await server.query(
		`SELECT view_id, lcp, error_count FROM pageviews WHERE site = '${site}' FORMAT TabSeparated`,
	);
	const errors = await server.query(
		`SELECT view_id, line, occurrences FROM errors WHERE site = '${site}' FORMAT TabSeparated`,
	);
	const wrong = model.check(site, rows(views), rows(errors));
	if (wrong.length) {
		throw new Error(`${wrong.length} wrong of ${site}:\n${wrong.slice(0, 10).join('\n')}`);
	}
}

/** One start, look, load and kill. */
async function cycle({ binary, data, args, model, load, site }) {
	const server = await serve(data, args, binary);
	let running;
	try {
		const lastViews = [...new Set(load.recent.map((view) => view.site))];
		for (const changed of lastViews) await verify(server, model, changed);
		running = load.run(server.url, site);
		await new Promise((resolve) => {
			setTimeout(resolve, LOAD_MS_MIN + model.random() * (LOAD_MS_MAX - LOAD_MS_MIN));
		});
	} finally {
		await server.end('SIGKILL');
		await running;
	}
	if (load.failure) throw load.failure;
}

/**
 * Runs `cycles` crashes; resolves with { views, acknowledged, refused } and
 * rejects, naming the seed and keeping the data, when something was lost.
 */
export async function crash({ binary = DRUM, cycles, seed, args = [], report = () => {} }) {
	const model = new Model(randomFrom(seed));
	const load = new Load(model);
	const data = await mkdtemp(join(tmpdir(), 'drum-crash-'));
	const siteOf = (number) => `site${Math.floor(number / CYCLES_PER_SITE)}`;
	let number = 0;
	try {
		for (; number < cycles; number++) {
			await cycle({ binary, data, args, model, load, site: siteOf(number) });
			report(number + 1, model);
		}
		const server = await serve(data, args, binary);
		try {
			for (let i = 0; i < cycles; i += CYCLES_PER_SITE) await verify(server, model, siteOf(i));
			if (!model.acknowledged) throw new Error('not one beacon was acknowledged');
		} finally {
			await server.end('SIGTERM');
		}
	} catch (error) {
		throw new Error(`cycle ${number + 1}, SEED=${seed}, data kept in ${data}: ${error.message}`, { cause: error });
	}
	await rm(data, { recursive: true });
	return { views: model.views.size, acknowledged: model.acknowledged, refused: load.refused };
}

export const CYCLES = Number(process.env.CYCLES || 100);
export const SEED = Number(process.env.SEED || Date.now() % 2 ** 31);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	console.log(`SEED=${SEED}`);
	const started = Date.now();
	const report = (done, model) => {
		if (done % 10 === 0) console.log(`${done} crashes, ${model.acknowledged} beacons acknowledged`);
	};
	try {
		const { views, acknowledged, refused } = await crash({
			binary: process.argv[2] || DRUM,
			cycles: CYCLES,
			seed: SEED,
			report,
		});
		const seconds = Math.round((Date.now() - started) / 1000);
		console.log(`${CYCLES} crashes in ${seconds} s: ${acknowledged} acknowledged beacons of ${views} views, none lost`);
		for (const [status, count] of refused) console.log(`${count} answered ${status}`);
	} catch (error) {
		console.error(error.message);
		process.exitCode = 1;
	}
}
