/*
 * The set-up page: the script tag to paste, and the last views, read from
 * /query every few seconds. The token comes in the URL's fragment, which no
 * server sees, and moves to sessionStorage and out of the URL at once.
 * Everything shown goes through textContent.
 */

const REFRESH_MS = 3000;
const TOKEN_KEY = 'drum.token';
const QUERY = `SELECT ts, site, path, country, device, browser, lcp, inp, cls
FROM pageviews ORDER BY ts DESC LIMIT 20 FORMAT JSON`;

const el = (id) => document.getElementById(id);

const storage = {
	get() {
		try {
			return sessionStorage.getItem(TOKEN_KEY);
		} catch {
			return null;
		}
	},
	set(token) {
		try {
			if (token) sessionStorage.setItem(TOKEN_KEY, token);
			else sessionStorage.removeItem(TOKEN_KEY);
		} catch {
			// Storage is blocked: the token lives as long as this page.
		}
	},
};

let token = storage.get();
let timer;

/** `#token=T` or `#T`; returns whether there was one. */
function takeToken() {
	const fragment = location.hash.slice(1);
	if (!fragment) return false;
	const found = fragment.startsWith('token=') ? fragment.slice('token='.length) : fragment;
	token = decodeURIComponent(found);
	storage.set(token);
	history.replaceState(null, '', location.pathname + location.search);
	return true;
}

/* ---- the script tag -------------------------------------------------- */

const escapeAttribute = (text) => text.replace(/&/g, '&amp;').replace(/"/g, '&quot;').replace(/</g, '&lt;');

function showTag() {
	const site = escapeAttribute(el('site').value.trim() || 'shop');
	el('tag').textContent = `<script async src="${location.origin}/drum.js" data-site="${site}"></script>`;
}

async function copyTag() {
	try {
		await navigator.clipboard.writeText(el('tag').textContent);
		el('copied').textContent = 'Copied.';
	} catch {
		// Not a secure context, or refused: leave it selected for the keyboard.
		getSelection().selectAllChildren(el('tag'));
		el('copied').textContent = 'Selected: press Ctrl+C or ⌘C.';
	}
}

/* ---- the views ------------------------------------------------------- */

/* `2026-06-01 12:03:05.123` as `06-01 12:03:05`: newest first, the year is clear. */
const time = (ts) => String(ts).slice(5, 19);
const milliseconds = (x) => (x == null ? '–' : `${Math.round(x)} ms`);
const score = (x) => (x == null ? '–' : Number(x).toFixed(3));
const word = (x) => x || '–';

function row(view) {
	const tr = document.createElement('tr');
	const cells = [
		[time(view.ts)],
		[word(view.site)],
		[word(view.path)],
		[word(view.country)],
		[word(view.device)],
		[word(view.browser)],
		[milliseconds(view.lcp), 'number'],
		[milliseconds(view.inp), 'number'],
		[score(view.cls), 'number'],
	];
	for (const [text, className] of cells) {
		const td = document.createElement('td');
		td.textContent = text;
		if (className) td.className = className;
		tr.append(td);
	}
	return tr;
}

function show(views) {
	el('rows').replaceChildren(...views.map(row));
	el('views').hidden = views.length === 0;
	el('status').textContent = views.length ? '' : 'No view has arrived yet. This list refreshes by itself.';
}

function askForToken(why) {
	token = null;
	storage.set(null);
	el('login').hidden = false;
	el('views').hidden = true;
	el('status').textContent = why;
}

async function refresh() {
	clearTimeout(timer);
	if (!token) return;
	try {
		const answer = await fetch('/query', {
			method: 'POST',
			headers: { Authorization: `Bearer ${token}` },
			body: QUERY,
		});
		if (answer.status === 401 || answer.status === 403) {
			askForToken('The server does not know that token.');
			return;
		}
		const body = await answer.text();
		if (answer.ok) show(JSON.parse(body).data);
		else el('status').textContent = body;
	} catch {
		el('status').textContent = 'The server does not answer; trying again.';
	}
	if (document.visibilityState === 'visible') timer = setTimeout(refresh, REFRESH_MS);
}

function start() {
	el('login').hidden = Boolean(token);
	el('status').textContent = token ? 'Loading…' : '';
	refresh();
}

takeToken();
showTag();
start();

el('site').addEventListener('input', showTag);
el('copy').addEventListener('click', copyTag);
el('login').addEventListener('submit', (event) => {
	event.preventDefault();
	token = el('token').value.trim();
	el('token').value = '';
	storage.set(token);
	start();
});
addEventListener('hashchange', () => takeToken() && start());
document.addEventListener('visibilitychange', () => {
	if (document.visibilityState === 'visible') refresh();
});
