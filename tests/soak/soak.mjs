/*
 * Goal: for hours of everything at once the server loses nothing that it
 * acknowledged, doubles nothing, and grows only with what it keeps. Method:
 * traffic with a day's rhythm (six days a run) from native, boomerang and Faro
 * pages, some of them in real Chromium, network errors, imports, dashboard
 * queries and strangers' attacks, on one server that is ended by kill -9 or
 * SIGTERM at random in the first three days and lives through the others. Every minute all is quiet for a moment and what is stored is
 * compared with what was sent, table by table; after each start, too; at the end
 * by id. Memory is what the process holds beside rows that wait for a segment
 * and kept answers.
 *
 *   tests/soak/run [HOURS]     SEED=1 DRUM=build/drum OUT=build/soak
 *
 * Prints a line a minute, writes OUT/report.html, keeps the data when something
 * was wrong; exits with 1 then. Loopback only.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkDeep, verify } from '../crash/crash.mjs';
import { randomFrom } from '../crash/model.mjs';
import { DRUM, TOKEN, end, serve } from '../serve.mjs';
import { NUMBER } from './ledger.mjs';
import { Pages } from './pages.mjs';
import { report } from './report.mjs';
import { Traffic, ask, kinds } from './traffic.mjs';

const HOURS = Number(process.argv[2]);
const RUN_MS = HOURS * 3600000;
const SEED = Number(process.env.SEED || Date.now() % 2 ** 31);
const OUT = process.env.OUT || 'build/soak';
const DAY_MS = RUN_MS / 6;
const CALM_MS = 3 * DAY_MS; // no kills from then on
const LIFE_MS = [0.03 * RUN_MS, 0.1 * RUN_MS].map((ms, i) => Math.min(ms, [30000, 240000][i]));
const PAUSE_MS = [30000, 90000]; // between attacks
const ATTACK_S = [10, 25];
const SAMPLE_MS = Math.max(5000, RUN_MS / 480);
const QUERY_PAUSE_MS = 250;
const SITES_MS = 300000; // then later native views are of another site
const GRACE_MS = 60000; // to end by SIGTERM
const GROWTH_MIB_MAX = 8; // of memory from one day's most to the next one's, and 10 % besides
const MIB = 1 << 20;
const QUERIES = [
	'SELECT country, device, count(), quantiles(0.5, 0.75, 0.95)(lcp) FROM pageviews GROUP BY country, device ORDER BY count() DESC LIMIT 20',
	"SELECT toStartOfMinute(ts) AS minute, count(), quantile(0.75)(lcp), quantile(0.75)(cls) FROM pageviews WHERE site = 'import' AND bot = '' GROUP BY minute ORDER BY minute",
	"SELECT path, count() AS n, quantile(0.75)(lcp) FROM pageviews WHERE site = 'faro' GROUP BY path ORDER BY n DESC LIMIT 20",
	'SELECT site, message, count(), uniq(session_id) FROM errors GROUP BY site, message ORDER BY count() DESC LIMIT 20',
	"SELECT name, count(), avg(value) FROM events GROUP BY name ORDER BY name",
	'SELECT site, count(), uniq(session_id), margin(quantile(0.75)(lcp)) FROM pageviews GROUP BY site ORDER BY site',
	'SELECT type, phase, count() FROM reports GROUP BY type, phase',
];

const random = randomFrom(SEED);
const between = ([low, high]) => low + random() * (high - low);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const rows = (text) => text.split('\n').filter(Boolean).map((line) => line.split('\t'));

/** Nearest-rank percentile of numbers, or null without any. */
function percentile(values, level) {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted.length ? sorted[Math.min(sorted.length - 1, Math.ceil(level * sorted.length) - 1)] : null;
}

/** Least squares: { slope, error } of y by x. */
function slope(points) {
	const n = points.length, mean = (i) => points.reduce((sum, point) => sum + point[i], 0) / n;
	const [mx, my] = [mean(0), mean(1)];
	const sxx = points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
	const b = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0) / sxx;
	const rest = points.reduce((sum, [x, y]) => sum + (y - my - b * (x - mx)) ** 2, 0);
	return { slope: b, error: Math.sqrt(rest / (n - 2) / sxx), mean: my };
}

function bytesUnder(directory) {
	let bytes = 0;
	for (const name of readdirSync(directory, { recursive: true })) {
		const info = statSync(join(directory, name), { throwIfNoEntry: false }); // a merge removes files
		if (info?.isFile()) bytes += info.size;
	}
	return bytes;
}

class Soak {
	wrong = [];
	samples = [];
	marks = [];
	minuteRows = [];
	queries = []; // ms since they were last taken
	starts = []; // ms
	counts = { kill: 0, term: 0, attack: 0, queries: 0, checks: 0 };
	isOver = false;

	constructor() {
		this.directory = mkdtempSync(join(tmpdir(), 'drum-soak-'));
		this.data = join(this.directory, 'data');
		this.config = join(this.directory, 'drum.yaml');
		writeFileSync(this.config, 'limits: {loopback: true, memtable_mb: 16}\n');
		this.kinds = kinds(random);
		[this.native] = this.kinds;
		this.numbered = this.kinds.slice(1);
		// Nights have a tenth of noon's traffic.
		this.traffic = new Traffic(this.kinds, () => 0.55 - 0.45 * Math.cos((2 * Math.PI * this.elapsed()) / DAY_MS));
		this.pages = new Pages();
		this.stored = {}; // rows at the last minute, by table
	}

	elapsed = () => Date.now() - this.begun;
	minute = () => this.elapsed() / 60000;

	complain(text) {
		if (this.wrong.length < 100) console.log(`WRONG ${text}`);
		this.wrong.push(text);
	}

	/** All senders to `url`, or to nobody. */
	to(url) {
		this.url = this.traffic.url = this.pages.relay.url = url;
	}

	async start() {
		const begun = performance.now();
		this.server = await serve(this.data, ['--config', this.config]);
		this.starts.push(performance.now() - begun);
	}

	/** Ends the server under load and starts it anew. */
	async restart(kind) {
		this.marks.push({ minute: this.minute(), kind });
		this.counts[kind]++;
		const ending = this.server.end(kind === 'kill' ? 'SIGKILL' : 'SIGTERM', GRACE_MS);
		this.to(undefined);
		const code = await ending;
		if (kind === 'term' && code !== 0) this.complain(`SIGTERM: ended with ${code}: ${this.server.log().slice(-1000)}`);
		await this.endAttack();
		await this.traffic.quiet();
		await this.start();
		await this.compare();
		this.traffic.isQuiet = false;
		this.to(this.server.url);
	}

	attack(seconds) {
		this.marks.push({ minute: this.minute(), kind: 'attack' });
		this.counts.attack++;
		// Strangers bring processors of their own: here they have what is left over.
		this.attacker = spawn('nice', ['-n', '19', 'node', 'tests/attack/attacks.mjs', new URL(this.server.url).port, String(seconds)], { stdio: 'ignore' });
	}

	async endAttack() {
		if (this.attacker) await end(this.attacker);
		this.attacker = undefined;
	}

	async metrics() {
		const { text } = await ask(`${this.server.url}/metrics`, { method: 'GET' });
		return (name) => Number(new RegExp(`^drum_${name} (\\d+)$`, 'm').exec(text)[1]);
	}

	/** What the process and its directory have come to. */
	async sample() {
		const { pid } = this.server.child;
		const value = await this.metrics();
		const status = readFileSync(`/proc/${pid}/status`, 'utf8');
		const kib = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)[1]);
		const latencies = this.traffic.latencies.splice(0), queries = this.queries.splice(0);
		this.samples.push({
			minute: this.minute(), life: this.starts.length,
			anonymous: (kib('RssAnon') * 1024) / MIB, memtable: value('memtable_bytes') / MIB,
			held: (kib('RssAnon') * 1024 - value('memtable_bytes') - value('cached_bytes')) / MIB,
			mapped: (kib('RssFile') * 1024) / MIB,
			descriptors: readdirSync(`/proc/${pid}/fd`).length, threads: kib('Threads'), connections: value('connections'),
			disk: bytesUnder(this.data) / MIB, segments: value('segments'),
			beacon50: percentile(latencies, 0.5), beacon99: percentile(latencies, 0.99), beacons: latencies.length,
			query50: percentile(queries, 0.5), query99: percentile(queries, 0.99),
		});
	}

	/** Rows found by number, as the ledgers' checks take them. */
	async found(ledger) {
		const found = {};
		for (const table of ledger.tables)
			found[table] = rows(await this.server.query(`SELECT ${NUMBER[table]} FROM ${table} WHERE site = '${ledger.site}' FORMAT TabSeparated`)).map(([number]) => Number(number));
		return found;
	}

	/** What is stored against what was sent, while nothing is under way: native views of `sites` by id, the others by
	 * count; returns rows by table. */
	async compare(sites = this.native.changed) {
		const stored = { pageviews: 0, errors: 0, events: 0, reports: 0 };
		this.counts.checks++;
		for (const site of sites) await verify(this.server, this.native.model, site).catch((error) => this.complain(error.message));
		for (const { ledger } of this.numbered) {
			for (const table of ledger.tables) {
				const [[count, different]] = rows(await this.server.query(`SELECT count(), uniqExact(${NUMBER[table]}) FROM ${table} WHERE site = '${ledger.site}' FORMAT TabSeparated`));
				for (const text of ledger.checkCount(table, Number(count), Number(different))) this.complain(text);
				stored[table] += Number(count);
			}
		}
		return stored;
	}

	async everyMinute() {
		await this.traffic.quiet();
		const stored = await this.compare();
		const sum = (table, what) => this.numbered.filter(({ ledger }) => ledger.tables.includes(table)).reduce((total, { ledger }) => total + ledger[what], 0);
		const cells = Object.entries(stored).map(([table, count]) => {
			const [acknowledged, sent] = [sum(table, 'acknowledged'), sum(table, 'sent')];
			return `${acknowledged} = ${count}`.replace('=', count === acknowledged ? '=' : count <= sent ? `≤` : '≠') + (count > acknowledged ? ` ≤ ${sent}` : '');
		});
		const last = this.samples.at(-1);
		this.minuteRows.push([Math.round(this.minute()), this.native.acknowledged, ...cells, this.pages.visits, this.wrong.length]);
		console.log(`${String(Math.round(this.minute())).padStart(4)} min: native ${this.native.acknowledged}, ${Object.keys(stored).map((table, i) => `${table} ${cells[i]}`).join(', ')}; ` +
			`${this.pages.visits} visits, ${this.counts.kill} kills, ${this.counts.term} SIGTERM, held ${last?.held.toFixed(1)} MiB, ${last?.descriptors} descriptors, ${this.wrong.length} wrong`);
		this.traffic.isQuiet = false;
	}

	/** Dashboards' questions one after the other, whoever is the server. */
	async ask() {
		for (let i = 0; !this.isOver; i++) {
			const { url } = this;
			const begun = performance.now();
			try {
				if (url) {
					const { status, text } = await ask(`${url}/query`, { headers: { authorization: `Bearer ${TOKEN}` }, body: QUERIES[i % QUERIES.length] });
					if (status !== 200) this.complain(`query: ${status} ${text.trim()}: ${QUERIES[i % QUERIES.length]}`);
					this.queries.push(performance.now() - begun);
					this.counts.queries++;
				}
			} catch (error) {
				if (url === this.url) this.complain(`query: ${error.message}`);
			}
			await sleep(QUERY_PAUSE_MS);
		}
	}

	async run() {
		this.begun = Date.now();
		await this.pages.open();
		await this.start();
		this.to(this.server.url);
		const asking = this.ask();
		const visiting = this.pages.run(() => this.isOver);
		const next = { sample: 0, minute: 60000, restart: between(LIFE_MS), attack: between(PAUSE_MS) / 2, site: SITES_MS };
		while (this.elapsed() < RUN_MS) {
			await sleep(200);
			if (this.interrupted) throw new Error(`ended by ${this.interrupted}`);
			const { exitCode, signalCode } = this.server.child;
			if (exitCode !== null || signalCode !== null) throw new Error(`the server ended by itself, with ${exitCode ?? signalCode}:\n${this.server.log().slice(-3000)}`);
			const now = this.elapsed();
			if (now >= next.sample) {
				next.sample = now + SAMPLE_MS;
				await this.sample();
			}
			if (now >= next.minute) {
				next.minute += 60000;
				await this.everyMinute();
			}
			if (now >= next.attack) {
				const seconds = between(ATTACK_S);
				next.attack = now + seconds * 1000 + between(PAUSE_MS);
				await this.endAttack();
				this.attack(seconds);
			}
			if (now >= next.site) {
				next.site += SITES_MS;
				this.native.newSite();
			}
			if (now >= next.restart && now < CALM_MS) {
				await this.restart(random() < 0.5 ? 'kill' : 'term');
				next.restart = this.elapsed() + between(LIFE_MS);
			}
		}
		this.isOver = true;
		await this.endAttack();
		await Promise.all([asking, visiting]);
		await this.traffic.close();
		for (const { failure } of [this.native.load, ...this.numbered]) if (failure) this.complain(failure.message);
	}

	/** Everything by id, over a last kill -9 and a SIGTERM; then the files. */
	async verifyAll() {
		for (const kind of ['kill', 'term']) {
			await this.server.end(kind === 'kill' ? 'SIGKILL' : 'SIGTERM', GRACE_MS);
			await this.start();
			await this.compare(Array.from({ length: this.native.sites }, (_, i) => `native${i}`));
			for (const { ledger } of this.numbered) for (const text of ledger.check(await this.found(ledger))) this.complain(text);
			const seen = rows(await this.server.query("SELECT view_id FROM pageviews WHERE site = 'chromium' FORMAT TabSeparated")).map(([id]) => id);
			const there = new Set(seen);
			for (const id of this.pages.relay.views) if (!there.has(id)) this.complain(`chromium: view ${id}: 0 rows`);
			for (const [site, count, different] of rows(await this.server.query('SELECT site, count(), uniqExact(view_id) FROM pageviews GROUP BY site FORMAT TabSeparated')))
				if (count !== different && site !== 'attack') this.complain(`${site}: ${count} rows of ${different} views`);
		}
		const value = await this.metrics();
		const damaged = value('corrupt_files');
		if (damaged > 0) this.complain(`${damaged} damaged files`);
		const code = await this.server.end('SIGTERM', GRACE_MS);
		if (code !== 0) this.complain(`SIGTERM: ended with ${code}`);
		const files = readdirSync(this.data, { recursive: true }).filter((name) => statSync(join(this.data, name)).isFile());
		const left = files.filter((name) => !/^(LOCK|MANIFEST|RESERVE|audit\.jsonl|certificate(-key)?\.pem|token|wal\/[0-9a-f]{16}\.wal|\w+\/\d{4}-\d\d-\d\d\/[0-9a-f]{16}\.seg)$/.test(name));
		for (const name of left) this.complain(`${name} is left behind`);
		await checkDeep(DRUM, this.data).catch((error) => this.complain(error.message));
		this.files = files.length;
	}

	/** Memory, descriptors and threads on the last two days, which one process lived through. */
	judge() {
		const dayMinutes = DAY_MS / 60000;
		const [before, last] = [4, 5].map((day) => this.samples.filter((sample) => Math.floor(sample.minute / dayMinutes) === day));
		if (Math.min(before.length, last.length) < 8) return { text: 'the run was too short to judge memory by' };
		const most = (samples, key) => Math.max(...samples.map((sample) => sample[key]));
		const { slope: perMinute, error } = slope([...before, ...last].map((sample) => [sample.minute, sample.held]));
		const [one, two] = [most(before, 'held'), most(last, 'held')];
		if (two > one * 1.1 + GROWTH_MIB_MAX) this.complain(`memory grows: at most ${one.toFixed(1)} MiB on the fifth day, ${two.toFixed(1)} on the sixth`);
		if (most(last, 'threads') > most(before, 'threads')) this.complain(`${most(before, 'threads')} threads became ${most(last, 'threads')}`);
		const others = (samples) => Math.max(...samples.map((sample) => sample.descriptors - sample.connections));
		if (others(last) > others(before) + 16) this.complain(`${others(before)} descriptors beside connections became ${others(last)}`);
		return {
			text: `at most ${one.toFixed(1)} MiB on the fifth day, ${two.toFixed(1)} on the sixth; slope ${(perMinute * 60).toFixed(2)} ± ${(error * 60 * 2).toFixed(2)} MiB an hour over ${(2 * dayMinutes).toFixed(1)} minutes`,
			threads: `${most(before, 'threads')}, then ${most(last, 'threads')}`,
			descriptors: `${others(before)}, then ${others(last)}, with at most ${most(last, 'segments')} segments`,
		};
	}

	write() {
		const memory = this.judge();
		const line = (name, key) => ({ name, points: this.samples.flatMap((sample, i) => [...(i > 0 && this.samples[i - 1].life !== sample.life ? [[sample.minute, null]] : []), [sample.minute, sample[key]]]) });
		const version = readFileSync('package.json', 'utf8').match(/"version": "([^"]+)"/)[1];
		const verdict = this.wrong.length ? `${this.wrong.length} wrong: ${this.wrong[0]}` : 'nothing acknowledged is missing, no view is double, memory is flat, no file is left behind';
		const refused = this.kinds.reduce((sum, kind) => sum + kind.refused, 0);
		const summary = [
			['length', `${(HOURS * 60).toFixed(1)} minutes, seed ${SEED}, drum ${version}, ${cpus()[0].model}, ${availableParallelism()} processors`],
			['acknowledged', this.kinds.map((kind) => `${kind.name} ${kind.acknowledged}`).join(', ')],
			['native views', `${this.native.model.views.size} in ${this.native.sites} sites; ${this.native.model.late} updates came after their view was flushed`],
			['real Chromium', `${this.pages.visits} visits, ${this.pages.relay.views.size} native views, ${this.pages.relay.taken['/boomerang']} boomerang and ${this.pages.relay.taken['/faro']} Faro requests, ${this.pages.dashboards.length} dashboards, half of them within ${Math.round(percentile(this.pages.dashboards, 0.5) ?? 0)} ms`],
			['refused', `${refused} requests of those above (429, 503)`],
			['comparisons', `${this.counts.checks}, the last two by id`],
			['ended and started', `${this.counts.kill} times by kill -9, ${this.counts.term} by SIGTERM; a start took ${Math.round(percentile(this.starts, 0.5))} ms, at most ${Math.round(Math.max(...this.starts))}`],
			['attacks', this.counts.attack],
			['queries', `${this.counts.queries}`],
			['memory', memory.text],
			...(memory.threads ? [['threads', memory.threads], ['descriptors beside connections', memory.descriptors]] : []),
			['files at the end', `${this.files ?? '?'}`],
			['wrong', this.wrong.slice(0, 20).join('; ') || 'nothing'],
		];
		const page = report({
			title: `drum: ${(HOURS * 60).toFixed(0)} minutes of everything`, verdict, summary, minutes: HOURS * 60, marks: this.marks,
			charts: [
				{ title: 'Memory', unit: 'MiB', series: [line('anonymous', 'anonymous'), line('beside rows and kept answers', 'held'), line('rows without a segment', 'memtable'), line('mapped files', 'mapped')] },
				{ title: 'Descriptors and threads', unit: 'count', series: [line('descriptors', 'descriptors'), line('connections', 'connections'), line('segments', 'segments'), line('threads', 'threads')] },
				{ title: 'Disk', unit: 'MiB', series: [line('data directory', 'disk')] },
				{ title: 'Latency of queries', unit: 'ms', series: [line('p50', 'query50'), line('p99', 'query99')] },
				{ title: 'Latency of beacons and imports', unit: 'ms', series: [line('p50', 'beacon50'), line('p99', 'beacon99')] },
				{ title: 'Requests', unit: `in ${Math.round(SAMPLE_MS / 1000)} s`, series: [line('sent', 'beacons')] },
			],
			head: ['minute', 'native beacons', 'pageviews', 'errors', 'events', 'reports', 'visits', 'wrong'], rows: this.minuteRows,
		});
		mkdirSync(OUT, { recursive: true });
		writeFileSync(join(OUT, 'report.html'), page);
		for (const [what, value] of summary) console.log(`${what}: ${value}`);
		console.log(`${verdict}\n${join(OUT, 'report.html')}`);
	}
}

if (!(HOURS > 0)) {
	console.error('usage: tests/soak/run [HOURS]');
	process.exit(2);
}
console.log(`SEED=${SEED}, ${(HOURS * 60).toFixed(1)} minutes`);
const soak = new Soak();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => (soak.interrupted = signal));
try {
	await soak.run();
	await soak.verifyAll();
} catch (error) {
	soak.complain(error.stack);
} finally {
	soak.isOver = true;
	soak.to(undefined);
	await soak.endAttack();
	await soak.traffic.close();
	await soak.pages.close();
	if (soak.server) await soak.server.end('SIGKILL');
}
soak.write();
if (soak.wrong.length === 0) rmSync(soak.directory, { recursive: true });
else console.log(`data kept in ${soak.directory}`);
process.exit(soak.wrong.length ? 1 : 0);
