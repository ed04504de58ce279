/*
 * A site that the script measures: the built assets, the demo, and pages that a
 * test makes up, from a server in this process, which takes beacons as well and
 * keeps them. `?delay=MS` holds an answer back.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { until } from '../serve.mjs';

export const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const CSP = "default-src 'self'; img-src 'self' data:";
const TYPES = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' };
const FILES = {
	'/demo': 'demo.html',
	'/demo/cart': 'demo-cart.html',
	'/demo.js': 'demo.js',
	'/demo.css': 'demo.css',
	'/demo.svg': 'demo.svg',
	'/drum.js': 'drum.js',
	'/drum.extra.js': 'drum.extra.js',
	'/stub.min.js': 'stub.min.js',
};

const BEACON = fileURLToPath(new URL('../../beacon', import.meta.url));
const MADE = fileURLToPath(new URL('../../build/gen', import.meta.url));

/** Whether `make` has built the assets since their sources changed. */
function isMade() {
	const changed = (file) => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
	const sources = readdirSync(BEACON).filter((name) => /\.(m?js|html|css|svg)$/.test(name));
	return sources.every((name) => changed(join(BEACON, name)) < changed(join(MADE, 'stub.min.js')));
}

export class Site {
	beacons = []; // [{path, type, body}], in order of arrival
	pages = new Map(); // path to text, to {csp, body}, or to a function that makes it
	status = 204; // of the answers to beacons; 0: the connection is cut
	built = MADE; // where the assets are

	async open() {
		if (!isMade()) {
			this.built = mkdtempSync(join(tmpdir(), 'drum-assets-'));
			execFileSync(process.execPath, [join(BEACON, 'build.mjs'), this.built], { stdio: ['ignore', 'ignore', 'inherit'] });
		}
		this.server = http.createServer((request, response) => this.answer(request, response).catch(() => response.destroy()));
		await new Promise((resolve) => this.server.listen(0, '127.0.0.1', resolve));
		this.origin = `http://127.0.0.1:${this.server.address().port}`;
		return this;
	}

	close() {
		this.server.closeAllConnections();
		this.server.close();
		if (this.built !== MADE) rmSync(this.built, { recursive: true });
	}

	/** Without beacons and pages, for the next test. */
	clear() {
		this.beacons = [];
		this.pages.clear();
		this.pages.set('/empty', '<!doctype html><title>empty</title>');
		this.status = 204;
	}

	bodies = () => this.beacons.map((beacon) => beacon.body);

	arrived = (count) => until(`${count} beacons, have ${this.beacons.length}`, () => this.beacons.length >= count && this.bodies(), 30000);

	async take(request, response, path) {
		let text = '';
		for await (const chunk of request) text += chunk;
		if (this.status === 0) return request.socket.destroy();
		const cors = { 'access-control-allow-origin': request.headers.origin ?? '*' };
		if (this.status < 300) this.beacons.push({ path, type: request.headers['content-type'], body: JSON.parse(text) });
		response.writeHead(this.status, cors).end();
	}

	async answer(request, response) {
		const url = new URL(request.url, this.origin);
		const extension = url.pathname.replace(/.*[./]/, '');
		if (request.method === 'POST') return this.take(request, response, url.pathname);
		await wait(Number(url.searchParams.get('delay') ?? 0));
		if (url.pathname === '/favicon.ico') return response.writeHead(204).end();
		const file = FILES[url.pathname];
		let page = file ? await readFile(join(this.built, file)) : this.pages.get(url.pathname);
		if (typeof page === 'function') page = await page();
		if (page === undefined) return response.writeHead(404).end();
		response.writeHead(200, {
			'content-type': TYPES[extension] ?? 'text/html',
			'content-security-policy': page.csp ?? CSP,
			'server-timing': `cache;desc="HIT";dur=1.5, traceparent;desc="00-${TRACE}-00f067aa0ba902b7-01"`,
			'cache-control': url.pathname.endsWith('.js') ? 'max-age=60' : 'no-cache',
		});
		response.end(page.body ?? page);
	}
}

/** Two frames later: what has changed is on the screen and in the timeline. */
export const painted = (page) =>
	page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));

/** Waits until the page is loaded and its first paint is reported. */
export async function shown(page) {
	await until('the first paint', () =>
		page.evaluate(() => document.readyState === 'complete' && performance.getEntriesByType('paint').length > 1),
	);
	await painted(page);
}
