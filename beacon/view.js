/*
 * The views of this document: the one it was loaded for, and those that began
 * since by a soft navigation, a router or a restore. Holds what is measured;
 * knows nothing of sending.
 */
import { isHidden, randomId, round, text } from './tools.js';

/**
 * One view. Times are on performance.now()'s clock.
 * @typedef {object} View
 * @property {string} _id
 * @property {number} _start  0 for the document's own view
 * @property {string} _nav
 * @property {string} _url
 * @property {string} _from  where the visitor came from
 * @property {number} _kept  whether it is in the sample
 * @property {string} _href  the document's address when it began
 * @property {number} _router  whether a router began it, until the browser reports the same navigation
 * @property {number} _named  whether a router gave its address
 * @property {number} _seq  of the next beacon
 * @property {string} [_sent]  the cumulative members as last sent
 * @property {number} _visible
 * @property {number} _blocking  NaN where the browser cannot tell
 * @property {Record<string, number | undefined>} _vitals
 * @property {Record<string, object | undefined>} _why
 * @property {Map<string, object>} _seen  errors by their text
 * @property {object[]} _errors  not sent yet
 * @property {object[]} _events  not sent yet
 */

/**
 * Of the script's tag; see drum.js.
 * @typedef {object} Options
 * @property {string} [site]
 * @property {string} [endpoint]
 * @property {string} [release]
 * @property {string} [env]
 * @property {string} [rate]
 * @property {string} [consent]
 * @property {string} [extra]
 * @property {Record<string, unknown>} [tags]
 */

const TAGS_MAX = 32;
const VIEWS_MAX = 4; // the document's own, the current one, and two that were just left

/** Views that may still change, oldest first. @type {View[]} */
export let views = [];
/** @type {View} */
export let view;
/** Since when the page has been visible. @type {number | undefined} */
let visibleSince;
/** @type {Options} */
let options;
let keep = 1; // one view in so many
/** @type {Record<string, string | undefined>} */
const tags = {};
/** @type {any} */
let navigation = {};

/** Adds the time since then to the view that was on the screen. */
export const settle = (now = performance.now()) => {
	if (visibleSince !== undefined) view._visible += Math.max(now - visibleSince, 0);
	visibleSince = isHidden() ? undefined : now;
};

/**
 * Begins a view at `start`.
 * @param {number} start
 * @param {string} nav
 * @param {string} [url]
 * @param {number} [router]
 */
export const begin = (start, nav, url = location.href, router = 0) => {
	const from = view?._url;
	settle(start);
	view = {
		_id: randomId(),
		_start: start,
		_nav: nav,
		_url: url.split('#')[0],
		_from: nav === 'soft_navigation' ? from : document.referrer,
		_kept: +(Math.random() * keep < 1),
		_href: location.href,
		_router: router,
		_named: router,
		_seq: 0,
		_visible: 0,
		_blocking: 'PerformanceLongAnimationFrameTiming' in window ? 0 : NaN,
		_vitals: {},
		_why: {},
		_seen: new Map(),
		_errors: [],
		_events: [],
	};
	if (views.push(view) > VIEWS_MAX) views.splice(1, 1);
};

/** A restored page has left its views behind. @param {number} start */
export const restore = (start) => {
	views = [];
	visibleSince = undefined;
	begin(start, 'back_forward_cache');
};

/** The document's own view. @param {Options} given */
export const load = (given) => {
	options = given;
	const [over, under = 1] = (options.rate || '1').split('/');
	keep = Math.min(Math.max(Math.round(+under / +over) || 1, 1), 1000);
	navigation = performance.getEntriesByType('navigation')[0] || {};
	for (const key in options.tags) setTag(key, options.tags[key]);
	begin(
		0,
		navigation.activationStart || /** @type {any} */ (document).prerendering
			? 'prerender'
			: /** @type {any} */ (document).wasDiscarded
				? 'restore'
				: navigation.type,
	);
};

/** The server refuses a name that is empty or longer than 64 bytes. @param {unknown} key @param {unknown} value */
export const setTag = (key, value) => {
	const name = String(key).slice(0, 64).replace(/[^!-~]/g, '_') || '_';
	if (name in tags || Object.keys(tags).length < TAGS_MAX) tags[name] = text(value);
};

/** @param {number} from @param {number} to */
const between = (from, to) => (to > 0 ? round(Math.max(to - from, 0)) : undefined);

/** What is measured once, when the document is loaded. TLS is no part of TCP. @param {number} from */
const loading = (from) => ({
	trace: /^00-(\w{32})-/.exec(
		navigation.serverTiming?.find((/** @type {any} */ e) => e.name === 'traceparent')?.description,
	)?.[1],
	serverTiming: text(
		navigation.serverTiming
			?.map((/** @type {any} */ e) => `${e.name};desc=${e.description};dur=${e.duration}`)
			.join(', '),
		500,
	),
	timing: {
		redirect: between(navigation.redirectStart, navigation.redirectEnd),
		dns: between(navigation.domainLookupStart, navigation.domainLookupEnd),
		tcp: between(navigation.connectStart, navigation.secureConnectionStart || navigation.connectEnd),
		tls: navigation.secureConnectionStart
			? between(navigation.secureConnectionStart, navigation.connectEnd)
			: undefined,
		ttfb: between(from, navigation.responseStart),
		download: between(navigation.responseStart, navigation.responseEnd),
		domInteractive: between(from, navigation.domInteractive),
		domContentLoaded: between(from, navigation.domContentLoadedEventEnd),
		load: between(from, navigation.loadEventEnd),
		protocol: text(navigation.nextHopProtocol),
		bytes: navigation.transferSize,
	},
});

/**
 * The beacon but for session, seq and the two lists.
 * @param {View} view
 */
export const cumulative = (view) => {
	const from = view._start || navigation.activationStart || 0;
	const net = /** @type {any} */ (navigator).connection;
	return {
		v: 1,
		site: options.site || location.hostname,
		view: view._id,
		t: Math.round(performance.timeOrigin + from),
		rate: 1 / keep,
		url: text(view._url, 2000),
		referrer: text(view._from, 2000),
		release: options.release,
		env: options.env,
		lang: navigator.language,
		bot: navigator.webdriver || undefined,
		nav: view._nav,
		net: net && { type: net.effectiveType, rtt: net.rtt, downlink: net.downlink, save: net.saveData },
		dev: {
			vw: Math.round(innerWidth),
			vh: Math.round(innerHeight),
			dpr: round(devicePixelRatio, 100),
			mem: /** @type {any} */ (navigator).deviceMemory,
			cpu: navigator.hardwareConcurrency,
		},
		...(!view._start && loading(from)),
		vitals: view._vitals,
		why: view._why,
		visible: round(view._visible),
		blocking: round(view._blocking),
		tags,
	};
};
