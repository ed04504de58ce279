/*
 * A run as one HTML page that asks for nothing: a summary, a chart a quantity
 * over the minutes of the run, the kills as lines, the minutes as a table.
 */
import { escape, page, table } from '../html.mjs';

const WIDTH = 940, HEIGHT = 190, LEFT = 64, RIGHT = 12, TOP = 12, BOTTOM = 26;
const COLOURS = ['#1f6fb2', '#c2571a', '#2b8a3e', '#7a3fa0'];
const round = (value) => (Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3))).toLocaleString('en');

/** About `count` round numbers from 0 to beyond `most`. */
function ticks(most, count) {
	const rough = most / count || 1;
	const power = 10 ** Math.floor(Math.log10(rough));
	const step = [1, 2, 5, 10].find((factor) => factor * power >= rough) * power;
	return Array.from({ length: Math.ceil(most / step) + 1 }, (_, i) => i * step);
}

/** series: [{ name, points: [[minute, value]] }]; marks: [{ minute, kind }]. A gap in a line is a null. */
function chart(title, unit, minutes, series, marks) {
	const most = Math.max(1e-9, ...series.flatMap(({ points }) => points.map(([, value]) => value ?? 0)));
	const ys = ticks(most, 4), top = ys.at(-1);
	const x = (minute) => (LEFT + (minute / minutes) * (WIDTH - LEFT - RIGHT)).toFixed(1);
	const y = (value) => (HEIGHT - BOTTOM - (value / top) * (HEIGHT - TOP - BOTTOM)).toFixed(1);
	const parts = ys.map((value) => `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y(value)}" y2="${y(value)}"/><text x="${LEFT - 6}" y="${y(value)}" dy=".35em" text-anchor="end">${round(value)}</text>`);
	for (const minute of ticks(minutes, 8)) if (minute <= minutes) parts.push(`<text x="${x(minute)}" y="${HEIGHT - 8}" text-anchor="middle">${round(minute)}</text>`);
	for (const { minute, kind } of marks) parts.push(`<line class="${kind}" x1="${x(minute)}" x2="${x(minute)}" y1="${TOP}" y2="${HEIGHT - BOTTOM}"/>`);
	series.forEach(({ points }, i) => {
		let path = '', pen = 'M';
		for (const [minute, value] of points) {
			if (value === null) pen = 'M';
			else [path, pen] = [`${path}${pen}${x(minute)} ${y(value)}`, 'L'];
		}
		parts.push(`<path d="${path}" stroke="${COLOURS[i]}"/>`);
	});
	const legend = series.map(({ name }, i) => `<span style="color:${COLOURS[i]}">${escape(name)}</span>`).join(' ');
	return `<h2>${escape(title)}, ${escape(unit)}</h2><p>${legend}</p><svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escape(title)}">${parts.join('')}</svg>`;
}

const STYLE = `svg { width: 100%; height: auto } svg text { font-size: 11px; fill: #555 } path { fill: none; stroke-width: 1.3 }
.grid { stroke: #e4e4e4 } .kill { stroke: #d33; stroke-dasharray: 3 3 } .term { stroke: #d90; stroke-dasharray: 3 3 } .attack { stroke: #bbb }
`;

/** run: { title, verdict, summary: [[what, value]], minutes, charts: [{ title, unit, series }], marks, head, rows } */
export const report = (run) => page({
	title: run.title, verdict: run.verdict, style: STYLE,
	body: `${table(['what', 'value'], run.summary)}
<p>Across: minutes. Dashed red: kill -9; dashed orange: SIGTERM; grey: an attack begins.</p>
${run.charts.map(({ title, unit, series }) => chart(title, unit, run.minutes, series, run.marks)).join('\n')}
<h2>Every minute</h2>${table(run.head, run.rows)}`,
});
