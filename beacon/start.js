/*
 * Puts the parts together: the function that pages call, and the order in which
 * things begin.
 */
import { addError, addEvent, listen } from './errors.js';
import { allowed, beat, consent, deliver, KEPT, leave } from './send.js';
import { observe, on, safe } from './tools.js';
import { begin, load, setTag, view } from './view.js';
import { measure } from './vitals.js';

/**
 * The router's word: the first for a view whose address has not changed names
 * it, any other begins a view.
 * @param {string} path
 */
const setView = (path) => {
	const url = new URL(path, location.href).href.split('#')[0];
	if (!view._named && view._href === location.href) {
		view._url = url;
		view._named = 1;
	} else if (url !== view._url) {
		leave();
		begin(performance.now(), 'soft_navigation', url, 1);
	}
};

/**
 * Begins to measure; once a document. Returns the function that pages call.
 * @param {import('./view.js').Options} options
 * @param {string} base  URL beside which drum.extra.js is, and the endpoint when none is given
 */
export const start = (options, base) => {
	const { globalPrivacyControl, doNotTrack } = /** @type {any} */ (navigator);
	const near = (/** @type {string} */ name) => new URL(name, base).href;
	const to = options.endpoint ? new URL(options.endpoint, location.href).href : near('beacon');
	/* What is wanted only sometimes; when it cannot be had, the rest goes on. */
	const more = safe(() => {
		if (allowed && (options.extra !== undefined || localStorage[KEPT]))
			import(near('drum.extra.js')).then(
				safe((m) => m.extra(options.extra, to, KEPT, beat, addError, addEvent, observe, on)),
				() => {},
			);
	});
	/** @type {Record<string, (...args: any[]) => unknown>} */
	const commands = {
		event: addEvent,
		tag: setTag,
		view: setView,
		error: (error) => addError('error', error, {}, true),
		consent: (yes) => {
			consent(yes);
			more();
		},
	};
	load(options);
	listen();
	measure();
	deliver(to, !globalPrivacyControl && doNotTrack !== '1' && options.consent !== 'ask');
	/* Not at once: the first look into localStorage may take milliseconds. */
	const soon = () => setTimeout(more, 100);
	on('load', soon);
	on('online', soon);
	if (document.readyState === 'complete') soon();
	return safe((/** @type {string} */ command, /** @type {unknown[]} */ ...args) => commands[command]?.(...args));
};
