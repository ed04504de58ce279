/*
 * What the browser tests share: a Chromium with nothing emulated, and waiting
 * by deadline.
 *
 * Playwright's own launch keeps every page focused and visible and turns the
 * back/forward cache off; both are what these tests are about. So Chromium is
 * started here and attached to without Playwright's defaults: a second tab
 * hides the first one, as it does for people.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
	'--headless=new',
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
	'--disable-dev-shm-usage',
	'--window-size=1280,1000',
	'--remote-debugging-port=0',
];
const START_MS = 30000;

/** The first match of `pattern` in a child's stderr; rejects when it exits or takes longer than `ms`. */
export function stderrMatch(child, pattern, ms = START_MS) {
	return new Promise((resolve, reject) => {
		let seen = '';
		const timer = setTimeout(() => reject(new Error(`no ${pattern} within ${ms} ms:\n${seen}`)), ms);
		child.stderr.on('data', (chunk) => {
			seen += chunk;
			const match = pattern.exec(seen);
			if (match) {
				clearTimeout(timer);
				resolve(match);
			}
		});
		child.once('exit', (code, signal) => {
			clearTimeout(timer);
			reject(new Error(`exited with ${code ?? signal}:\n${seen}`));
		});
	});
}

/** Ends a child and waits for its exit; kills it after `ms`. */
export async function stop(child, ms = 10000) {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const exited = new Promise((resolve) => child.once('exit', resolve));
	child.kill('SIGTERM');
	const timer = setTimeout(() => child.kill('SIGKILL'), ms);
	await exited;
	clearTimeout(timer);
}

/** { context, close }: a fresh profile's default context. */
export async function openBrowser() {
	const profile = await mkdtemp(join(tmpdir(), 'drum-chromium-'));
	const child = spawn(CHROMIUM, [...FLAGS, `--user-data-dir=${profile}`], { stdio: ['ignore', 'ignore', 'pipe'] });
	const close = async (browser) => {
		await browser?.close();
		await stop(child);
		await rm(profile, { recursive: true, force: true, maxRetries: 5 });
	};
	try {
		const [, endpoint] = await stderrMatch(child, /DevTools listening on (ws:\S+)/);
		const browser = await chromium.connectOverCDP(endpoint, { noDefaults: true });
		return { context: browser.contexts()[0], close: () => close(browser) };
	} catch (error) {
		await close();
		throw error;
	}
}

/** What `probe` returns once it is truthy; rejects after `ms`, naming `what`. */
export async function until(what, probe, ms = 15000) {
	const deadline = Date.now() + ms;
	for (;;) {
		const value = await probe();
		if (value) return value;
		if (Date.now() > deadline) throw new Error(`waited ${ms} ms for ${what}`);
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
}

/** Lists that fill with what a page reports: console warnings and errors
 * (Content-Security-Policy violations among them) and uncaught exceptions. */
export function watch(page) {
	const complaints = [];
	const exceptions = [];
	page.on('console', (message) => {
		if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
	});
	page.on('pageerror', (error) => exceptions.push(error.message));
	return { complaints, exceptions };
}

/** Hides `page` behind a new tab of its window, until `shown` is called. */
export async function hide(context, page) {
	const cover = await context.newPage();
	await cover.bringToFront();
	await until('the page to be hidden', () => page.evaluate(() => document.visibilityState === 'hidden'));
	return {
		shown: async () => {
			await cover.close();
			await page.bringToFront();
			await until('the page to be visible', () => page.evaluate(() => document.visibilityState === 'visible'));
		},
	};
}
