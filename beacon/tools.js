/*
 * What every part of the script uses. Nothing here may throw.
 */

/**
 * fn, with whatever it throws kept from the page.
 * @template {unknown[]} A
 * @template R
 * @param {(...args: A) => R} fn
 * @returns {(...args: A) => R | undefined}
 */
export const safe =
	(fn) =>
	(...args) => {
		try {
			return fn(...args);
		} catch {}
	};

/**
 * At most `size` UTF-16 units of x as text, well-formed; undefined if empty.
 * @param {unknown} x
 */
export const text = (x, size = 200) =>
	String(x ?? '').slice(0, size).replace(/[\ud800-\udfff]/gu, '') || undefined;

/**
 * x kept at 1/scale; undefined when it is negative or no number.
 * @param {any} x
 */
export const round = (x, scale = 10) => (x >= 0 ? Math.round(x * scale) / scale : undefined);

/** 16 hex digits. */
export const randomId = () =>
	[...crypto.getRandomValues(new Uint8Array(8))].map((byte) => (byte + 256).toString(16).slice(1)).join('');

export const isHidden = () => document.visibilityState === 'hidden';

/**
 * @param {string} type
 * @param {(event: any) => void} fn
 * @param {boolean} [capture]
 */
export const on = (type, fn, capture) => addEventListener(type, safe(fn), capture);

/**
 * Observes entries of one type, those from before as well; undefined where the
 * browser has no such thing.
 * @type {(type: string, each: (entry: any) => void, options?: object) => PerformanceObserver | undefined}
 */
export const observe = safe((type, each, options) => {
	if (PerformanceObserver.supportedEntryTypes.includes(type)) {
		const observer = new PerformanceObserver(safe((list) => list.getEntries().forEach(each)));
		observer.observe({ type, buffered: true, ...options });
		return observer;
	}
});
