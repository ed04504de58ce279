/*
 * Series over time, drawn by uPlot: one vital with its thresholds and the
 * releases, or views with those that had errors. Colours come from the style
 * sheet, so that a change of the scheme redraws them.
 */
import uPlot from 'uplot';
import { h, replace } from './dom.js';
import { clock, count, day, moment, short, vital } from './format.js';
import { RATINGS, VITALS } from './vitals.js';

const charts = new Set();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const FONT = '12px system-ui, sans-serif';

function axis(values, size, extra = {}) {
	return {
		stroke: () => colour('faint'),
		font: FONT,
		grid: { stroke: () => colour('grid'), width: 1 },
		ticks: { show: false },
		values,
		size,
		...extra,
	};
}

/* `2 Jun` at midnight, else the hour. */
const times = (u, splits) => splits.map((t) => (t % 86400 === 0 ? day(t * 1000) : clock(t * 1000)));

/* Steps of the time axis: minutes to weeks. */
const INCREMENTS = [60, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 345600, 604800, 1209600];

/* On a ground of its own, so that a line behind it does not cross it out. */
function label(ctx, text, x, y) {
	const ink = ctx.fillStyle;
	ctx.fillStyle = colour('panel');
	ctx.globalAlpha = 0.7;
	ctx.fillRect(x - 2 * devicePixelRatio, y - 10 * devicePixelRatio, ctx.measureText(text).width + 4 * devicePixelRatio, 13 * devicePixelRatio);
	ctx.globalAlpha = 1;
	ctx.fillStyle = ink;
	ctx.fillText(text, x, y);
}

/* What the series is about at its left end, where the labels are: they stand on the other side of the line. */
function near(values) {
	const first = values.slice(0, Math.ceil(values.length / 6)).filter((x) => x != null);
	return first.reduce((sum, x) => sum + x, 0) / first.length;
}

function thresholds(key) {
	return (u) => {
		const { ctx, bbox } = u;
		const { good, poor } = VITALS[key];
		ctx.save();
		ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
		ctx.textAlign = 'left';
		ctx.textBaseline = 'alphabetic'; // uPlot's last axis leaves its own
		ctx.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
		for (const [value, name, word] of [[good, 'good-ink', `good ≤ ${vital(key, good)}`], [poor, 'poor-ink', `poor > ${vital(key, poor)}`]]) {
			const y = Math.round(u.valToPos(value, 'y', true));
			if (y < bbox.top || y > bbox.top + bbox.height) continue;
			ctx.strokeStyle = ctx.fillStyle = colour(name);
			ctx.beginPath();
			ctx.moveTo(bbox.left, y);
			ctx.lineTo(bbox.left + bbox.width, y);
			ctx.stroke();
			label(ctx, word, bbox.left + 6 * devicePixelRatio, y + (near(u.data[1]) > value ? 13 : -5) * devicePixelRatio);
		}
		ctx.restore();
	};
}

function markers(now) {
	return (u) => {
		const { ctx, bbox } = u;
		ctx.save();
		ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
		ctx.textAlign = 'left';
		ctx.textBaseline = 'alphabetic'; // uPlot's last axis leaves its own
		ctx.strokeStyle = ctx.fillStyle = colour('accent');
		let free = -Infinity;
		for (const { name, at } of now.releases) {
			const x = Math.round(u.valToPos(at / 1000, 'x', true));
			if (x < bbox.left || x > bbox.left + bbox.width) continue;
			ctx.beginPath();
			ctx.moveTo(x, bbox.top);
			ctx.lineTo(x, bbox.top + bbox.height);
			ctx.stroke();
			const text = `▾ ${name.slice(0, 16)}`;
			const width = ctx.measureText(text).width;
			const left = Math.min(x - 4 * devicePixelRatio, bbox.left + bbox.width - width);
			if (left < free) continue;
			ctx.fillText(text, left, bbox.top - 5 * devicePixelRatio);
			free = left + width + 8 * devicePixelRatio;
		}
		ctx.restore();
	};
}

/** What the pointer is at, as text beside the chart. */
function readout(element, describe) {
	return (u) => replace(element, u.cursor.idx == null ? '' : describe(u.data, u.cursor.idx));
}

function make(holder, height, options, data) {
	const chart = new uPlot(
		{
			width: Math.max(200, holder.clientWidth),
			height,
			legend: { show: false },
			tzDate: (t) => uPlot.tzDate(new Date(t * 1000), 'Etc/UTC'),
			...options,
			cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { size: 6 }, ...options.cursor },
		},
		data,
		holder,
	);
	const observer = new ResizeObserver(() => {
		const width = Math.max(200, holder.clientWidth);
		if (width !== chart.width) chart.setSize({ width, height });
	});
	observer.observe(holder);
	charts.add(chart);
	let pressed = false;
	holder.addEventListener('pointerdown', () => (pressed = true));
	const release = () => (pressed = false);
	addEventListener('pointerup', release);
	return {
		/** New data in the place of the old; not while somebody draws a stretch. */
		update: (next) => pressed || chart.setData(next),
		destroy() {
			removeEventListener('pointerup', release);
			observer.disconnect();
			charts.delete(chart);
			chart.destroy();
		},
	};
}

/* A stretch drawn with the pointer is a period. */
const selection = (onSelect) => (u) => {
	const { left, width } = u.select;
	if (width < 5) return;
	const at = (x) => Math.round(u.posToVal(x, 'x') / 60) * 60000;
	onSelect({ from: at(left), to: at(left + width) });
	u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
};

/**
 * A vital over time. `points`: [{t (seconds), value, views}], gaps are null.
 * `range` {from, to}; `releases` [{name, at (ms)}]. Returns {update, destroy}: update
 * takes new points, range and releases.
 */
export function vitalChart(parent, { key, p, onSelect, ...now }) {
	const { good } = VITALS[key];
	const line = h('p', { class: 'readout', 'aria-hidden': 'true' });
	const holder = h('div', { class: 'plot', role: 'img' });
	const describe = () => holder.setAttribute('aria-label', summary(key, p, now.points, now.releases));
	const columns = () => [now.points.map((x) => x.t), now.points.map((x) => x.value)];
	replace(parent, line, holder);
	describe();
	const chart = make(holder, 300, {
		padding: [18, 8, 0, 0],
		scales: {
			x: { range: () => [now.range.from / 1000, now.range.to / 1000], time: true },
			y: { range: (u, low, high) => [0, Math.max((high ?? 0) * 1.15, good * 1.15)] },
		},
		axes: [axis(times, 26, { incrs: INCREMENTS, space: 60 }), axis((u, ticks) => ticks.map((x) => vital(key, x)), 62)],
		series: [
			{},
			{ stroke: () => colour('accent'), width: 2, points: { show: now.points.length < 3 }, fill: () => colour('accent-soft') },
		],
		hooks: {
			draw: [thresholds(key), markers(now)],
			setCursor: [
				readout(line, (d, i) =>
					`${moment(d[0][i] * 1000)}: p${p} ${vital(key, d[1][i])}, ${count(now.points[i]?.views ?? 0)} views`),
			],
			setSelect: [selection(onSelect)],
		},
	}, columns());
	return {
		destroy: chart.destroy,
		update(next) {
			Object.assign(now, next);
			describe();
			chart.update(columns());
		},
	};
}

function summary(key, p, points, releases) {
	const values = points.map((x) => x.value).filter((x) => x != null);
	if (values.length === 0) return `${VITALS[key].name}: no values in this period`;
	const marks = releases.length ? `; releases: ${releases.map((r) => `${r.name} on ${moment(r.at)}`).join(', ')}` : '';
	return `${VITALS[key].name}, p${p} over time: from ${vital(key, Math.min(...values))} to ${vital(key, Math.max(...values))}, at the end ${vital(key, values.at(-1))}${marks}`;
}

/** Views as bars, and those with errors in front of them; or bars of `what` alone. */
export function viewsChart(parent, { step, what, onSelect, ...now }) {
	const line = h('p', { class: 'readout', 'aria-hidden': 'true' });
	const holder = h('div', { class: 'plot', role: 'img' });
	const sum = (name) => count(now.points.reduce((total, x) => total + x[name], 0));
	const describe = () => holder.setAttribute('aria-label', what ? `${sum('all')} ${what} over time` : `${sum('all')} views over time, ${sum('failed')} of them with errors`);
	const columns = () => [now.points.map((x) => x.t), now.points.map((x) => x.all), now.points.map((x) => x.failed)];
	replace(parent, line, holder);
	describe();
	const bars = uPlot.paths.bars({ size: [0.8, 40], align: 1 });
	const chart = make(holder, 110, {
		padding: [8, 8, 0, 0],
		scales: { x: { range: () => [now.range.from / 1000, now.range.to / 1000], time: true }, y: { range: (u, low, high) => [0, Math.max(1, high)] } },
		axes: [axis(times, 26, { incrs: INCREMENTS, space: 60 }), axis((u, ticks) => ticks.map((x) => (Number.isInteger(x) ? short(x) : '')), 62, { space: 24 })],
		series: [
			{},
			{ stroke: () => colour('bar'), fill: () => colour('bar'), paths: bars, points: { show: false } },
			{ stroke: () => colour('poor'), fill: () => colour('poor'), paths: bars, points: { show: false } },
		],
		hooks: {
			setCursor: [
				readout(line, (d, i) => `${moment(d[0][i] * 1000)}, ${step / 60} min: ${what ? `${count(d[1][i])} ${what}` : `${count(d[1][i])} views, ${RATINGS.poor.glyph} ${count(d[2][i])} with errors`}`),
			],
			setSelect: [selection(onSelect)],
		},
	}, columns());
	return {
		destroy: chart.destroy,
		update(next) {
			Object.assign(now, next);
			describe();
			chart.update(columns());
		},
	};
}

/**
 * Any numbers over an axis: for answers of one's own. `names` of the series,
 * `data` as uPlot has it.
 */
export function plainChart(parent, { names, data, isTime }) {
	const line = h('p', { class: 'readout', 'aria-hidden': 'true' });
	const holder = h('div', { class: 'plot', role: 'img', 'aria-label': `${names.slice(1).join(', ')} by ${names[0]}` });
	const inks = ['accent', 'poor', 'good', 'needs', 'faint'];
	const dashes = [[], [6, 3], [2, 3], [8, 3, 2, 3], [1, 2]];
	const legend = h('ul', { class: 'legend' }, names.slice(1).map((name, i) => h('li', null, h('span', { class: `key-line key-${i % inks.length}` }), name)));
	replace(parent, legend, line, holder);
	const at = (x) => (isTime ? moment(x * 1000) : String(x));
	return make(holder, 260, {
		scales: { x: { time: isTime } },
		axes: [isTime ? axis(times, 26, { incrs: INCREMENTS, space: 60 }) : axis((u, t) => t.map(String), 26), axis((u, t) => t.map(String), 72)],
		series: [{}, ...names.slice(1).map((name, i) => ({ label: name, width: 2, dash: dashes[i % dashes.length], points: { show: false }, stroke: () => colour(inks[i % inks.length]) }))],
		hooks: {
			setCursor: [readout(line, (d, i) => `${at(d[0][i])}: ${names.slice(1).map((name, j) => `${name} ${d[j + 1][i]}`).join(', ')}`)],
		},
	}, data);
}

matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
	for (const chart of charts) chart.redraw(false, true);
});
