/*
 * What is measured and how it is judged: thresholds (good and poor, both
 * inclusive on the good side), dimensions, percentiles. Pure data.
 */

/* `step` is the width of a bar in the histogram, `bars` their number; the last
 * one holds what is beyond. `blame` are columns that tell the cause. */
export const VITALS = {
	lcp: { label: 'LCP', name: 'Largest Contentful Paint', unit: 'ms', good: 2500, poor: 4000, step: 250, bars: 32, core: true },
	inp: { label: 'INP', name: 'Interaction to Next Paint', unit: 'ms', good: 200, poor: 500, step: 25, bars: 32, core: true },
	cls: { label: 'CLS', name: 'Cumulative Layout Shift', unit: '', good: 0.1, poor: 0.25, step: 0.0125, bars: 32, core: true },
	fcp: { label: 'FCP', name: 'First Contentful Paint', unit: 'ms', good: 1800, poor: 3000, step: 200, bars: 25, core: false },
	ttfb: { label: 'TTFB', name: 'Time to First Byte', unit: 'ms', good: 800, poor: 1800, step: 100, bars: 30, core: false },
};

export const VITAL_KEYS = Object.keys(VITALS);

export const PERCENTILES = [50, 75, 90, 95, 99];

/** 'good', 'needs' or 'poor'; '' for null. */
export function rate(key, value) {
	if (value == null) return '';
	const { good, poor } = VITALS[key];
	return value <= good ? 'good' : value <= poor ? 'needs' : 'poor';
}

export const RATINGS = {
	good: { glyph: '●', word: 'good' },
	needs: { glyph: '▲', word: 'needs improvement' },
	poor: { glyph: '■', word: 'poor' },
};

/* `only`: columns of that table alone; the others are in every table. */
export const DIMENSIONS = {
	path: { label: 'Page' },
	country: { label: 'Country' },
	region: { label: 'Region' },
	city: { label: 'City' },
	device: { label: 'Device' },
	browser: { label: 'Browser' },
	browser_version: { label: 'Browser version' },
	os: { label: 'System' },
	connection: { label: 'Connection' },
	nav_type: { label: 'Navigation', only: 'pageviews' },
	release: { label: 'Release' },
	host: { label: 'Host' },
	language: { label: 'Language' },
	environment: { label: 'Environment' },
	isp: { label: 'Provider' },
	continent: { label: 'Continent' },
	protocol: { label: 'Protocol', only: 'pageviews' },
	referrer_host: { label: 'Referrer', only: 'pageviews' },
	lcp_element: { label: 'LCP element', only: 'pageviews' },
	lcp_url: { label: 'LCP resource', only: 'pageviews' },
	inp_target: { label: 'INP target', only: 'pageviews' },
	inp_script: { label: 'INP script', only: 'pageviews' },
	cls_element: { label: 'CLS element', only: 'pageviews' },
};

/** A dimension's name for people; `tag.plan` is the tag `plan`. */
export function dimensionLabel(key) {
	return key.startsWith('tag.') ? `Tag ${key.slice(4)}` : (DIMENSIONS[key]?.label ?? key);
}

let regions;

/** A value for people: countries by name, nothing as what it is. */
export function valueLabel(key, value) {
	if (value === '' || value == null) return '(none)';
	if (key !== 'country') return String(value);
	try {
		regions ??= new Intl.DisplayNames(['en'], { type: 'region' });
		return regions.of(value) ?? value;
	} catch {
		return value; // no region code
	}
}
