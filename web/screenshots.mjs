/*
 * Makes the pictures that README.md shows, from a server that `make demo` has
 * filled: node web/screenshots.mjs http://localhost:8080 data/token
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const [origin, tokenFile] = process.argv.slice(2);
if (!tokenFile) {
	console.error('usage: node web/screenshots.mjs ORIGIN TOKEN_FILE');
	process.exit(2);
}

const SHOTS = [
	['overview', 'site=shop', 1280, 960, 'light'],
	['where', 'site=shop&tab=where', 1280, 560, 'dark'],
	['why', 'site=shop&tab=why&f=path:/category/:id', 1280, 560, 'light'],
];

const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
for (const [name, search, width, height, colorScheme] of SHOTS) {
	const page = await browser.newPage({ viewport: { width, height }, colorScheme });
	await page.goto(`${origin}/?${search}#token=${readFileSync(tokenFile, 'utf8').trim()}`);
	await page.waitForFunction(() => document.querySelector('#main .panel') && !document.querySelector('#main [aria-busy]'));
	const session = await page.context().newCDPSession(page);
	const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 60 });
	writeFileSync(new URL(`screenshots/${name}.webp`, import.meta.url), Buffer.from(data, 'base64'));
	await page.close();
}
await browser.close();
