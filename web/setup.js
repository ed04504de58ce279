/*
 * Set-up: the script tag to paste, whether its first beacon has arrived, the
 * last views, and how many of the requests that the server's logs know sent one.
 */
import { copy, h, replace } from './dom.js';
import { NONE, count, day, moment, parseTime, percent } from './format.js';
import { Panel } from './panel.js';
import { rated, table } from './parts.js';
import { DAY_MS, text, time } from './sql.js';
import { link, state } from './state.js';
import * as token from './token.js';
import { valueLabel } from './vitals.js';

const LAST = 20;
const HOUR_MS = 3600e3;

const escapeAttribute = (value) => value.replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;');

const tagOf = (site) => `<script async src="${location.origin}/drum.js" data-site="${escapeAttribute(site)}"></script>`;

const siteNow = () => (state().site && state().site !== '*' ? state().site : 'demo');

/* ---- the tag ----------------------------------------------------------- */

/* The browser's wish not to be measured, which the script heeds. */
function refusal() {
	const wish = navigator.globalPrivacyControl ? 'Global Privacy Control' : navigator.doNotTrack === '1' ? 'Do Not Track' : null;
	return wish && h('p', { class: 'notice', id: 'refusal' },
		`This browser sends “${wish}”: your own visits leave no view, unless privacy.opt_out is off. Try with a browser that does not.`);
}

function tagPanel() {
	const code = h('code', { id: 'tag' }, tagOf(siteNow()));
	const told = h('span', { role: 'status', class: 'note', id: 'copied' });
	const site = h('input', { id: 'tag-site', value: siteNow(), size: 16, maxlength: 64, autocomplete: 'off', spellcheck: 'false',
		oninput: () => (code.textContent = tagOf(site.value.trim() || 'demo')) });
	const steps = h('div', null,
		h('p', null, h('label', null, 'Name of your site ', site)),
		h('pre', { class: 'tag', tabindex: '0', 'aria-label': 'script tag' }, code),
		h('p', null, h('button', { type: 'button', id: 'copy', onclick: async () => (told.textContent = await copy(code.textContent, code)) }, 'Copy'), ' ', told),
		h('p', null, 'Or try it here: open the ', h('a', { href: '/demo', target: '_blank', rel: 'noopener' }, 'demo page'),
			', click around, and come back: leaving a page is what sends its view. ', h('code', null, 'make demo'), ' loads 200,000 generated views.'),
		refusal());
	return { element: h('section', { class: 'panel span-6', id: 'tag-panel', 'aria-labelledby': 'tag-title' },
		h('header', null, h('h2', { id: 'tag-title' }, '1. Paste this into your pages')), steps), refresh: async () => {} };
}

/* ---- the first beacon --------------------------------------------------- */

/* Beacons that came and left no view, by the server's counters since its start. */
const REFUSED = {
	drum_beacons_opted_out_total: 'of browsers that ask not to be measured (Global Privacy Control, Do Not Track)',
	drum_beacons_forbidden_total: 'of a site, host or origin that is not configured',
	drum_beacons_malformed_total: 'malformed',
	drum_beacons_too_large_total: 'too large',
	drum_beacons_limited_address_total: 'too many at once from one address',
	drum_beacons_limited_site_total: 'too many for one site',
	drum_beacons_overload_total: 'while too many were in flight',
	drum_beacons_failed_total: 'that the disk did not take',
};

async function refused() {
	const answer = await fetch('/metrics', { headers: { Authorization: `Bearer ${token.get()}` }, cache: 'no-store' }).catch(() => null);
	if (!answer?.ok) return [];
	const values = new Map([...(await answer.text()).matchAll(/^(\w+) (\d+)$/gm)].map(([, name, value]) => [name, Number(value)]));
	return Object.entries(REFUSED).filter(([name]) => values.get(name) > 0).map(([name, what]) => [values.get(name), what]);
}

const refusals = (list) => list.length > 0 && h('div', { id: 'refused' },
	h('h3', null, 'Beacons that came and left no view, since the server’s start'),
	h('ul', { class: 'refused' }, list.map(([n, what]) => h('li', null, `${count(n)} ${what}`))));

const SITES = 'SELECT site, count() AS views, min(ts) AS first, max(ts) AS last FROM pageviews\nGROUP BY site\nORDER BY last DESC\nLIMIT 20';

const arrived = () => new Panel({
	id: 'arrived',
	title: '2. Has it arrived?',
	className: 'span-6',
	rows: 4,
	async load(ask) {
		const [rows, list] = await Promise.all([
			ask(SITES),
			refused(),
		]);
		return { rows, list };
	},
	show({ rows, list }, body) {
		if (rows.length === 0) {
			replace(body, h('p', { class: 'waiting', id: 'waiting' }, 'No view has arrived yet. This page looks every few seconds.'), refusals(list));
			return;
		}
		replace(body, h('p', { class: 'change good' }, `✓ Views arrive for ${rows.length === 1 ? 'one site' : `${rows.length} sites`}.`),
			table([
				{ label: 'Site', cell: (row) => h('a', { href: link({ tab: 'overview', site: row.site, filters: [] }), 'data-key': `site-${row.site}` }, valueLabel('site', row.site)) },
				{ label: 'Views', cell: (row) => count(row.views), number: true },
				{ label: 'First', cell: (row) => moment(parseTime(row.first)), number: true, hide: true },
				{ label: 'Last', cell: (row) => moment(parseTime(row.last)), number: true },
			], rows, { caption: 'Sites' }), refusals(list));
	},
});

/* ---- the last views ----------------------------------------------------- */

/* Looked for in the last hour that has any, then further back: not all views need to be put in order. */
async function newest(ask) {
	const [site] = await ask(SITES);
	for (const days of site ? [1 / 24, 1, 28] : []) {
		const rows = await ask(`SELECT ts, site, path, country, device, browser, bot, lcp, inp, cls FROM pageviews\nWHERE ts >= ${time(parseTime(site.last) - days * DAY_MS)}\nORDER BY ts DESC\nLIMIT ${LAST}`);
		if (rows.length === LAST || rows.length === site.views || days === 28) return rows;
	}
	return [];
}

const lastViews = (rows) => new Panel({
	id: 'views',
	rows,
	title: `3. The last ${LAST} views`,
	load: newest,
	show: (rows, body) => replace(body, table([
		{ label: 'Time (UTC)', cell: (row) => `${day(parseTime(row.ts))} ${String(row.ts).slice(11, 19)}` },
		{ label: 'Site', cell: (row) => valueLabel('site', row.site) },
		{ label: 'Page', cell: (row) => valueLabel('path', row.path) },
		{ label: 'Country', cell: (row) => valueLabel('country', row.country) },
		{ label: 'Device', cell: (row) => valueLabel('device', row.device) },
		{ label: 'Browser', cell: (row) => (row.bot ? `${row.browser} (bot: ${row.bot})` : valueLabel('browser', row.browser)) },
		{ label: 'LCP', cell: (row) => (row.lcp == null ? NONE : rated('lcp', row.lcp)), number: true },
		{ label: 'INP', cell: (row) => (row.inp == null ? NONE : rated('inp', row.inp)), number: true },
		{ label: 'CLS', cell: (row) => (row.cls == null ? NONE : rated('cls', row.cls)), number: true },
	], rows, { caption: 'The last views', empty: 'None yet.' })),
});

/* ---- coverage ------------------------------------------------------------ */

const COVERAGE_DAYS = 7;
const SITES_MAX = 10;
const PAGES_MAX = 1000; // of each side
const PAGES_SHOWN = 8;

/* Views that no request of a document stands behind. */
const REQUESTED = `nav_type NOT IN ('back_forward_cache', 'soft_navigation', 'restore')`;
const PAGES = `category = 'request' AND name = 'page'`;

/* Sites with imported requests; views are counted while the logs last, no longer. */
async function coverageOf(ask, from) {
	const logs = await ask(`SELECT site, count() AS requests, min(ts) AS first, max(ts) AS last FROM events\nWHERE bot = '' AND ts >= ${time(from)} AND ${PAGES}\nGROUP BY site\nORDER BY requests DESC\nLIMIT ${SITES_MAX}`);
	return Promise.all(logs.map(async (log) => {
		const [{ views }] = await ask(`SELECT count() AS views FROM pageviews\nWHERE ${during(log)} AND ${REQUESTED}`);
		return { ...log, views };
	}));
}

const during = ({ site, first, last }) => `site = ${text(site)} AND bot = '' AND ts >= ${text(first)} AND ts <= ${text(last)}`;

/* Pages of a site by the requests without a beacon: those without the tag come first. */
async function missing(ask, log) {
	const by = (table, condition) => ask(`SELECT path, count() AS n FROM ${table}\nWHERE ${during(log)} AND ${condition}\nGROUP BY path\nORDER BY n DESC\nLIMIT ${PAGES_MAX}`);
	const [requests, views] = await Promise.all([by('events', PAGES), by('pageviews', REQUESTED)]);
	const known = new Map(views.map((row) => [row.path, row.n]));
	return requests.map(({ path, n }) => ({ path, requests: n, views: known.get(path) ?? 0 }))
		.sort((a, b) => (b.requests - b.views) - (a.requests - a.views)).slice(0, PAGES_SHOWN);
}

const shareOf = (row) => percent(Math.min(1, row.views / row.requests), 1);

const coverageColumns = (label, cell) => [
	{ label, cell },
	{ label: 'Requests', cell: (row) => count(row.requests), number: true },
	{ label: 'Views', cell: (row) => count(row.views), number: true },
	{ label: 'Coverage', cell: shareOf, number: true },
];

/* Requests of pages in access logs, and how many of them sent a beacon. */
const coverage = () => new Panel({
	id: 'coverage',
	title: `Coverage of the last ${COVERAGE_DAYS} days`,
	note: 'views that sent a beacon, of the pages requested in imported access logs, while those last',
	async load(ask, { site }) {
		const sites = await coverageOf(ask, Math.floor((Date.now() - COVERAGE_DAYS * DAY_MS) / HOUR_MS) * HOUR_MS);
		const chosen = sites.find((row) => row.site === site) ?? sites[0];
		return { sites, chosen, pages: chosen ? await missing(ask, chosen) : [] };
	},
	show: ({ sites, chosen, pages }, body) => replace(body,
		table(coverageColumns('Site', (row) => valueLabel('site', row.site)), sites, { caption: 'Coverage',
			empty: 'No access logs are imported: drum import takes them, and then this tells how many visits sent no beacon (blocked, left early, without JavaScript, pages without the tag).' }),
		chosen && [h('h3', null, `Pages of ${chosen.site} with most requests and no beacon`),
			table(coverageColumns('Page', (row) => valueLabel('path', row.path)), pages, { caption: 'Pages without beacons' })]),
});

export const always = true; // refreshed whatever the period

/* Where there is a site, there are views. */
export const build = ({ site }) => [tagPanel(), arrived(), lastViews(site ? LAST : 1), coverage()];

