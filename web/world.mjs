/*
 * The world map, made at build time: world-atlas' countries (Natural Earth,
 * 1:110 million) as SVG paths in the Equal Earth projection (Šavrič, Patterson
 * and Jenny 2018). Countries too small for it are points, from 1:50 million.
 * Antarctica is left out.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { feature } from 'topojson-client';

const WIDTH = 960;
const UNITS = 2; // of the paths, per pixel of that width
const require = createRequire(import.meta.url);
const read = (name) => JSON.parse(readFileSync(require.resolve(name), 'utf8'));

/* ISO 3166-1: numeric to alpha-2. Kosovo has no number. */
const codes = new Map(read('i18n-iso-countries/codes.json').map(([alpha2, , numeric]) => [numeric, alpha2]));
const codeOf = ({ id, properties }) => codes.get(id) ?? (properties.name === 'Kosovo' ? 'XK' : undefined);

const A = [1.340264, -0.081106, 0.000893, 0.003796];
const M = Math.sqrt(3) / 2;

/** Degrees to the Equal Earth plane, y upwards. */
function equalEarth([longitude, latitude]) {
	const theta = Math.asin(M * Math.sin((latitude * Math.PI) / 180));
	const t2 = theta * theta;
	const t6 = t2 * t2 * t2;
	const x = ((longitude * Math.PI) / 180) * Math.cos(theta) /
		(M * (A[0] + 3 * A[1] * t2 + t6 * (7 * A[2] + 9 * A[3] * t2)));
	return [x, theta * (A[0] + A[1] * t2 + t6 * (A[2] + A[3] * t2))];
}

const SCALE = WIDTH / (2 * equalEarth([180, 0])[0]);
const TOP = equalEarth([0, 85])[1];
const HEIGHT = Math.ceil((TOP - equalEarth([0, -57])[1]) * SCALE);

const project = (point) => {
	const [x, y] = equalEarth(point);
	return [Math.round((WIDTH / 2 + x * SCALE) * UNITS), Math.round((TOP - y) * SCALE * UNITS)];
};

/** A ring as a relative path; '' when it shrinks to nothing. */
function ring(points) {
	const all = points.slice(0, -1).map(project);
	const kept = all.filter(([x, y], i) => i === 0 || x !== all[i - 1][0] || y !== all[i - 1][1]);
	if (kept.length < 3) return '';
	const steps = kept.slice(1).map(([x, y], i) => `${x - kept[i][0]},${y - kept[i][1]}`);
	return `M${kept[0].join(',')}l${steps.join(' ')}z`;
}

/* The part of a ring on one side (1 east, -1 west) of the meridian of 180°, after
 * Sutherland and Hodgman. */
function half(points, side) {
	const inside = ([longitude]) => (longitude - 180) * side >= 0;
	return points.flatMap((point, i) => {
		const last = points.at(i - 1);
		const share = (180 - last[0]) / (point[0] - last[0]);
		const cut = inside(point) === inside(last) ? [] : [[180, last[1] + share * (point[1] - last[1])]];
		return inside(point) ? [...cut, point] : cut;
	});
}

/** A ring, in two where it crosses the meridian of 180°. */
function cut(points) {
	if (!points.some(([longitude], i) => i > 0 && Math.abs(longitude - points[i - 1][0]) > 180)) return [points];
	const round = points.slice(0, -1).map(([longitude, latitude]) => [longitude < 0 ? longitude + 360 : longitude, latitude]);
	const closed = (ring) => [...ring, ring[0]];
	const west = half(round, 1).map(([longitude, latitude]) => [longitude - 360, latitude]);
	return [half(round, -1), west].filter((ring) => ring.length > 2).map(closed);
}

const polygons = ({ type, coordinates }) => (type === 'Polygon' ? [coordinates] : coordinates);

/** The middle of the largest ring's box. */
function centre(geometry) {
	const boxes = polygons(geometry).map(([outer]) => {
		const points = outer.map(project);
		const [xs, ys] = [points.map((p) => p[0]), points.map((p) => p[1])];
		return [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
	});
	const [left, right, top, bottom] = boxes.sort((a, b) => (b[1] - b[0]) * (b[3] - b[2]) - (a[1] - a[0]) * (a[3] - a[2]))[0];
	return [Math.round((left + right) / 2), Math.round((top + bottom) / 2)];
}

const countries = (scale) => {
	const atlas = read(`world-atlas/countries-${scale}.json`);
	return feature(atlas, atlas.objects.countries).features.filter((f) => f.properties.name !== 'Antarctica' && f.geometry);
};

/**
 * {width, height, paths: {DE: 'M…'}, points: {SG: [x, y]}, rest: ['M…']}, all
 * in units; `rest` are countries without a code.
 */
export function worldPaths() {
	const paths = {};
	const rest = [];
	for (const f of countries('110m')) {
		const path = polygons(f.geometry).flat().flatMap(cut).map(ring).join('');
		const code = codeOf(f);
		if (code) paths[code] = (paths[code] ?? '') + path;
		else rest.push(path);
	}
	const points = {};
	for (const f of countries('50m')) {
		const code = codeOf(f);
		if (code && !paths[code]) points[code] = centre(f.geometry);
	}
	return { width: WIDTH * UNITS, height: HEIGHT * UNITS, paths, points, rest };
}
