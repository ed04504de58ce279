/*
 * Sending: when the page is hidden, what has changed since; by sendBeacon, else
 * by fetch, else kept in localStorage for drum.extra.js to send again. While the
 * page is visible, fetchLater holds the view for the case that the page dies
 * without a word.
 */
import { takeFrames } from './frames.js';
import { isHidden, on, randomId, safe } from './tools.js';
import { cumulative, settle, view, views } from './view.js';

const SEQ_MAX = 255;
const BODY_MAX = 20000; // UTF-16 units: 60,000 bytes at most
const KEPT_MAX = 65536; // UTF-16 units
const LATER_MS = 1000; // between a change and fetchLater having it
const LEFT_MS = 3000; // what web-vitals takes at most to end a view that was left

/** What localStorage and sessionStorage have of ours. */
export const KEPT = 'drum.kept';
const SESSION = 'drum.session';

/** @type {string} */
let to;
export let allowed = true;
/** @type {AbortController | undefined} */
let later;
/** @type {ReturnType<typeof setTimeout> | 0} */
let timer = 0;

/** One id for as long as the tab lives; absent where storage is blocked. */
const session = safe(() => (sessionStorage[SESSION] ||= randomId()));

/** For the next time; the newest first, what is too much falls off the end. */
const keep = safe((/** @type {string} */ body) => {
	localStorage[KEPT] = `${body}\n${localStorage[KEPT] || ''}`.slice(0, KEPT_MAX);
});

/**
 * The view's next beacon, and its cumulative part; nothing when there is
 * nothing to say.
 * @param {import('./view.js').View} view
 */
const compose = (view) => {
	if (!allowed || !view._kept || view._seq > SEQ_MAX || /** @type {any} */ (document).prerendering) return;
	takeFrames();
	const state = { ...cumulative(view), session: session() };
	const now = JSON.stringify(state);
	if (now === view._sent && !view._errors.length && !view._events.length) return;
	const errors = [...view._errors];
	const events = [...view._events];
	let body;
	do {
		body = JSON.stringify({ ...state, seq: view._seq, errors, events });
	} while (body.length > BODY_MAX && (errors.pop() || events.pop()));
	return [body, now];
};

/** @param {import('./view.js').View} view */
export const send = (view) => {
	later?.abort();
	const [body, now] = compose(view) || [];
	if (!body) return;
	view._sent = now;
	view._seq++;
	view._errors = [];
	view._events = [];
	if (navigator.onLine === false) keep(body);
	else if (!navigator.sendBeacon?.(to, body))
		fetch(to, { method: 'POST', body, keepalive: true, mode: 'no-cors' }).catch(() => keep(body));
};

/** The view is about to be followed by another. */
export const leave = () => setTimeout(safe(send), LEFT_MS, view);

/** Something has changed. */
export const touch = () => {
	if ('fetchLater' in window)
		timer ||= setTimeout(
			safe(() => {
				timer = 0;
				later?.abort();
				settle();
				const [body] = compose(view) || [];
				if (body) {
					later = new AbortController();
					/** @type {any} */ (window).fetchLater(to, { method: 'POST', body, mode: 'no-cors', signal: later.signal });
				}
			}),
			LATER_MS,
		);
};

/** @param {unknown} yes */
export const consent = (yes) => {
	allowed = !!yes;
	if (!allowed) {
		later?.abort();
		safe(() => {
			delete sessionStorage[SESSION];
			delete localStorage[KEPT];
		})();
	}
};

/** The view as it is now. */
export const beat = () => {
	settle();
	send(view);
};

const visibility = () => {
	settle();
	if (isHidden()) views.forEach(send);
};

/** @param {string} endpoint @param {unknown} may */
export const deliver = (endpoint, may) => {
	to = endpoint;
	allowed = !!may;
	/* After web-vitals, which listens in the capture phase. */
	on('visibilitychange', visibility);
	on('pagehide', visibility);
};
