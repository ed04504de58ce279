/*
 * Pages in real Chromium, one after the other: drum.js, boomerang, Faro's SDK,
 * and the dashboard. Their beacons go to a relay in this process, which keeps
 * what the server acknowledged and outlives its restarts; while there is no
 * server it answers 503, and drum.js sends again.
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { openBrowser } from '../browser/browser.mjs';
import { Site, painted, shown } from '../browser/site.mjs';
import { TOKEN, until } from '../serve.mjs';
import { ask } from './traffic.mjs';

const packaged = (file) => readFile(fileURLToPath(new URL(`../../node_modules/${file}`, import.meta.url)), 'utf8');
const BOOMERANG = ['boomerang.js', ...['rt', 'navtiming', 'painttiming', 'eventtiming', 'errors'].map((plugin) => `plugins/${plugin}.js`)];
const page = (head) => ({
	csp: "default-src * 'unsafe-inline' 'unsafe-eval'",
	body: `<!doctype html><title>soak</title>${head}<h1 style="font-size: 60px">words</h1><button id="work">work</button><button id="error">error</button>
		<script>onclick = (e) => { if (e.target.id === 'error') throw new TypeError('the shop is shut'); e.target.textContent += '.'; }</script>`,
});

class Relay extends Site {
	url = undefined; // of the server, while there is one
	views = new Set(); // ids of native views of which a beacon was acknowledged
	taken = { '/beacon': 0, '/boomerang': 0, '/faro': 0 };

	async take(request, response, path) {
		const chunks = [];
		for await (const chunk of request) chunks.push(chunk);
		const body = Buffer.concat(chunks);
		const cors = { 'access-control-allow-origin': request.headers.origin ?? '*' };
		let status = 503;
		try {
			if (this.url) ({ status } = await ask(this.url + request.url, { headers: { ...request.headers, host: new URL(this.url).host }, body }));
		} catch {
			// The server went away.
		}
		if (status < 300) {
			this.taken[path]++;
			if (path === '/beacon') this.views.add(BigInt(`0x${JSON.parse(body).view}`).toString());
		}
		response.writeHead(status, cors).end();
	}
}

export class Pages {
	visits = 0;
	dashboards = [];
	complaints = [];

	async open() {
		this.relay = await new Relay().open();
		this.origin = this.relay.origin.replace('127.0.0.1', 'localhost');
		const { pages } = this.relay;
		pages.set('/empty', '<!doctype html><title>empty</title>');
		pages.set('/boomerang.js', (await Promise.all(BOOMERANG.map((file) => packaged(`boomerangjs/${file}`)))).join('\n;\n'));
		pages.set('/faro.js', await packaged('@grafana/faro-web-sdk/dist/bundle/faro-web-sdk.iife.js'));
		pages.set('/native', page('<script async src="/drum.js" data-site="chromium"></script>'));
		pages.set('/boom', page(`<script src="/boomerang.js"></script><script>BOOMR.init({ beacon_url: '/boomerang?site=chromium-boomerang', beacon_type: 'POST', Errors: { enabled: true } })</script>`));
		pages.set('/grafana', page(`<script src="/faro.js"></script><script>GrafanaFaroWebSdk.initializeFaro({ url: '${this.origin}/faro?site=chromium-faro', app: { name: 'shop' } })</script>`));
		this.browser = await openBrowser();
		return this;
	}

	async visit(path) {
		const tab = await this.browser.context.newPage();
		try {
			await tab.goto(this.origin + path, { timeout: 30000 });
			await shown(tab);
			await tab.click('#work');
			if (this.visits % 3 === 0) await tab.click('#error');
			await painted(tab);
			await tab.goto(`${this.origin}/empty`);
			this.visits++;
		} finally {
			await tab.close();
		}
	}

	/** The time until the dashboard of `url` shows its first figures. */
	async dashboard(url) {
		const tab = await this.browser.context.newPage();
		try {
			const begun = performance.now();
			await tab.goto(`${url}/?site=chromium#token=${TOKEN}`, { timeout: 30000 });
			await until('the dashboard', () => tab.evaluate(() => document.querySelector('#main .panel') !== null && document.querySelector('#main [aria-busy]') === null), 30000);
			this.dashboards.push(performance.now() - begun);
		} finally {
			await tab.close();
		}
	}

	/** Visits until `isOver()`, each kind in turn; what fails while there is no server is nobody's fault. */
	async run(isOver) {
		for (let i = 0; !isOver(); i++) {
			const { url } = this.relay;
			try {
				await this.visit(['/native', '/boom', '/native', '/grafana'][i % 4]);
				if (url && i % 6 === 5) await this.dashboard(url);
			} catch (error) {
				if (url === this.relay.url) this.complaints.push(error.message.split('\n')[0]);
			}
			await new Promise((resolve) => setTimeout(resolve, 1000));
		}
	}

	async close() {
		await this.browser?.close();
		this.relay?.close();
	}
}
