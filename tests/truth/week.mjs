/*
 * A scripted fortnight of one site: the week that is looked at, and a smaller one
 * before it to compare with. Every view is drawn from a seeded generator and kept;
 * beacons are made from it, so what a server should show is known beforehand.
 */
const DAY_MS = 86400000;
const LIVE_MS = 20 * 3600000; // how old a beacon's time may be, and some room
const LIVE_SHARE = 0.25; // of those that are young enough
const LATER = 400; // beacons between a view's first one and its update
const pad = (number) => number.toString(16).padStart(16, '0');
const tenths = (x) => Math.round(x * 10);

/* An address of each, whose owners are long settled; a private one has no country. */
export const PLACES = [
	{ country: 'US', weight: 26, slow: 1, ip: (n) => `73.15.${n % 200}.${n % 250}` },
	{ country: 'US', weight: 4, slow: 1, ip: (n) => `2601:40:${(n % 900).toString(16)}::5` },
	{ country: 'DE', weight: 19, slow: 0.9, ip: (n) => `91.64.${n % 200}.${n % 250}` },
	{ country: 'DE', weight: 3, slow: 0.9, ip: (n) => `2a02:8108:${(n % 900).toString(16)}::1` },
	{ country: 'IN', weight: 18, slow: 1.8, ip: (n) => `106.51.${n % 200}.${n % 250}` },
	{ country: 'BR', weight: 13, slow: 1.5, ip: (n) => `177.32.${n % 200}.${n % 250}` },
	{ country: 'JP', weight: 10, slow: 0.7, ip: (n) => `126.5.${n % 200}.${n % 250}` },
	{ country: '', weight: 7, slow: 1.1, ip: (n) => `10.1.${n % 200}.${n % 250}` },
];

export const AGENTS = [
	{ weight: 30, slow: 1.3, device: 'mobile', browser: 'Chrome', os: 'Android', ua: 'Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Mobile Safari/537.36' },
	{ weight: 22, slow: 1.1, device: 'mobile', browser: 'Safari', os: 'iOS', ua: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1' },
	{ weight: 26, slow: 0.8, device: 'desktop', browser: 'Chrome', os: 'Windows', ua: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36' },
	{ weight: 13, slow: 0.9, device: 'desktop', browser: 'Firefox', os: 'Linux', ua: 'Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0' },
	{ weight: 8, slow: 1, device: 'tablet', browser: 'Safari', os: 'iOS', ua: 'Mozilla/5.0 (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1' },
	{ weight: 1, slow: 1, device: 'other', browser: '', os: '', isBot: true, ua: 'Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)' },
];

/* `url` of the n-th view, and the path that it is stored under. */
const PAGES = [
	{ path: '/', weight: 25, slow: 1, url: () => '/?utm_source=news' },
	{ path: '/product/:id', weight: 30, slow: 1.1, url: (n) => `/product/${n % 5000}` },
	{ path: '/category/shoes', weight: 18, slow: 1.4, url: () => '/category/shoes#top' },
	{ path: '/cart', weight: 12, slow: 0.8, url: () => '/cart' },
	{ path: '/checkout', weight: 8, slow: 1, url: () => '/checkout' },
	{ path: '/help', weight: 7, slow: 0.6, url: () => '/help' },
];

/* Causes of errors: the numbers in messages are not part of the cause. */
export const CAUSES = [
	{ type: 'TypeError', message: () => "Cannot read properties of undefined (reading 'price')", share: 0.05, release: '2.1.0' },
	{ type: 'Error', message: (n) => `order ${n} was refused`, share: 0.035 },
	{ type: 'ReferenceError', message: () => 'coupon is not defined', share: 0.02 },
	{ type: 'NetworkError', message: () => 'the basket did not answer', share: 0.012, kind: 'rejection' },
].map((cause, i) => ({ ...cause, source: `https://shop.example/part${'abcd'[i]}.js`, frame: `at step${'ABCD'[i]} (https://shop.example/part${'abcd'[i]}.js:${i + 3}:14)` }));

/* What the dashboard is to find: mobiles are slower, and the first cause happens, since this release. */
export const SCRIPT = { release: '2.1.0', element: '#hero>img', error: `${CAUSES[0].type}: ${CAUSES[0].message()}` };

class Draws {
	constructor(random) {
		this.random = random;
	}

	integer = (count) => Math.floor(this.random() * count);

	of(weighted) {
		let draw = this.random() * weighted.reduce((sum, one) => sum + one.weight, 0);
		return weighted.find((one) => (draw -= one.weight) < 0) ?? weighted[0];
	}

	/** Log-normal with this median. */
	around(median, spread) {
		const normal = Math.sqrt(-2 * Math.log(1 - this.random())) * Math.cos(2 * Math.PI * this.random());
		return median * Math.exp(spread * normal);
	}
}

function errorsOf(draws, release) {
	const errors = [];
	for (const cause of CAUSES) {
		if ((cause.release && cause.release !== release) || draws.random() >= cause.share) continue;
		const rows = 1 + (draws.random() < 0.2 ? 1 : 0); // of one cause, in one view
		for (let i = 0; i < rows; i++)
			errors.push({ cause, message: cause.message(draws.integer(90000)), line: 10 + i, count: draws.random() < 0.3 ? 2 + draws.integer(3) : 1 });
	}
	return errors;
}

/** Milliseconds in tenths until the end, so that sums of parts are what is stored. */
function vitalsOf(draws, { place, agent, page, release }) {
	const slow = place.slow * agent.slow * page.slow * (release === '2.1.0' && agent.device === 'mobile' ? 1.25 : 1);
	const ttfb = tenths(draws.around(420 * slow, 0.55));
	const parts = [draws.around(180 * slow, 0.6), draws.around(700 * slow, 0.6), draws.around(220 * slow, 0.6)].map(tenths);
	const lcp = ttfb + parts[0] + parts[1] + parts[2];
	const inpParts = draws.random() < 0.7 ? [draws.around(15, 0.8), draws.around(75 * agent.slow, 0.7), draws.around(40, 0.6)].map(tenths) : null;
	return {
		ttfb: ttfb / 10, fcp: Math.round(ttfb + (lcp - ttfb) * (0.3 + 0.6 * draws.random())) / 10, lcp: lcp / 10, lcpParts: parts.map((x) => x / 10),
		inp: inpParts ? inpParts.reduce((sum, x) => sum + x) / 10 : null, inpParts: inpParts?.map((x) => x / 10),
		cls: draws.random() < 0.9 ? Math.round(draws.around(0.06, 1) * 10000) / 10000 : null,
	};
}

/* Visitors' views, each one's a minute apart; numbered from `first`. */
function* sessions(draws, first, count, from, to, { releaseOf, isLive }) {
	for (let made = 0; made < count; ) {
		const place = draws.of(PLACES), agent = draws.of(AGENTS), session = pad(1 + draws.integer(2 ** 48));
		const begun = from + draws.integer(to - from), ip = place.ip(draws.integer(1e6));
		for (let left = Math.min(1 + draws.integer(6), count - made), t = begun; left > 0; left--, made++, t = Math.min(t + 60000, to - 1)) {
			const page = draws.of(PAGES), release = releaseOf(t), number = first + made;
			const { ttfb, fcp, lcp, lcpParts, inp, inpParts, cls } = vitalsOf(draws, { place, agent, page, release });
			const errors = errorsOf(draws, release);
			yield {
				id: pad(number), key: String(number), session, t, ip, ua: agent.ua, url: `https://shop.example${page.url(number)}`,
				path: page.path, country: place.country, device: agent.device, browser: agent.browser, os: agent.os, isBot: agent.isBot ?? false, release,
				ttfb, fcp, lcp, lcpParts, inp, inpParts, cls, errors, errorCount: errors.reduce((sum, error) => sum + error.count, 0),
				isUpdated: draws.random() < 0.2, isLive: isLive(t) && draws.random() < LIVE_SHARE,
			};
		}
	}
}

/**
 * { from, to, views }: `count` views of the seven days until `now`, a third as
 * many of the seven before; `live` ones are young enough to come as beacons. The
 * week's end, on the hour, is after now: what comes meanwhile is in it.
 */
export function makeWeek(random, count, now) {
	const draws = new Draws(random);
	const to = (Math.floor(now / 3600000) + 2) * 3600000, from = to - 7 * DAY_MS;
	const changed = from + 3.5 * DAY_MS;
	const rules = { releaseOf: (t) => (t < from - 2 * DAY_MS ? '1.9.0' : t < changed ? '2.0.0' : '2.1.0'), isLive: (t) => t > now - LIVE_MS };
	const before = Math.round(count / 3);
	const views = [
		...sessions(draws, 1, before, from - 7 * DAY_MS + 1000, from, rules),
		...sessions(draws, 1 + before, count, from, now - 60000, rules),
	];
	return { from, to, views };
}

const asError = ({ cause, message, line, count }) => ({
	kind: cause.kind ?? 'error', type: cause.type, message, source: cause.source, line, column: 14, stack: cause.frame, handled: false, count,
});

/** A view's beacons in order: one, or half of it and then the whole. */
export function beaconsOf(view) {
	const [a, b, c] = view.lcpParts;
	const whole = {
		v: 1, site: 'shop', view: view.id, session: view.session, seq: 0, t: view.t, url: view.url, release: view.release, nav: 'navigate',
		timing: { ttfb: view.ttfb }, vitals: { fcp: view.fcp, lcp: view.lcp, inp: view.inp, cls: view.cls },
		why: {
			lcp: { element: '#hero>img', url: 'https://shop.example/hero.avif', loadDelay: a, loadTime: b, renderDelay: c },
			inp: view.inpParts && { target: '#buy', type: 'pointer', inputDelay: view.inpParts[0], processing: view.inpParts[1], presentation: view.inpParts[2] },
		},
		errors: view.errors.map(asError),
	};
	if (!view.isUpdated) return [whole];
	const half = Math.ceil(whole.errors.length / 2);
	const first = { ...whole, vitals: { fcp: view.fcp, lcp: view.fcp, cls: 0 }, why: {}, errors: whole.errors.slice(0, half) };
	return [first, { ...whole, seq: 1, errors: whole.errors.slice(half) }];
}

/** Lines of an import of what is not live: updates come some lines after what they update. */
export function importLines(views) {
	const lines = [], later = [];
	for (const view of views) {
		if (view.isLive) continue;
		const [first, update] = beaconsOf(view).map((beacon) => JSON.stringify({ ...beacon, ip: view.ip, ua: view.ua }));
		lines.push(first);
		if (update) later.push({ due: lines.length + LATER, update });
		while (later[0]?.due <= lines.length) lines.push(later.shift().update);
	}
	return [...lines, ...later.map(({ update }) => update)];
}
