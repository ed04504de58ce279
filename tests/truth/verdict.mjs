/*
 * What is shown against the truth. At 1 it is the truth, to the last digit
 * shown (quantiles within what the query language promises). Of a sample 19 of 20
 * figures are within their stated margin, and none beyond four standard errors,
 * which are taken from the truth, not from what the server says.
 */
export const BEYOND = 4; // standard errors
const COVERAGE = 0.95;
const UNLIKELY = 1e-3; // that so many are outside by chance
/* Figures of the same views are off together: over ten samples the share of those outside varied two and a half times
 * as much as if each were drawn for itself, which is as if there were this many times fewer. */
const ALIKE = 5;
const UNITS = { '%': 0.01, ms: 1, s: 1000, K: 1e3, M: 1e6, points: 0.01, '': 1 };

/** "2.35 s" is 2350 ms, and known to within 5: { value, half }; null when there is no number. */
export function parse(shown) {
	const [, before, whole, fraction = '', unit = ''] = /^(≥ |< |[+−])?([\d,]+)(\.\d+)? ?(%|ms|s|K|M|points)?$/.exec(shown ?? '') ?? [];
	if (!whole) return null;
	const size = Number(whole.replaceAll(',', '') + fraction) * UNITS[unit];
	if (before === '< ') return { value: size / 2, half: size / 2 };
	/* 84.1K has three digits, and so have 103K and 80K. */
	const digits = /[KM]/.test(unit) ? 3 - whole.length : Math.max(fraction.length - 1, 0);
	const isCount = unit === '' && fraction === '';
	return { value: before === '−' ? -size : size, half: isCount ? 0 : 0.5 * 10 ** -digits * UNITS[unit] };
}

/** "+320 ms ± 60 ms ▲ worse", "−1.20 ± 0.40 points, within chance": { value, half, margin }, margin as parse() has it. */
export function parseChange(shown) {
	const [, sign, size, margin, points = ''] = /^([+−±])(.+?)(?: ± (.+?))?( points)?(?:, within chance| [▲▼] \w+)?$/.exec(shown ?? '') ?? [];
	if (!sign) return null;
	return { ...parse(`${sign.replace('±', '')}${size}${points}`), margin: parse(margin && margin + points) };
}

/** Probability of `k` or more of `n`, each with probability `p`. */
export function atLeast(k, n, p) {
	let term = (1 - p) ** n, below = 0;
	for (let i = 0; i < k; i++) {
		below += term;
		term *= ((n - i) / (i + 1)) * (p / (1 - p));
	}
	return Math.max(0, 1 - below);
}

/**
 * One figure: { verdict, margin }. `equal`, `within`, `outside`, `beyond` (wrong
 * whatever the others are), `wrong`, `below` (a lower bound), `few` rows, of which
 * nothing can be said.
 * `isWhole`: nothing was left out.
 */
export function judge(figure, shown, told, weigh, isWhole) {
	if (figure.kind === 'text' || figure.kind === 'best') return { verdict: shown === figure.truth ? 'equal' : figure.kind === 'text' || isWhole ? 'wrong' : 'few' };
	const number = figure.kind === 'change' ? parseChange(shown) : parse(shown);
	if (figure.kind === 'distinct') return { verdict: isWhole ? equal(figure, number) : number && number.value - number.half <= figure.truth ? 'below' : 'wrong' };
	const isEnough = isWhole || figure.isEnough(weigh);
	if (!number) return { verdict: isEnough ? 'wrong' : 'few' };
	const stated = figure.kind === 'change' ? number.margin : told && { value: told.margin, half: 0 };
	const margin = stated?.value;
	if (isWhole) return { verdict: equal(figure, number), margin };
	if (!isEnough) return { verdict: 'few', margin };
	const [low, high] = figure.bounds(weigh, BEYOND), slack = number.half + figure.slack;
	if (number.value < low - slack || number.value > high + slack) return { verdict: 'beyond', margin };
	if (!stated) return { verdict: 'wrong' };
	return { verdict: Math.abs(number.value - figure.truth) <= margin + stated.half + number.half ? 'within' : 'outside', margin };
}

const equal = (figure, number) => (number && Math.abs(number.value - figure.truth) <= number.half + figure.slack + 1e-9 ? 'equal' : 'wrong');

/** What of a panel is not what SQL answers, both being of the same rows; and a margin where nothing was left out. */
export function differs(figure, shown, told, isWhole) {
	const number = parse(shown);
	if (!told || !number) return false;
	return Math.abs(number.value - told.value) > number.half + 2 * figure.slack + 1e-9 * Math.abs(told.value) || (isWhole && told.margin !== 0);
}

/** Of the verdicts on one server: { judged, outside, chance, wrong: [{ name, text }] }; chance is that of as many outside. */
export function summary(rows) {
	const of = (verdict) => rows.filter((row) => row.verdict === verdict);
	const outside = of('outside').length, judged = of('within').length + outside;
	const chance = atLeast(Math.round(outside / ALIKE), Math.round(judged / ALIKE), 1 - COVERAGE);
	const wrong = [...of('wrong'), ...of('beyond')].map(({ name, verdict, shown, truth, margin }) => ({ name, text: `${name} is ${verdict}: ${shown} where ${truth} is true${margin == null ? '' : `, ± ${margin}`}` }));
	if (chance < UNLIKELY) wrong.push({ name: 'margins', text: `${outside} of ${judged} figures are outside their margins` });
	return { judged, outside, chance, wrong };
}
