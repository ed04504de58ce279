/*
 * The dashboard's frame: token, tabs, the controls that every panel obeys, and
 * the clock by which panels are refreshed.
 */
import { byId, h, replace } from './dom.js';
import * as compare from './compare.js';
import { build as controls } from './controls.js';
import * as errors from './errors.js';
import * as explore from './explore.js';
import { build as keys } from './keys.js';
import * as overview from './overview.js';
import { events, isOnline, query } from './query.js';
import * as setup from './setup.js';
import { period, select, text } from './sql.js';
import { TABS, go, link, onChange, state, visit } from './state.js';
import * as token from './token.js';
import * as where from './where.js';
import * as why from './why.js';

const LIVE_MS = 5000;
const OFFLINE_MS = 2000;
const REST = 8; // panels rest so many times as long as they took

const VIEWS = {
	overview: { label: 'Overview', ...overview },
	where: { label: 'Where', ...where },
	why: { label: 'Why', ...why },
	errors: { label: 'Errors', ...errors },
	compare: { label: 'Compare', ...compare },
	explore: { label: 'Explore', ...explore },
	setup: { label: 'Set-up', ...setup },
};

let panels = [];
let timer;
let freshAt = 0;
let paused = false;
let allowed = false; // whether panels may ask: there is a token that was not refused
let known = null; // sites, once they are

/* ---- the tab's panels ------------------------------------------------- */

function tabs() {
	replace(byId('tabs'), TABS.map((tab) =>
		h('a', { href: link({ tab, error: '' }), 'data-key': `tab-${tab}`, 'aria-current': state().tab === tab ? 'page' : null }, VIEWS[tab].label)));
	const bar = byId('tabs'), chosen = bar.querySelector('[aria-current]'); // on a phone they do not all fit
	if (chosen.offsetLeft < bar.offsetLeft + bar.scrollLeft || chosen.offsetLeft + chosen.offsetWidth > bar.offsetLeft + bar.scrollLeft + bar.clientWidth)
		bar.scrollLeft = chosen.offsetLeft - bar.offsetLeft - (bar.clientWidth - chosen.offsetWidth) / 2;
}

function mount() {
	for (const panel of panels) panel.destroy?.();
	panels = VIEWS[state().tab].build(state());
	byId('main').className = `grid ${state().tab}`;
	replace(byId('main'), panels.map((panel) => panel.element));
	document.title = `${VIEWS[state().tab].label}${state().site && state().site !== '*' ? `, ${state().site}` : ''} – drum`;
}

/* ---- refreshing ------------------------------------------------------- */

async function refresh({ changed = false } = {}) {
	clearTimeout(timer);
	if (!token.get() || !allowed) return;
	const began = performance.now();
	const mine = panels;
	await Promise.all(mine.map((panel) => (changed || panel.live !== false ? panel.refresh({ changed }) : null)));
	if (mine !== panels) return;
	if (isOnline()) freshAt = Date.now();
	showLive();
	if (!isOnline()) timer = setTimeout(refresh, OFFLINE_MS);
	else if (isLive()) timer = setTimeout(refresh, Math.max(LIVE_MS, REST * (performance.now() - began)));
}

const moves = () => VIEWS[state().tab].always || period(state().range, Date.now()).live;

const isLive = () => !paused && document.visibilityState === 'visible' && moves();

/* Text only where it changes: this stands in a status region. */
function showLive() {
	const put = (element, text) => element.textContent !== text && (element.textContent = text);
	byId('live').hidden = VIEWS[state().tab].still === true;
	const now = !moves() ? 'fixed period' : paused ? 'paused' : isOnline() ? 'live' : 'no answer';
	byId('live').dataset.state = !moves() || paused ? 'still' : isOnline() ? 'live' : 'offline';
	byId('live').title = freshAt ? `as of ${new Date(freshAt).toISOString().slice(11, 19)} UTC` : '';
	put(byId('live-state'), now);
	put(byId('pause'), paused ? 'Resume' : 'Pause');
	byId('pause').hidden = !moves();
}

function togglePause() {
	paused = !paused;
	showLive();
	if (!paused) refresh();
	else clearTimeout(timer);
}

/* ---- token and sites -------------------------------------------------- */

function askForToken(why) {
	allowed = false;
	known = null;
	clearTimeout(timer);
	for (const panel of panels) panel.destroy?.();
	panels = [];
	replace(byId('main'));
	byId('login-why').textContent = why;
	byId('login').hidden = false;
	byId('main').hidden = true;
	byId('live').hidden = true;
	byId('controls').hidden = true;
	byId('token').focus();
}

/** The sites with views of the last 28 days, most first; any time's when there are none. */
async function sites() {
	const { from } = period('28d', Date.now());
	const recent = await query(`SELECT site, count() AS views FROM pageviews WHERE ts >= ${text(new Date(from).toISOString().slice(0, 19).replace('T', ' '))} GROUP BY site ORDER BY views DESC LIMIT 1000`);
	if (recent.length > 0) return recent;
	return query(select(['site', 'count() AS views'], 'FROM pageviews\nGROUP BY site\nORDER BY views DESC\nLIMIT 1000'));
}

/** Shows what the URL asks for at once; without a site in it, once the sites are known. */
async function start() {
	clearTimeout(timer);
	tabs();
	if (!token.get()) {
		askForToken('');
		return;
	}
	byId('login').hidden = true;
	byId('main').hidden = false;
	if (state().site) begin();
	try {
		known = await sites();
	} catch (error) {
		if (error.status === 401 || error.status === 403) return;
		banner(error.message);
		if (!allowed) timer = setTimeout(start, OFFLINE_MS);
		return;
	}
	banner('');
	controls(known);
	if (known.length === 0 && state().tab === 'overview') {
		allowed = true;
		go({ tab: 'setup' }, { replace: true });
	} else if (!state().site && known[0]) {
		allowed = true;
		go({ site: known[0].site }, { replace: true });
	} else if (!allowed) {
		begin();
	}
}

function begin() {
	allowed = true;
	controls();
	mount();
	showLive();
	refresh({ changed: true });
}

function banner(text) {
	byId('banner').hidden = !text;
	byId('banner').textContent = text;
}

/* ---- events ----------------------------------------------------------- */

onChange((now, last) => {
	tabs();
	if (!allowed) return;
	controls();
	showLive();
	if (now.tab !== last.tab || panels.length === 0 || VIEWS[now.tab].rebuilds?.(now, last)) {
		mount();
		if (now.tab !== last.tab && last.site) byId('main').focus({ preventScroll: true });
		scrollTo(0, 0);
	}
	refresh({ changed: true });
});

events.addEventListener('refused', () => {
	token.set(null);
	askForToken('The server does not know that token, or no longer.');
});
events.addEventListener('offline', () => banner('The server does not answer; trying again. The figures are the last that came.'));
events.addEventListener('online', () => {
	banner('');
	if (allowed) setTimeout(() => (known ? refresh({ changed: true }) : start()));
});

byId('login').addEventListener('submit', (event) => {
	event.preventDefault();
	token.set(byId('token').value.trim());
	byId('token').value = '';
	start();
});

/* Links within the page go through the history. */
document.addEventListener('click', (event) => {
	const anchor = event.target.closest?.('a[href]');
	if (!anchor || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
	const url = new URL(anchor.href);
	if (url.origin !== location.origin || url.pathname !== location.pathname || url.hash || anchor.target) return;
	event.preventDefault();
	visit(url.pathname + url.search);
});

addEventListener('hashchange', () => token.take() && start());
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && !paused && refresh());

byId('pause').addEventListener('click', togglePause);
keys({ refresh: () => refresh({ changed: true }), togglePause });
token.take();
start();
