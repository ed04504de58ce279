/*
 * For the page's head, in a script tag of its own before anything else: keeps
 * errors and calls of drum() until drum.js is there. At most 300 bytes when
 * minified; build.mjs says so, and writes it to stub.min.js.
 */
((page, queue) => {
	const drum = function () {
		queue.push(arguments);
	};
	drum.q = queue;
	drum.e = (event) => queue.length < 50 && queue.push(event);
	addEventListener('error', drum.e);
	addEventListener('unhandledrejection', drum.e);
	page.drum = drum;
})(window, []);
