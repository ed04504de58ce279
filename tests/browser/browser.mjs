/*
 * What the browser tests share: a Chromium with nothing emulated.
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
import { end, stderrMatch, until } from '../serve.mjs';

const CHROMIUM = '/usr/bin/chromium';
const LATE_MS = 120000; // on a machine that has much else to do
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
	'--ignore-certificate-errors',
	'--remote-debugging-port=0',
];

/** { context, close }: a fresh profile's default context, of a Chromium with further `flags`. */
export async function openBrowser(...flags) {
	const profile = await mkdtemp(join(tmpdir(), 'drum-chromium-'));
	const child = spawn(CHROMIUM, [...FLAGS, ...flags, `--user-data-dir=${profile}`], { stdio: ['ignore', 'ignore', 'pipe'] });
	const close = async (browser) => {
		await browser?.close();
		await end(child);
		await rm(profile, { recursive: true, force: true, maxRetries: 5 });
	};
	try {
		const [, endpoint] = await stderrMatch(child, /DevTools listening on (ws:\S+)/);
		const browser = await chromium.connectOverCDP(endpoint, { noDefaults: true });
		const [context] = browser.contexts();
		context.setDefaultTimeout(LATE_MS);
		context.setDefaultNavigationTimeout(LATE_MS);
		return { context, close: () => close(browser) };
	} catch (error) {
		await close();
		throw error;
	}
}

/** A browser that nobody looks into, at `url`: what DevTools, once attached,
 * turns off (prerendering) works. */
export async function openAlone(url) {
	const profile = await mkdtemp(join(tmpdir(), 'drum-chromium-'));
	const child = spawn(CHROMIUM, [...FLAGS, `--user-data-dir=${profile}`, url], { stdio: 'ignore' });
	return {
		close: async () => {
			await end(child);
			await rm(profile, { recursive: true, force: true, maxRetries: 5 });
		},
	};
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
