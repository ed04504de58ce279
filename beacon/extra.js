/*
 * What only some pages want, loaded by drum.js when `data-extra` names it:
 *
 *   interactions   clicks on named elements, rage clicks, submitted forms
 *   heartbeat      the view again and again while it is visible
 *   marks          performance.mark, performance.measure, element timing
 *   resources      what failed to load
 *
 * (without a value: all of them), and for beacons that could not be sent: it
 * sends them again. Gets what it needs from start.js; must never throw.
 */
import { isHidden, safe } from './tools.js';

const RAGE_CLICKS = 3;
const RAGE_MS = 1000;
const RAGE_PX = 30;
const BEAT_MS = 15000; // grows by half each time
const BEAT_MAX_MS = 600000;
const MARKS_MAX = 50; // a document
const AGE_MAX_MS = 86400000; // what is older would count as of now

const CLICKABLE = 'a,button,input,select,summary,[role=button],[data-drum]';

let started = false;
let sending = false;

/**
 * The name that its author gave an element; never what a visitor typed.
 * @param {Element} element
 */
const nameOf = (element) =>
	element.getAttribute('data-drum') ||
	element.id ||
	element.getAttribute('name') ||
	element.getAttribute('aria-label');

/** @typedef {(type: string, fn: (event: any) => void, capture?: boolean) => void} On */
/** @typedef {(name: string, more: object) => void} AddEvent */
/** @typedef {(type: string, each: (entry: any) => void) => void} Observe */

/** @param {On} on @param {AddEvent} add */
const interactions = (on, add) => {
	/** @type {any[]} */
	let burst = [];
	on(
		'click',
		(e) => {
			const element = e.target.closest?.(CLICKABLE);
			const target = element && nameOf(element);
			const category = 'interaction';
			if (target) add('click', { category, target });
			burst = burst.filter((b) => e.timeStamp - b.timeStamp < RAGE_MS);
			burst.push(e);
			const near = (/** @type {any} */ b) => Math.hypot(b.clientX - e.clientX, b.clientY - e.clientY) < RAGE_PX;
			if (burst.length === RAGE_CLICKS && burst.every(near))
				add('rage_click', { category, target: target || e.target.localName, value: burst.length });
		},
		true,
	);
	on('submit', (e) => add('submit', { category: 'interaction', target: nameOf(e.target) || 'form' }), true);
};

/** @param {() => void} beat @param {AddEvent} add */
const heartbeat = (beat, add) => {
	let wait = BEAT_MS;
	let count = 0;
	const next = () =>
		setTimeout(
			safe(() => {
				next();
				if (isHidden()) return;
				wait = Math.min(wait * 1.5, BEAT_MAX_MS);
				add('heartbeat', { category: 'heartbeat', value: ++count });
				beat();
			}),
			wait,
		);
	next();
};

/** @param {Observe} observe @param {AddEvent} add */
const marks = (observe, add) => {
	let left = MARKS_MAX;
	/** @param {string} category @param {string} name @param {number} value */
	const take = (category, name, value) => {
		if (left-- > 0) add(name, { category, value: Math.round(value * 10) / 10 });
	};
	observe('mark', (e) => take('mark', e.name, e.startTime));
	observe('measure', (e) => take('measure', e.name, e.duration));
	observe('element', (e) => take('mark', e.identifier || e.id, e.renderTime || e.startTime));
};

/** @param {On} on @param {Observe} observe @param {(kind: string, error: object, at: object) => void} add */
const resources = (on, observe, add) => {
	const seen = new Set();
	/** @param {string} url @param {string} message */
	const failed = (url, message) => {
		if (url && !seen.has(url) && seen.add(url).size < 50) add('resource', { message }, { filename: url });
	};
	on('error', ({ target: t }) => t !== window && failed(t.src || t.href, `${t.localName} failed to load`), true);
	observe('resource', (e) => e.responseStatus >= 400 && failed(e.name, `${e.initiatorType} answered ${e.responseStatus}`));
};

/**
 * Each as it was, and marked, so that the server looks whether it has the view.
 * Goes from the store when it was answered, not before.
 * @param {string} to @param {string} key
 */
const resend = async (to, key) => {
	if (sending) return;
	sending = true;
	try {
		for (const line of (localStorage[key] || '').split('\n')) {
			if (line) {
				const kept = await again(to, line);
				if (kept) break;
				localStorage[key] = localStorage[key].replace(`${line}\n`, '').replace(line, '');
			}
		}
		if (!localStorage[key]) delete localStorage[key];
	} finally {
		sending = false;
	}
};

/**
 * Whether it must be kept for another time.
 * @param {string} to @param {string} line
 */
const again = async (to, line) => {
	try {
		const beacon = JSON.parse(line); // the oldest may have been cut
		if (Date.now() - beacon.t > AGE_MAX_MS) return false;
		beacon.again = true;
		const { status } = await fetch(to, { method: 'POST', body: JSON.stringify(beacon), credentials: 'omit' });
		return status === 429 || status >= 500;
	} catch (error) {
		return !(error instanceof SyntaxError);
	}
};

/**
 * @param {string | undefined} wanted
 * @param {string} to
 * @param {string} key  of localStorage
 * @param {() => void} beat
 * @param {any} addError
 * @param {AddEvent} addEvent
 * @param {any} observe
 * @param {On} on
 */
export const extra = (wanted, to, key, beat, addError, addEvent, observe, on) => {
	resend(to, key).catch(() => {});
	if (started || wanted === undefined) return;
	started = true;
	/** @param {string} part */
	const has = (part) => !wanted || wanted.includes(part);
	if (has('interactions')) interactions(on, addEvent);
	if (has('heartbeat')) heartbeat(beat, addEvent);
	if (has('marks')) marks(observe, addEvent);
	if (has('resources')) resources(on, observe, addError);
};
