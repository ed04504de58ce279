/*
 * Errors and events of the view: bounded lists that the next beacon takes along.
 */
import { send, touch } from './send.js';
import { on, text } from './tools.js';
import { view } from './view.js';

const ERRORS_MAX = 20; // distinct ones a view
const EVENTS_MAX = 20; // waiting; one more sends the beacon early
const CAUSES_MAX = 3;

/**
 * @param {string} kind
 * @param {any} error
 * @param {any} at  the ErrorEvent
 * @param {boolean} [handled]
 */
export const addError = (kind, error, at = {}, handled = false) => {
	let stack = error?.stack || '';
	for (let cause = error?.cause, i = 0; cause && i < CAUSES_MAX; cause = cause.cause, i++)
		stack += `\nCaused by: ${cause.stack || cause}`;
	const entry = {
		kind,
		type: at.message === 'Script error.' && !at.lineno ? 'cross-origin' : text(error?.name),
		message: text(error?.message ?? at.message ?? error, 500),
		source: text(at.filename, 500),
		line: at.lineno || undefined,
		column: at.colno || undefined,
		stack: text(stack, 3000),
		handled,
	};
	const key = JSON.stringify(entry);
	const known = /** @type {any} */ (view._seen.get(key));
	if (view._errors.includes(known)) known.count++;
	else if (known || view._seen.size < ERRORS_MAX) {
		view._seen.set(key, entry);
		view._errors.push(Object.assign(entry, { t: Date.now(), count: 1 }));
		touch();
	}
};

/**
 * @param {unknown} name
 * @param {any} [more]  value, text, target, category
 */
export const addEvent = (name, more) => {
	const { value, text: words, target, category } = more || {};
	if (view._events.length >= EVENTS_MAX) send(view);
	if (view._events.length < EVENTS_MAX)
		view._events.push({
			category: /^(interaction|mark|measure|business|heartbeat)$/.test(category) ? category : 'custom',
			name: text(name) || 'unnamed',
			value: Number.isFinite(value) ? value : undefined,
			text: text(words, 500),
			target: text(target),
			t: Date.now(),
		});
	touch();
};

/** An error event, or a rejection's. @param {any} event */
export const onError = (event) =>
	event.type === 'error' ? addError('error', event.error, event) : addError('rejection', event.reason);

export const listen = () => {
	on('error', onError);
	on('unhandledrejection', onError);
};
