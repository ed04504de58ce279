/*
 * The truth of the whole as a command: prints the figures and what is wrong, writes
 * OUT/report.html; exits with 1 when something is wrong, and keeps the data then.
 *
 *   tests/truth/run [VIEWS]     SEED=1 VISITS=36 DRUM=build/drum OUT=build/truth
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { page, table } from '../html.mjs';
import { Truth } from './truth.mjs';

const VIEWS = Number(process.argv[2]);
const VISITS = Number(process.env.VISITS || 36);
const SEED = Number(process.env.SEED || Date.now() % 2 ** 31);
const OUT = process.env.OUT || 'build/truth';
const SIGNS = { equal: '=', within: '≈', outside: '≠', beyond: '≠≠', wrong: 'WRONG', below: '≤', few: '·' };

if (!(VIEWS >= 10000)) {
	console.error('usage: tests/truth/run [VIEWS], of which at least 10000: fewer do not show what the script has in store');
	process.exit(2);
}

/** Of a truth or a margin, as many digits as matter. */
function digits(value) {
	if (value == null || typeof value === 'string') return value ?? '';
	return Number.isInteger(value) ? value.toLocaleString('en') : String(Number(value.toPrecision(4)));
}

const cell = ({ shown, margin, verdict }) => `${shown ?? '–'}${margin && !shown?.includes('±') ? ` ± ${digits(margin)}` : ''} ${SIGNS[verdict]}`;

/** A row a figure: its name, the truth, what each server showed. */
const rows = (results) => results[0].map(({ name, truth }, i) => [name, digits(truth), ...results.map((result) => cell(result[i]))]);

function print(head, body) {
	const widths = head.map((_, column) => Math.max(...[head, ...body].map((row) => row[column].length)));
	for (const row of [head, ...body]) console.log(row.map((text, column) => text.padEnd(widths[column])).join('  ').trimEnd());
	console.log();
}

const begun = Date.now();
const seconds = () => ((Date.now() - begun) / 1000).toFixed(0);
console.log(`SEED=${SEED}, ${VIEWS} views in the week, ${VISITS} real visits`);
const truth = new Truth({ views: VIEWS, visits: VISITS, seed: SEED, log: (text) => console.log(`${seconds().padStart(4)} s  ${text}`) });
const { week, visits } = await truth.run();

const names = truth.samplings.map(({ name }) => name);
const head = ['figure', 'truth', ...names.map((name) => `keeps ${name}`)];
const figures = rows(week.map(({ results }) => results));
const real = rows([visits]);
const counts = week.map(({ kept, errors, summary: { judged, outside, chance } }, i) => [
	names[i], `${kept.toLocaleString('en')} views and ${errors.toLocaleString('en')} errors kept, each row as it was sent`,
	judged === 0 ? `${week[i].results.length} figures are the truth` : `${outside} of ${judged} figures outside their 95 % margins (${((100 * outside) / judged).toFixed(1)} %; chance of as many: ${chance.toPrecision(2)})`,
]);
const verdict = truth.wrong.length ? `${truth.wrong.length} wrong: ${truth.wrong[0]}` : 'the dashboard shows what happened';
print(head, figures);
print(['figure of the real visits', 'truth', 'keeps 1'], real);
for (const line of counts) console.log(`keeps ${line.join(': ')}`);
for (const text of truth.wrong) console.log(`WRONG ${text}`);
mkdirSync(OUT, { recursive: true });
writeFileSync(join(OUT, 'report.html'), page({
	title: 'drum: the truth of a week', verdict,
	body: `${table(['what', 'value'], [
		['week', `${VIEWS.toLocaleString('en')} views, seed ${SEED}, a third as many the week before; ${VISITS} visits of a real Chromium`],
		...counts.map(([name, kept, outside]) => [`keeps ${name}`, `${kept}; ${outside}`]),
		['wrong', truth.wrong.slice(0, 20).join('; ') || 'nothing'],
		['took', `${seconds()} s`],
	])}<p>= the truth, to the digits shown (quantiles within 0.4 %); ≈ within the stated margin (±, 95 %); ≠ outside, as one of 20 may be; ≠≠ beyond four standard errors; ≤ a lower bound; · too few rows to tell.</p>
<h2>The week</h2>${table(head, figures)}<h2>Real visits</h2>${table(['figure', 'truth', 'keeps 1'], real)}`,
}));
console.log(`${verdict}\n${join(OUT, 'report.html')}, ${seconds()} s`);
process.exit(truth.wrong.length ? 1 : 0);
