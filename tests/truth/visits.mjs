/*
 * Visits of a real Chromium to pages whose answers, images, handlers, shifts and
 * errors are made to order, measured by the real script. Each page keeps what the
 * browser itself reported; the relay gives every beacon to all servers, with the
 * address of the visit's country in front.
 */
import { openBrowser } from '../browser/browser.mjs';
import { Site, painted, shown } from '../browser/site.mjs';
import { until } from '../serve.mjs';
import { ask } from '../soak/traffic.mjs';
import { AGENTS, PLACES } from './week.mjs';

const WAIT_MS = 30000;
const BROWSERS = 2;
const SPARE_MS = 30; // a timer may wake up early by its rounding

/* Delays in ms: of the page, its image, the click's handler, and before that runs (`stall`); `box` is the height of what
 * shifts and by how much: [px, px]. Some are beyond good, some poor. */
const PLANS = [
	{ answer: 60, image: 120, work: 60, box: [300, 40] },
	{ answer: 120, image: 200, work: 60, stall: 600, box: [300, 60] },
	{ answer: 90, image: 300, work: 120, box: [300, 300], fails: true },
	{ answer: 200, image: 150, work: 80, box: [200, 50] },
	{ answer: 1000, image: 200, work: 300, box: [300, 320] },
	{ answer: 150, image: 2700, work: 50, stall: 350, box: [300, 30] },
	{ answer: 300, image: 100, work: 700, box: [500, 400], fails: true },
	{ answer: 80, image: 4300, work: 70, box: [300, 100] },
	{ answer: 1900, image: 150, work: 110, box: [250, 40], fails: true },
];
export const REAL_CAUSES = [{ type: 'RangeError', message: 'the shelf is empty' }];

/* A browser with a debugger's port calls itself driven. */
const TRUTH = `
Object.defineProperty(Navigator.prototype, 'webdriver', { get: () => false });
const truth = { lcp: 0, fcp: 0, ttfb: performance.getEntriesByType('navigation')[0].responseStart, inp: 0, inputDelay: 0, cls: 0, shifted: 0 };
const see = (type, each, more) => new PerformanceObserver((list) => list.getEntries().forEach(each)).observe({ type, buffered: true, ...more });
see('largest-contentful-paint', (e) => (truth.lcp = e.startTime));
see('paint', (e) => e.name === 'first-contentful-paint' && (truth.fcp = e.startTime));
see('event', (e) => e.interactionId && e.duration > truth.inp && Object.assign(truth, { inp: e.duration, inputDelay: e.processingStart - e.startTime }), { durationThreshold: 16 });
see('layout-shift', (e) => e.hadRecentInput || (truth.cls += e.value));
const work = (ms) => { for (const end = performance.now() + ms; performance.now() < end; ); };
function shift(height, by) {
	document.getElementById('slot').style.height = by + 'px';
	truth.shifted = ((height + Math.min(by, height)) / innerHeight) * (by / Math.max(innerWidth, innerHeight)); // the share of the page it covered, by how far it went
}
addEventListener('click', (e) => e.target.id === 'work' && (work(Number(e.target.dataset.ms)), (e.target.textContent += '.')));
`;

const pageOf = ({ image, work, box, release }, i) => `<!doctype html><title>real</title>
<style>body { margin: 0 } #box { height: ${box[0]}px; background: #ccc } img { position: absolute; top: 0; left: 0 } p { position: absolute; bottom: 0 }</style>
<script src="/truth.js"></script><script async src="/drum.js" data-site="real" data-release="${release}" data-tag-visit="${i}"></script>
<div id="slot"></div><div id="box"></div><img id="hero" width="700" height="450" src="/demo.svg?delay=${image}"><p><button id="work" data-ms="${work}">work</button></p>`;

/** Its beacons go to each of `urls`, and are kept for servers that come later. */
class Relay extends Site {
	kept = []; // { headers, body }
	urls = [];

	constructor(visits) {
		super();
		this.visits = visits;
	}

	async take(request, response) {
		let body = '';
		for await (const chunk of request) body += chunk;
		const visit = this.visits[Number(/\/visit\/(\d+)/.exec(JSON.parse(body).url)[1])];
		/* But for client hints, which know what the browser really is. */
		const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !/^(host|connection|content-length|sec-ch-.*)$/.test(name)));
		const beacon = { headers: { ...headers, 'x-forwarded-for': visit.ip }, body };
		this.kept.push(beacon);
		visit.beacons++;
		const answers = await Promise.all(this.urls.map((url) => forward(url, beacon)));
		response.writeHead(answers.find((status) => status !== 204) ?? 204, { 'access-control-allow-origin': request.headers.origin ?? '*' }).end();
	}
}

const forward = async (url, { headers, body }) => (await ask(`${url}/beacon`, { headers, body })).status;

export class Visits {
	/** `count` visits, each with a place, a device and a release. */
	constructor(count) {
		const agents = AGENTS.filter(({ isBot }) => !isBot);
		this.all = Array.from({ length: count }, (_, i) => {
			const place = PLACES[i % PLACES.length], agent = agents[i % agents.length];
			return {
				...PLANS[i % PLANS.length], place, agent, ip: place.ip(i), country: place.country, device: agent.device, browser: agent.browser, os: agent.os,
				release: i % 3 ? '2.1.0' : '2.0.0', path: '/visit/:id', errors: [], errorCount: 0, beacons: 0,
			};
		});
		this.relay = new Relay(this.all);
	}

	/** Makes all visits, some browsers side by side; their beacons go to `urls`. */
	async make(urls) {
		await this.relay.open();
		this.origin = this.relay.origin.replace('127.0.0.1', 'localhost');
		this.relay.urls = urls;
		this.relay.pages.set('/empty', '<!doctype html><title>empty</title>').set('/truth.js', TRUTH);
		this.all.forEach((visit, i) => this.relay.pages.set(`/visit/${i}`, { csp: "default-src * 'unsafe-inline'", body: pageOf(visit, i) }));
		const turns = AGENTS.values();
		await Promise.all(Array.from({ length: BROWSERS }, async () => {
			for (const agent of turns) await this.visitAs(agent);
		}));
	}

	/** The visits of one User-Agent, in a browser of its own. */
	async visitAs(agent) {
		const turns = [...this.all.keys()].filter((i) => this.all[i].agent === agent);
		if (turns.length === 0) return;
		const browser = await openBrowser(`--user-agent=${agent.ua}`);
		try {
			for (const i of turns) await this.visit(browser.context, i);
		} finally {
			await browser.close();
		}
	}

	async visit(context, i) {
		const visit = this.all[i];
		const page = await context.newPage();
		const truth = () => page.evaluate('({ ...truth })');
		try {
			await page.goto(`${this.origin}/visit/${i}?delay=${visit.answer}`);
			await shown(page);
			await until('the image and the script', () => page.evaluate(() => document.querySelector('img').complete && truth.lcp > 0 && Boolean(window.drum)), WAIT_MS);
			await painted(page);
			await page.evaluate(`shift(${visit.box})`);
			await until('the shift', async () => (await truth()).cls > 0, WAIT_MS);
			await this.press(page, visit);
			await until('the interaction', async () => (await truth()).inp >= visit.work - 8 && page.textContent('#work').then((text) => text === 'work.'), WAIT_MS);
			if (visit.fails) await page.evaluate((message) => setTimeout(() => { throw new RangeError(message); }), REAL_CAUSES[0].message);
			await painted(page);
			const { shifted, ...values } = await truth();
			await page.goto(`${this.origin}/empty`);
			await until('the beacon', () => visit.beacons > 0, WAIT_MS);
			Object.assign(visit, values, { expectedCls: shifted, session: i, errors: visit.fails ? [{ cause: REAL_CAUSES[0], count: 1 }] : [], errorCount: visit.fails ? 1 : 0 });
		} finally {
			await page.close();
		}
	}

	/** A click, for which the page is busy when it comes if the visit says so. */
	async press(page, { stall }) {
		const { x, y, width, height } = await page.locator('#work').boundingBox();
		await page.mouse.move(x + width / 2, y + height / 2);
		if (stall) await page.evaluate(`void setTimeout(work, 0, ${stall})`);
		await page.mouse.down();
		await page.mouse.up();
	}

	/** All beacons once more, in order, to a server that was not there. */
	async repeat(url) {
		for (const beacon of this.relay.kept) if ((await forward(url, beacon)) !== 204) throw new Error('a kept beacon was refused');
	}

	close() {
		if (this.origin) this.relay.close();
	}
}

/** How far the script may be from what the browser reported: 5 %, or 16 ms, or 0.001. */
export const allowance = (key, value) => Math.max(value * 0.05, key === 'cls' ? 0.001 : 16);

/** What of a stored row is not what the page did: { lcp, ... } by column. */
export function differsFrom(visit, row) {
	const wrong = [];
	for (const key of ['lcp', 'fcp', 'ttfb', 'inp', 'cls'])
		if (row[key] == null || Math.abs(row[key] - visit[key]) > allowance(key, visit[key])) wrong.push(`${key} is ${row[key]} where the page had ${visit[key]}`);
	if (visit.stall && Math.abs(row.inp_input_delay - visit.inputDelay) > allowance('inp', visit.inputDelay)) wrong.push(`the input waited ${row.inp_input_delay} ms where the page had ${visit.inputDelay}`);
	const least = { ttfb: visit.answer, lcp: visit.answer + visit.image, inp: visit.work };
	for (const [key, ms] of Object.entries(least)) if (!(row[key] >= ms - SPARE_MS)) wrong.push(`${key} is ${row[key]} after delays of ${ms} ms`);
	if (Math.abs(visit.expectedCls - row.cls) > 0.002) wrong.push(`cls is ${row.cls} after shifts of ${visit.expectedCls}`);
	for (const key of ['country', 'device', 'browser', 'os', 'release', 'path'])
		if (row[key] !== visit[key]) wrong.push(`${key} is ${row[key]}, not ${visit[key]}`);
	if (row.error_count !== visit.errorCount) wrong.push(`${row.error_count} errors, not ${visit.errorCount}`);
	return wrong;
}
