/*
 * The script that pages load: measures the views of a page and sends them as
 * native beacons (PROTOCOL.md). Vitals come from the web-vitals package, the
 * rest from the browser's own timing interfaces.
 *
 *   <script async src="https://HOST/drum.js" data-site="shop"></script>
 *
 * README.md has the attributes, what drum(...) takes, and what is sent when.
 * This file and what it imports must never throw into the page, leave nothing
 * on window but `drum`, nor use unload or beforeunload, which would keep the
 * page out of the back/forward cache.
 */
import { onError } from './errors.js';
import { start } from './start.js';
import { safe } from './tools.js';

safe(() => {
	const page = /** @type {any} */ (window);
	const early = page.drum; // stub.js's, or ours when the tag is there twice
	if (early && !early.q) return;
	const script = /** @type {HTMLScriptElement} */ (
		document.currentScript || document.querySelector('script[data-site]')
	);
	/** @type {Record<string, string>} */
	const tags = {};
	for (const { name, value } of script.attributes) if (name.startsWith('data-tag-')) tags[name.slice(9)] = value;
	const drum = /** @type {any} */ (start({ ...script.dataset, tags }, script.src));
	page.drum = drum;
	if (early) {
		removeEventListener('error', early.e);
		removeEventListener('unhandledrejection', early.e);
		for (const item of early.q) item.type ? safe(onError)(item) : drum(...item);
	}
})();
