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
 * there exactly once (model.mjs).
 *
 * The first half of the cycles keeps all rows in memory and in the log. In the
 * second half memory is so small that flushes and merges run all the time,
 * sessions are erased, some servers end by SIGTERM, and `drum check --deep`
 * looks at the directory after every tenth cycle.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import http2 from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DRUM, TOKEN, serve, until } from '../serve.mjs';
import { Model, randomFrom, tally } from './model.mjs';

const CONNECTIONS = 3;
const STREAMS = 8; // a connection
const LOAD_MS_MIN = 50;
const LOAD_MS_MAX = 700;
const ACKNOWLEDGED_MIN = 10; // of a cycle, on a machine where that takes longer
const CYCLES_PER_SITE = 4; // a site is looked at after every cycle that adds to it
const RECENT_MAX = 400; // views that still get updates
const SEQ_MAX = 20;
const OLDEST_MS = 20 * 3600 * 1000; // of a view, so that there are two days
const CHECK_EVERY = 10; // cycles
const GRACE_MS = 60000; // to end by SIGTERM, on a machine that has much to do
const DIRECTORY_CYCLES = 50; // then another directory: what is never flushed is replayed at each start
/** What the two halves differ in. */
const KINDS = {
	memory: { memtableMb: [], updatesMayBeLate: false, erasures: 0, graceful: 0 },
	flushing: { memtableMb: [1, 2, 3, 4], updatesMayBeLate: true, erasures: 0.002, graceful: 0.1 },
};

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
function post(session, path, body) {
	return new Promise((resolve, reject) => {
		if (session.closed || session.destroyed) {
			reject(new Error('closed'));
			return;
		}
		const request = session.request({
			':method': 'POST',
			':path': path,
			'content-type': 'text/plain;charset=UTF-8',
			...(path === '/beacon' ? {} : { authorization: `Bearer ${TOKEN}` }),
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

/** Beacons of `model`'s views, and what became of them. */
export class Load {
	constructor(model, kind) {
		this.model = model;
		this.kind = kind;
		this.recent = []; // views to update, oldest first
		this.refused = new Map(); // status to count, other than 204
		this.failure = undefined;
	}

	/** Sends one beacon; false when the connection is gone. */
	async send(session, view, beacon) {
		view.busy++;
		try {
			const { status, text } = await post(session, '/beacon', encode(view, beacon));
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

	/** Erases one view by its session; no beacon of it is sent afterwards. */
	async erase(session, view) {
		this.recent.splice(this.recent.indexOf(view), 1);
		view.erasing = true;
		try {
			const { status } = await post(session, `/admin/erase?session=${view.hex}`, '');
			if (status === 200) [view.erased, view.erasing] = [true, false];
			return true;
		} catch {
			return false;
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

	/** One step of one stream: a new view, a repeat, an update, two at once, or an erasure. */
	async step(session, site) {
		const { model, recent, kind } = this;
		const dice = model.random();
		const old = dice < 0.5 ? this.idleView() : undefined;
		if (!old) {
			const age = model.random() < 0.2 ? model.integer(OLDEST_MS) : 0;
			const view = model.view(site, Date.now() - age);
			recent.push(view);
			if (recent.length > RECENT_MAX) recent.shift();
			return this.send(session, view, model.next(view));
		}
		if (dice < kind.erasures) return this.erase(session, old);
		// Of a view that was flushed, seq 0 would be a new view.
		const first = kind.updatesMayBeLate ? 1 : 0;
		if ((dice < 0.12 || old.sent.length >= SEQ_MAX) && old.sent.length > first) {
			return this.send(session, old, old.sent[first + model.integer(old.sent.length - first)]);
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

/** Compares a site's rows with the model; rejects with what is wrong. */
export async function verify(server, model, site) {
	const views = await server.query(
		`SELECT view_id, lcp, error_count FROM pageviews WHERE site = '${site}' FORMAT TabSeparated`,
	);
	const errors = await server.query(
		`SELECT view_id, line, occurrences FROM errors WHERE site = '${site}' FORMAT TabSeparated`,
	);
	const wrong = model.check(site, rows(views), rows(errors));
	if (wrong.length) {
		const { lost, doubled } = tally(wrong);
		throw new Error(`${site}: ${lost} lost, ${doubled} doubled, ${wrong.length} wrong:\n${wrong.slice(0, 10).join('\n')}`);
	}
}

/** On a connection of its own, for ports are used again. */
function get(url) {
	return new Promise((resolve, reject) => {
		http.get(url, { agent: false }, (response) => {
			let text = '';
			response.on('data', (chunk) => (text += chunk));
			response.on('end', () => resolve(text));
		}).on('error', reject);
	});
}

/** `drum check --deep`; rejects with what it found. */
export function checkDeep(binary, data) {
	return new Promise((resolve, reject) => {
		execFile(binary, ['check', '--deep', data], (error, stdout, stderr) => {
			if (error) reject(new Error(`drum check --deep: ${stdout}${stderr}`));
			else resolve();
		});
	});
}

/** One data directory and what is known of it. */
class Run {
	constructor(name, binary, seed, args) {
		this.name = name;
		this.kind = KINDS[name];
		this.binary = binary;
		this.model = new Model(randomFrom(seed), this.kind);
		this.load = new Load(this.model, this.kind);
		this.args = args;
		this.counts = { flushes: 0, merges: 0, erasures: 0, checks: 0 };
	}

	async begin() {
		this.data = await mkdtemp(join(tmpdir(), 'drum-crash-'));
		if (this.kind.memtableMb.length) this.args = ['--config', `${this.data}.yaml`, ...this.args];
	}

	async end() {
		await rm(this.data, { recursive: true });
		await rm(`${this.data}.yaml`, { force: true });
	}

	/** Adds what the server has done so far. */
	async count(server) {
		const text = await get(`${server.url}/metrics`);
		for (const name of ['flushes', 'merges', 'erasures']) {
			this.counts[name] += Number(new RegExp(`^drum_${name}_total (\\d+)$`, 'm').exec(text)[1]);
		}
	}

	/** One start, look, load and kill. */
	async cycle(number) {
		const { model, load, kind, binary, data, args } = this;
		const site = `site${Math.floor(number / CYCLES_PER_SITE)}`;
		if (kind.memtableMb.length) {
			const mb = kind.memtableMb[number % kind.memtableMb.length];
			await writeFile(`${data}.yaml`, `limits: {memtable_mb: ${mb}}\n`);
		}
		const server = await serve(data, args, binary);
		let running;
		let code;
		const graceful = model.random() < kind.graceful;
		try {
			const lastSites = new Set(load.recent.map((view) => view.site));
			for (const last of lastSites) await verify(server, model, last);
			const least = model.acknowledged + ACKNOWLEDGED_MIN;
			running = load.run(server.url, site);
			await new Promise((resolve) => {
				setTimeout(resolve, LOAD_MS_MIN + model.random() * (LOAD_MS_MAX - LOAD_MS_MIN));
			});
			await until('beacons to be acknowledged', () => model.acknowledged >= least);
			await this.count(server);
		} catch (error) {
			const { exitCode, signalCode } = server.child;
			if (exitCode === null && signalCode === null) throw error;
			throw new Error(`the server ended by itself, with ${exitCode ?? signalCode}:\n${server.log().slice(-2000)}`, { cause: error });
		} finally {
			code = await server.end(graceful ? 'SIGTERM' : 'SIGKILL', GRACE_MS);
			await running;
		}
		if (load.failure) throw load.failure;
		if (graceful && code !== 0) throw new Error(`SIGTERM: ended with ${code}:\n${server.log()}`);
		if (kind.updatesMayBeLate && number % CHECK_EVERY === CHECK_EVERY - 1) {
			await checkDeep(binary, data);
			this.counts.checks++;
		}
	}

	/** Everything of all cycles, once more, and the files. */
	async verifyAll(cycles) {
		const server = await serve(this.data, this.args, this.binary);
		try {
			for (let i = 0; i < cycles; i += CYCLES_PER_SITE) await verify(server, this.model, `site${i / CYCLES_PER_SITE}`);
			if (!this.model.acknowledged) throw new Error('not one beacon was acknowledged');
		} finally {
			await server.end('SIGTERM');
		}
		await checkDeep(this.binary, this.data);
		this.counts.checks++;
	}
}

async function crashOne(run, cycles, seed, report) {
	await run.begin();
	let number = 0;
	try {
		for (; number < cycles; number++) {
			await run.cycle(number);
			report(number + 1);
		}
		await run.verifyAll(cycles);
	} catch (error) {
		throw new Error(`${run.name}, cycle ${number + 1}, SEED=${seed}, data kept in ${run.data}: ${error.message}`, { cause: error });
	}
	await run.end();
	return run;
}

/**
 * Runs `cycles` crashes, half of each kind; resolves with what each kind came
 * to ({ name, acknowledged, views, late, refused, flushes, ... }) and rejects,
 * naming the seed and keeping the data, when something was lost.
 */
export async function crash({ binary = DRUM, cycles, seed, args = [], report = () => {} }) {
	const flushing = Math.ceil(cycles / 2);
	const sums = [];
	for (const [name, all] of [['memory', cycles - flushing], ['flushing', flushing]]) {
		const sum = { name, acknowledged: 0, views: 0, late: 0, refused: new Map() };
		for (let done = 0; done < all; done += DIRECTORY_CYCLES) {
			const run = new Run(name, binary, seed + done + (name === 'memory' ? 0 : 1), args);
			const { model, load, counts } = await crashOne(run, Math.min(DIRECTORY_CYCLES, all - done), seed, (count) => report(name, done + count));
			sum.acknowledged += model.acknowledged;
			sum.views += model.views.size;
			sum.late += model.late;
			for (const [what, count] of Object.entries(counts)) sum[what] = (sum[what] ?? 0) + count;
			for (const [status, count] of load.refused) sum.refused.set(status, (sum.refused.get(status) ?? 0) + count);
		}
		sums.push(sum);
	}
	return sums;
}

export const CYCLES = Number(process.env.CYCLES || 100);
export const SEED = Number(process.env.SEED || Date.now() % 2 ** 31);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	console.log(`SEED=${SEED}`);
	const started = Date.now();
	const report = (name, done) => {
		if (done % 10 === 0) console.log(`${name}: ${done} crashes after ${Math.round((Date.now() - started) / 1000)} s`);
	};
	try {
		for (const sum of await crash({ binary: process.argv[2] || DRUM, cycles: CYCLES, seed: SEED, report })) {
			const refused = [...sum.refused].map(([status, count]) => `, ${count} answered ${status}`).join('');
			console.log(`${sum.name}: ${sum.acknowledged} acknowledged beacons of ${sum.views} views: 0 lost, 0 doubled; ${sum.late} updates late${refused}`);
			console.log(`${sum.name}: ${sum.flushes} flushes, ${sum.merges} merges, ${sum.erasures} erasures, ${sum.checks} times drum check --deep`);
		}
		console.log(`${CYCLES} crashes in ${Math.round((Date.now() - started) / 1000)} s`);
	} catch (error) {
		console.error(error.message);
		process.exitCode = 1;
	}
}
