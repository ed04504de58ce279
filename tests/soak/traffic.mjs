/*
 * Traffic of one kind each, as requests: native beacons come from tests/crash's
 * load, so that updates, repeats and erasures are among them; other agents'
 * beacons, network errors and imports carry numbers that a ledger keeps.
 */
import http from 'node:http';
import http2 from 'node:http2';
import { Load } from '../crash/crash.mjs';
import { Model } from '../crash/model.mjs';
import { TOKEN } from '../serve.mjs';
import { Ledger } from './ledger.mjs';

const IN_FLIGHT_MAX = 64;
const CONNECTIONS = 3;
const IMPORT_RECORDS = 200;
const SPREAD_MS = 20 * 3600 * 1000; // of an import's records
const AGENTS = [
	'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36',
	'Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1',
	'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
];

/** The answer's status and text; rejects when there is none. */
export function ask(url, { method = 'POST', headers = {}, body, agent = false, ms = 60000 } = {}) {
	return new Promise((resolve, reject) => {
		const request = http.request(url, { method, headers, agent, timeout: ms }, (response) => {
			let text = '';
			response.setEncoding('utf8');
			response.on('data', (chunk) => (text += chunk));
			response.on('end', () => resolve({ status: response.statusCode, text }));
			response.on('error', reject);
		});
		request.on('timeout', () => request.destroy(new Error(`no answer within ${ms} ms`)));
		request.on('error', reject);
		request.end(body);
	});
}

/** Views with updates, errors and erasures, over HTTP/2: tests/crash's model and load. */
export class Native {
	name = 'native';
	perSecond = 50;

	constructor(random) {
		const kind = { updatesMayBeLate: true, erasures: 0.001 };
		this.model = new Model(random, kind);
		this.load = new Load(this.model, kind);
		this.sessions = [];
		this.sites = 0;
		this.newSite();
	}

	/** Later views are of another site, so that what is looked at often stays small. */
	newSite() {
		this.site = `native${this.sites++}`;
	}

	get acknowledged() {
		return this.model.acknowledged;
	}

	get refused() {
		return [...this.load.refused.values()].reduce((sum, count) => sum + count, 0);
	}

	/** The sites that may have changed since they were looked at. */
	get changed() {
		return new Set([this.site, ...this.load.recent.map((view) => view.site)]);
	}

	async send(url) {
		const i = this.model.integer(CONNECTIONS);
		let session = this.sessions[i];
		if (!session || session.closed || session.destroyed || session.origin_ !== url) {
			session?.destroy();
			session = this.sessions[i] = http2.connect(url);
			session.origin_ = url;
			session.on('error', () => {});
		}
		await this.load.step(session, this.site);
	}

	close() {
		for (const session of this.sessions) session?.destroy();
	}
}

/** Requests that carry numbers; `make(first, count)` is { path, body, ... } and `good` the status that acknowledges. */
class Numbered {
	refused = 0;
	agent = new http.Agent({ keepAlive: true, maxSockets: 16 });

	constructor(name, perSecond, tables, random, make, { good = 204, count = 1 } = {}) {
		Object.assign(this, { name, perSecond, random, make, good, count });
		this.ledger = new Ledger(name, tables);
	}

	get acknowledged() {
		return this.ledger.acknowledged;
	}

	async send(url) {
		const { ledger, count, random } = this;
		const first = ledger.next(count);
		const { path, ...request } = this.make(first, count, random);
		request.headers = { 'user-agent': AGENTS[Math.floor(random() * AGENTS.length)], ...request.headers };
		// What an import repeats it is known to repeat; the others may be there twice.
		for (let tries = this.name === 'import' ? 2 : 1; tries > 0; tries--) {
			try {
				const { status, text } = await ask(url + path, { agent: this.agent, ...request });
				if (status === this.good) ledger.acknowledge(first, count);
				else this.refused++;
				if (status === 400) this.failure ??= new Error(`${this.name}: 400 ${text}`);
				return;
			} catch {
				// The connection broke: what was sent may be there.
			}
		}
	}

	close() {
		this.agent.destroy();
	}
}

const boomerang = (number) => ({
	method: 'GET',
	path: `/boomerang?site=boomerang&pid=soak${number}&n=1&u=https%3A%2F%2Fboom.example%2Fp%2F${number % 50}&t_done=${1000 + (number % 900)}&pt.lcp=${number}&c.cls=0.05&rt.si=s${number % 1000}`,
});

const faro = (number) => ({
	path: '/faro?site=faro',
	headers: { 'content-type': 'application/json' },
	body: JSON.stringify({
		meta: { session: { id: `soak${number}` }, page: { url: `https://faro.example/p/${number % 50}` }, app: { name: 'shop', version: '1.4.2' } },
		measurements: [
			{ type: 'web-vitals', values: { lcp: number }, context: { id: `v${number}` } },
			{ type: 'basket', values: { total: number } },
		],
		exceptions: [{ type: 'TypeError', value: 'the shop is shut', stacktrace: { frames: [{ filename: 'https://faro.example/app.js', function: 'buy', lineno: number, colno: 7 }] } }],
	}),
});

const reports = (number) => ({
	path: '/reports?site=reports',
	headers: { 'content-type': 'application/reports+json' },
	body: JSON.stringify([{ type: 'network-error', age: 0, url: 'https://nel.example/', body: { sampling_fraction: 1, phase: 'dns', type: 'dns.unreachable', elapsed_time: number } }]),
});

/** Records with a view, an error and an event each, of the last hours. */
const imports = (first, count, random) => ({
	path: '/import',
	headers: { authorization: `Bearer ${TOKEN}`, 'idempotency-key': `soak-${first}` },
	body: Array.from({ length: count }, (_, i) => {
		const number = first + i;
		const t = Date.now() - Math.floor(random() * SPREAD_MS);
		return JSON.stringify({
			v: 1, site: 'import', view: number.toString(16).padStart(16, '0'), session: number.toString(16).padStart(16, '0'), t,
			url: `https://import.example/p/${number % 50}`, ip: `73.${number % 200}.0.1`, ua: AGENTS[number % AGENTS.length], vitals: { lcp: number },
			errors: [{ kind: 'error', type: 'TypeError', message: 'the shop is shut', source: 'https://import.example/app.js', line: number, column: 1, t, handled: false, count: 1 }],
			events: [{ category: 'business', name: 'basket', value: number, t }],
		});
	}).join('\n'),
});

/** Every kind: { name, perSecond at noon, acknowledged, refused, send(url), close() }. */
export function kinds(random) {
	return [
		new Native(random),
		new Numbered('boomerang', 12, ['pageviews'], random, boomerang),
		new Numbered('faro', 12, ['pageviews', 'errors', 'events'], random, faro, { good: 202 }),
		new Numbered('reports', 4, ['reports'], random, reports),
		new Numbered('import', 0.3, ['pageviews', 'errors', 'events'], random, imports, { good: 200, count: IMPORT_RECORDS }),
	];
}

/** Sends each kind at its pace times `rhythm()`, while there is a server and nobody asked for quiet. */
export class Traffic {
	constructor(all, rhythm) {
		this.all = all;
		this.rhythm = rhythm;
		this.url = undefined;
		this.inFlight = 0;
		this.isQuiet = false;
		this.due = all.map(() => 0);
		this.last = performance.now();
		this.latencies = []; // ms of requests since they were last taken
		this.timer = setInterval(() => this.tick(), 50);
	}

	tick() {
		const now = performance.now();
		const seconds = Math.min(1, (now - this.last) / 1000);
		this.last = now;
		if (!this.url || this.isQuiet) return;
		this.all.forEach((kind, i) => {
			this.due[i] = Math.min(this.due[i] + kind.perSecond * this.rhythm() * seconds, 20);
			for (; this.due[i] >= 1 && this.inFlight < IN_FLIGHT_MAX; this.due[i]--) this.one(kind);
		});
	}

	async one(kind) {
		const begun = performance.now();
		this.inFlight++;
		await kind.send(this.url);
		this.inFlight--;
		this.latencies.push(performance.now() - begun);
	}

	/** Sends nothing and waits for what is under way; undo with `isQuiet = false`. */
	async quiet() {
		this.isQuiet = true;
		while (this.inFlight > 0) await new Promise((resolve) => setTimeout(resolve, 5));
	}

	async close() {
		clearInterval(this.timer);
		await this.quiet();
		for (const kind of this.all) kind.close();
	}
}
