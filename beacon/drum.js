/*
 * The script that pages load: measures one page view and sends it as native
 * beacons (PROTOCOL.md). Vitals come from the web-vitals package, the rest from
 * the browser's own timing interfaces.
 *
 *   <script async src="https://HOST/drum.js" data-site="shop"></script>
 *
 *   data-site      the site's key; the page's host name when absent
 *   data-endpoint  where beacons go; `beacon` beside the script when absent
 *   data-release, data-env   release and environment of the page
 *   data-rate      share of views to send, `1/10` or `0.1`; 1 when absent
 *   data-tag-NAME  a tag of every view
 *
 *   drum.event(name, {value, text, target, category})   a thing that happened
 *   drum.set(key, value)                                a tag of this page
 *   drum.error(error)                                   an error the page handled
 *
 * A view is sent when the page is hidden, and again, with the same id and the
 * next seq, whenever something has changed by the next time it is hidden.
 * Values are cumulative; errors and events are only those not sent before. A
 * page that returns from the back/forward cache starts a new view.
 *
 * This file must never throw into the page, nor use unload or beforeunload,
 * which would keep the page out of the back/forward cache.
 */
import { onFCP } from 'web-vitals/onFCP.js';
import { onCLS } from 'web-vitals/attribution/onCLS.js';
import { onINP } from 'web-vitals/attribution/onINP.js';
import { onLCP } from 'web-vitals/attribution/onLCP.js';

const ERRORS_MAX = 10; // distinct ones a view
const EVENTS_MAX = 20; // waiting; one more sends the beacon early
const TAGS_MAX = 32;
const SEQ_MAX = 255;
const BODY_MAX = 21000; // UTF-16 units: 63,000 bytes at most, where 64 KiB are taken

/** fn, with whatever it throws kept from the page. */
const safe =
	(fn) =>
	(...args) => {
		try {
			return fn(...args);
		} catch {}
	};

/** At most `size` UTF-16 units of x as text, well-formed; undefined if empty. */
const text = (x, size = 200) =>
	`${x ?? ''}`.slice(0, size).replace(/[\ud800-\udfff]/gu, '') || undefined;

/** x kept at 1/scale; undefined when it is negative or no number. */
const round = (x, scale = 10) => (x >= 0 ? Math.round(x * scale) / scale : undefined);

/** Milliseconds from `from` to `to`; undefined when `to` has not happened. */
const between = (from, to) => (to > 0 ? round(Math.max(to - from, 0)) : undefined);

/** 16 hex digits. */
const randomId = () =>
	[...crypto.getRandomValues(new Uint8Array(8))].map((byte) => (byte + 256).toString(16).slice(1)).join('');

const hidden = () => document.visibilityState === 'hidden';

safe(() => {
	if (window.drum) return;
	const script = document.currentScript || document.querySelector('script[data-site]');
	const { site, endpoint, release, env, rate } = script.dataset;
	const [over, under = 1] = (rate || '1').split('/');
	const keep = Math.min(Math.max(Math.round(under / over) || 1, 1), 1000); // one view in so many
	const to = new URL(endpoint || 'beacon', endpoint ? location.href : script.src).href;
	const nav = performance.getEntriesByType('navigation')[0] || {};
	const net = navigator.connection;
	const tags = {};
	/* One id for as long as the tab lives; absent where storage is blocked. */
	const session = safe(() => (sessionStorage['drum.session'] ||= randomId()))();

	/* The view. `start` is on performance.now()'s clock: 0, or the moment of a
	 * restore. `sent` holds the cumulative members as last sent. */
	let id, start, kept, seq, sent, url, visible, visibleSince, blocking, vitals, why, seen, errors, events;

	const begin = (at) => {
		id = randomId();
		start = at;
		kept = Math.random() * keep < 1;
		seq = visible = 0;
		url = location.href.split('#')[0];
		visibleSince = hidden() ? undefined : at;
		blocking = frames && 0;
		vitals = {};
		why = {};
		seen = new Map();
		errors = [];
		events = [];
	};

	const addFrame = (frame) => {
		if (frame.startTime >= start) blocking += frame.blockingDuration;
	};

	const visibility = () => {
		const now = performance.now();
		if (visibleSince >= 0) visible += now - visibleSince;
		visibleSince = hidden() ? undefined : now;
		if (hidden()) send();
	};

	/** What is measured once, when the page is loaded; not when it is restored. TLS is no part of TCP. */
	const loading = (from) => ({
		trace: /^00-(\w{32})-/.exec(nav.serverTiming?.find((e) => e.name === 'traceparent')?.description)?.[1],
		serverTiming: text(
			nav.serverTiming?.map((e) => `${e.name};desc=${e.description};dur=${e.duration}`).join(', '),
			500,
		),
		timing: {
			redirect: between(nav.redirectStart, nav.redirectEnd),
			dns: between(nav.domainLookupStart, nav.domainLookupEnd),
			tcp: between(nav.connectStart, nav.secureConnectionStart || nav.connectEnd),
			tls: nav.secureConnectionStart ? between(nav.secureConnectionStart, nav.connectEnd) : undefined,
			ttfb: between(from, nav.responseStart),
			download: between(nav.responseStart, nav.responseEnd),
			domInteractive: between(from, nav.domInteractive),
			domContentLoaded: between(from, nav.domContentLoadedEventEnd),
			load: between(from, nav.loadEventEnd),
			protocol: text(nav.nextHopProtocol),
			bytes: nav.transferSize,
		},
	});

	/** Everything but seq and the two lists. */
	const cumulative = () => {
		const from = start || nav.activationStart || 0;
		return {
			v: 1,
			site: site || location.hostname,
			view: id,
			session,
			t: Math.round(performance.timeOrigin + from),
			rate: 1 / keep,
			url: text(url, 2000),
			referrer: text(document.referrer, 2000),
			release,
			env,
			lang: navigator.language,
			nav: start
				? 'back_forward_cache'
				: nav.activationStart
					? 'prerender'
					: document.wasDiscarded
						? 'restore'
						: nav.type,
			net: net && { type: net.effectiveType, rtt: net.rtt, downlink: net.downlink, save: net.saveData },
			dev: {
				vw: Math.round(innerWidth),
				vh: Math.round(innerHeight),
				dpr: round(devicePixelRatio, 100),
				mem: navigator.deviceMemory,
				cpu: navigator.hardwareConcurrency,
			},
			...(!start && loading(from)),
			vitals,
			why,
			visible: round(visible),
			blocking: round(blocking),
			tags,
		};
	};

	const send = () => {
		if (document.prerendering || !kept || seq > SEQ_MAX) return;
		frames?.takeRecords().map(addFrame);
		const state = cumulative();
		const now = JSON.stringify(state);
		if (seq && now === sent && !errors.length && !events.length) return;
		let body;
		do {
			body = JSON.stringify({ ...state, seq, errors, events });
		} while (body.length > BODY_MAX && (errors.pop() || events.pop()));
		sent = now;
		seq++;
		errors = [];
		events = [];
		navigator.sendBeacon?.(to, body) ||
			fetch(to, { method: 'POST', body, keepalive: true, mode: 'no-cors' }).catch(() => {});
	};

	const addError = (kind, error, at = {}, handled = false) => {
		const entry = {
			kind,
			type: text(error?.name),
			message: text(error?.message ?? at.message ?? error, 500),
			source: text(at.filename, 500),
			line: at.lineno || undefined,
			column: at.colno || undefined,
			stack: text(error?.stack, 2000),
			handled,
		};
		const key = JSON.stringify(entry);
		const known = seen.get(key);
		if (errors.includes(known)) known.count++;
		else if (known || seen.size < ERRORS_MAX) {
			seen.set(key, entry);
			errors.push(entry);
			entry.t = Date.now();
			entry.count = 1;
		}
	};

	const addEvent = (name, { value, text: words, target, category } = {}) => {
		if (events.length >= EVENTS_MAX) send();
		if (events.length < EVENTS_MAX)
			events.push({
				category: /^(interaction|mark|measure|business|heartbeat)$/.test(category) ? category : 'custom',
				name: text(name) || 'unnamed',
				value: Number.isFinite(value) ? value : undefined,
				text: text(words, 500),
				target: text(target),
				t: Date.now(),
			});
	};

	const setTag = (key, value) => {
		if (key in tags || Object.keys(tags).length < TAGS_MAX) tags[text(key)] = text(value);
	};

	/* A metric belongs to the view from whose start it was measured. Members
	 * that a metric's attribution lacks are undefined, and so not sent. */
	const metric = safe(({ name, value, attribution: a, navigationStartTime }) => {
		if (navigationStartTime !== start) return;
		const by = a?.longestScript?.entry;
		name = name.toLowerCase();
		vitals[name] = round(value, 1e4);
		why[name] = a && {
			element: text(a.target || a.largestShiftTarget),
			url: text(a.url, 500),
			loadDelay: round(a.resourceLoadDelay),
			loadTime: round(a.resourceLoadDuration),
			renderDelay: round(a.elementRenderDelay),
			target: text(a.interactionTarget),
			type: a.interactionType,
			inputDelay: round(a.inputDelay),
			processing: round(a.processingDuration),
			presentation: round(a.presentationDelay),
			script: text(by?.sourceURL || by?.invoker, 500),
		};
	});

	const on = (type, fn, capture) => addEventListener(type, safe(fn), capture);

	const frames =
		window.PerformanceLongAnimationFrameTiming &&
		safe(() => new PerformanceObserver(safe((list) => list.getEntries().map(addFrame))))();
	begin(0);
	frames?.observe({ type: 'long-animation-frame', buffered: true });
	for (const { name, value } of script.attributes) {
		if (name.startsWith('data-tag-')) setTag(name.slice(9), value);
	}
	/* Before web-vitals, whose listeners report into the new view. */
	on('pageshow', (e) => e.persisted && begin(e.timeStamp), true);
	on('error', (e) => addError('error', e.error, e));
	on('unhandledrejection', (e) => addError('rejection', e.reason));
	/* All changes: of an interaction that still waits for an idle moment when the
	 * page is hidden, web-vitals would otherwise say nothing. */
	for (const measure of [onFCP, onLCP, onINP, onCLS]) safe(measure)(metric, { reportAllChanges: true });
	/* After web-vitals, which listens in the capture phase. */
	on('visibilitychange', visibility);
	on('pagehide', visibility);

	window.drum = {
		event: safe(addEvent),
		set: safe(setTag),
		error: safe((error) => addError('error', error, {}, true)),
	};
})();
