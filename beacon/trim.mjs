/*
 * What the beacon leaves out of web-vitals: load states, ids, ratings, deltas,
 * sums over scripts, reports that are not asked for, options that are not given.
 * None of it is in a beacon, and together it is 700 bytes of brotli.
 *
 * An esbuild plugin: edits of the package's modules as text, each of which must
 * match exactly once, so that another version of the package fails the build
 * instead of changing what is measured.
 */
import { readFileSync } from 'node:fs';

const WHOLE = null;

/* By module: [what, by what]. */
const EDITS = {
	'lib/getLoadState.js': [[WHOLE, 'export const getLoadState = () => {};']],
	'lib/generateUniqueID.js': [[WHOLE, 'export const generateUniqueID = Math.random;']],
	'lib/bindReporter.js': [
		[
			WHOLE,
			`export const bindReporter = (callback, metric) => {
				let last;
				return () => {
					if (metric.value >= 0 && metric.value !== last) {
						last = metric.value;
						callback(metric);
					}
				};
			};`,
		],
	],
	/* One of each class is enough: each metric is asked for once. */
	'lib/initUnique.js': [[WHOLE, 'export const initUnique = (_, Class) => (Class._one ??= new Class());']],
	'lib/initMetric.js': [
		[/let _navigationType = 'navigate';[^]*?(?=\/\/ Use `entries`)/, ''],
		["rating: 'good', // If needed, will be updated when reported. `const` to keep the type from widening to `string`.", ''],
		['delta: 0,', ''],
		['navigationType: _navigationType,', 'navigationType,'],
		["navigationURL: navigationURL || hardNavEntry?.name,", ''],
	],
	'lib/softNavs.js': [[/ &&\s*opts &&\s*opts.reportSoftNavs/, '']],
	'lib/LCPEntryManager.js': [['_softNavigationEntryMap;', '']],
	'lib/FCPEntryManager.js': [['_softNavigationEntryMap;', '']],
	'onFCP.js': [
		[/'back-forward-cache', metric.navigationId, [^)]*\(/, '0, 0, 0, 0, getBFCacheRestoreTime('],
		["'soft-navigation', entry.navigationId, entry.interactionId, entry.name, entry.startTime", '0, 0, 0, 0, entry.startTime'],
		[/if \(fcpEntryManager._softNavigationEntryMap && [^}]*\}/, ''],
		['const fcpEntryManager = initUnique(opts, FCPEntryManager);', ''],
		['metric.entries.push(entry);', ''],
		['metric.navigationId = entry.navigationId || metric.navigationId;', ''],
	],
	'onCLS.js': [
		['(navigationType, navigationId, navigationInteractionId, navigationURL, navigationStartTime) =>', '(navigationStartTime) =>'],
		['navigationType, navigationId, navigationInteractionId, navigationURL, navigationStartTime);', '0, 0, 0, 0, navigationStartTime);'],
		["'soft-navigation', entry.navigationId, entry.interactionId, entry.name, entry.startTime", 'entry.startTime'],
		[/'back-forward-cache', metric.navigationId, [^)]*\(/, 'getBFCacheRestoreTime('],
	],
	'onINP.js': [
		["'soft-navigation', entry.navigationId, entry.interactionId, entry.name, entry.startTime", "'soft-navigation', 0, 0, 0, entry.startTime"],
		[/metric.navigationId, [^)]*\(/, '0, 0, 0, getBFCacheRestoreTime('],
	],
	'onLCP.js': [
		['if (!opts.reportAllChanges && !softNavsEnabled) {', 'if (false) {'],
		[/if \(lcpEntryManager._softNavigationEntryMap && [^}]*\}/, ''],
		['entry.interactionId, entry.name, entry.startTime', 'entry.interactionId, 0, entry.startTime'],
		['metric.navigationInteractionId, metric.navigationURL, getBF', 'metric.navigationInteractionId, 0, getBF'],
	],
	'attribution/onCLS.js': [
		['opts = Object.assign({}, opts);', ''],
		['opts.generateTarget?.(node) ?? ', ''],
		['largestShiftTime: largestEntry.startTime,', ''],
		['largestShiftValue: largestEntry.value,', ''],
		['largestShiftSource: largestSource,', ''],
		['largestShiftEntry: largestEntry,', ''],
		['loadState: getLoadState(largestEntry.startTime),', ''],
	],
	'attribution/onLCP.js': [
		['opts = Object.assign({}, opts);', ''],
		[/if \(checkSoftNavsEnabled\(opts\)\) \{[^}]*\}/, ''],
		[/navigationEntry =\s*lcpEntryManager._softNavigationEntryMap[^;]*;/, 'navigationEntry = 1;'],
		['opts.generateTarget?.(node) ?? ', ''],
		[/if \(opts.resourceBufferSize != undefined\) \{[^}]*\}/, ''],
		['let resourceBufferSizeLimit =', 'const resourceBufferSizeLimit ='],
		[/timeToFirstByte: 0,\s*resourceLoadDelay/, 'resourceLoadDelay'],
		['attribution.lcpEntry = lcpEntry;', ''],
		['attribution.lcpResourceEntry = lcpResourceEntry;', ''],
		['timeToFirstByte: ttfb,', ''],
		[/elementRenderDelay: metric.value - lcpResponseEnd,\s*navigationEntry,/, 'elementRenderDelay: metric.value - lcpResponseEnd,'],
	],
	'attribution/onINP.js': [
		['opts = Object.assign({}, opts);', ''],
		['opts.generateTarget?.(node) ?? ', ''],
		[/if \(opts.includeProcessedEventEntries\) \{[^}]*\}/, ''],
		['entries: opts.includeProcessedEventEntries ? [entry] : [],', ''],
		[/let total(Script|StyleAndLayout|Paint)Duration = 0;\s*let total\w+ = 0;\s*let total\w+ = 0;/, ''],
		['let longestScriptSubpart;', ''],
		[/totalStyleAndLayoutDuration =\s*totalStyleAndLayoutDuration \+[^;]*;/, ''],
		[/const intersectingForceStyleAndLayoutDuration[^]*?(?=if \(intersectingScriptDuration > )/, ''],
		[/longestScriptSubpart =[^]*?;/, ''],
		[/const lastLoAF = [^]*?(?=if \(longestScriptEntry &&)/, ''],
		['if (longestScriptEntry && longestScriptSubpart) {', 'if (longestScriptEntry) {'],
		[/subpart: longestScriptSubpart,\s*intersectingDuration: longestScriptDuration,/, ''],
		[/attribution.totalScriptDuration = [^]*?totalPaintDuration;(?=\s*\};)/, ''],
		[/const inputDelay = attribution.inputDelay;\s*const processingDuration = attribution.processingDuration;/, ''],
		[/processedEventEntries: \[\],\s*longAnimationFrameEntries: \[\],/, ''],
		['loadState: getLoadState(navStartTime),', ''],
		['loadState: getLoadState(firstEntry.startTime),', ''],
		[/const processedEventEntries = [^]*?\}\);/, ''],
		['processedEventEntries: processedEventEntries,', ''],
		[/longestScript: undefined,[^}]*/, ''],
	],
};

/** The module's text after its edits; throws when one does not apply once. */
function edit(name, text) {
	for (const [from, to] of EDITS[name]) {
		if (from === WHOLE) return to;
		const parts = text.split(from instanceof RegExp ? new RegExp(from, 'g') : from);
		const found = from instanceof RegExp ? [...text.matchAll(new RegExp(from, 'g'))].length : parts.length - 1;
		if (found !== 1) throw new Error(`beacon/trim.mjs: ${from} is ${found} times in web-vitals' ${name}`);
		text = text.replace(from, () => to);
	}
	return text;
}

export const trim = {
	name: 'trim',
	setup(build) {
		build.onLoad({ filter: /web-vitals[/\\]dist[/\\]modules[/\\].*\.js$/ }, ({ path }) => {
			const name = path.replaceAll('\\', '/').split('dist/modules/')[1];
			return name in EDITS ? { contents: edit(name, readFileSync(path, 'utf8')), loader: 'js' } : undefined;
		});
	},
};
