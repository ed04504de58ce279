/*
 * Web vitals with what to blame for them, and the views that the browser
 * reports: restores and soft navigations.
 */
import { onFCP } from 'web-vitals/onFCP.js';
import { onCLS } from 'web-vitals/attribution/onCLS.js';
import { onINP } from 'web-vitals/attribution/onINP.js';
import { onLCP } from 'web-vitals/attribution/onLCP.js';
import { watchFrames } from './frames.js';
import { leave, touch } from './send.js';
import { observe, on, round, safe, text } from './tools.js';
import { begin, restore, views } from './view.js';

/**
 * The router may have told of it before: then its view gets the start from
 * which the browser measures.
 * @param {any} entry
 */
const softNavigation = (entry) => {
	const told = views.find((v) => v._router && v._start >= entry.startTime && !v._seq);
	if (told) {
		told._start = entry.startTime;
		told._router = 0;
	} else {
		leave();
		begin(entry.startTime, 'soft_navigation', entry.name);
	}
};

/**
 * A metric belongs to the view from whose start it was measured; that of a soft
 * navigation may come a moment before the navigation itself. Members that a
 * metric's attribution lacks are undefined, and so not sent.
 * @param {any} metric
 * @param {unknown} [again]
 */
const report = (metric, again) => {
	const owner = views.find((v) => v._start === metric.navigationStartTime);
	const a = metric.attribution;
	const name = metric.name.toLowerCase();
	if (!owner) {
		if (!again) setTimeout(safe(report), 0, metric, 1);
		return;
	}
	const by = a?.longestScript?.entry;
	owner._vitals[name] = round(metric.value, 1e4);
	owner._why[name] = a && {
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
	touch();
};

export const measure = () => {
	/* Before web-vitals, whose listeners report into the new view. */
	on('pageshow', (e) => e.persisted && restore(e.timeStamp), true);
	observe('soft-navigation', softNavigation);
	watchFrames();
	/* All changes: of an interaction that still waits for an idle moment when the
	 * page is hidden, web-vitals would otherwise say nothing. */
	for (const metric of /** @type {((fn: any, options: object) => void)[]} */ ([onFCP, onLCP, onINP, onCLS]))
		safe(metric)(safe(report), { reportAllChanges: true, reportSoftNavs: true });
};
