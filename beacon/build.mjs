/*
 * Makes what the server serves by itself: the beacon script and the pages.
 *
 *   node beacon/build.mjs OUT [BUDGET_BYTES [EXTRA_BUDGET_BYTES]]
 *
 * Bundles drum.js to one minified classic script, extra.js to a module and the
 * dashboard's modules to a script, makes its map (web/world.mjs),
 * writes each asset and its gzip and brotli forms to OUT, and OUT/assets.c,
 * which includes them as the table declared in server/assets.h (compile with
 * OUT in the assembler's include path). Fails when drum.js or drum.extra.js,
 * brotli at quality 11, is larger than its budget, stub.min.js than 300, or the
 * dashboard's first view than 150 KB.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { minify } from 'terser';
import { worldPaths } from '../web/world.mjs';
import { trim } from './trim.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const HOUR = 'public, max-age=3600';
const FOR_EVER = 'public, max-age=31536000, immutable';
const CHECK = 'no-cache';

const STUB_BYTES_MAX = 300;

const FIRST_VIEW = ['index.html', 'dashboard.js', 'dashboard.css'];
const FIRST_VIEW_BYTES_MAX = 150e3; // brotli, together

const TYPES = {
	html: 'text/html; charset=utf-8',
	js: 'text/javascript; charset=utf-8',
	css: 'text/css; charset=utf-8',
	svg: 'image/svg+xml',
	json: 'application/json',
};

/* Source file, and the paths it is served under, each with its Cache-Control;
 * `make` makes what is no file as it stands. */
const ASSETS = [
	{ file: 'beacon/drum.js', bundle: 'iife', paths: [['/drum.js', HOUR], ['/drum.v1.js', FOR_EVER]] },
	{ file: 'beacon/extra.js', name: 'drum.extra.js', bundle: 'esm', paths: [['/drum.extra.js', HOUR]] },
	{ file: 'beacon/demo.html', paths: [['/demo', CHECK]] },
	{ file: 'beacon/demo-cart.html', paths: [['/demo/cart', CHECK]] },
	{ file: 'beacon/demo.js', paths: [['/demo.js', CHECK]] },
	{ file: 'beacon/demo.css', paths: [['/demo.css', CHECK]] },
	{ file: 'beacon/demo.svg', paths: [['/demo.svg', CHECK]] },
	{ file: 'web/index.html', paths: [['/', CHECK]] },
	{ file: 'web/app.js', name: 'dashboard.js', make: page, paths: [['/dashboard.js', CHECK]] },
	{ file: 'web/dashboard.css', make: page, paths: [['/dashboard.css', CHECK]] },
	{ file: 'web/world.mjs', name: 'world.json', make: world, paths: [['/world.json', CHECK]] },
];

/* esbuild resolves, drops what is unused (trim.mjs drops more) and mangles
 * private names (`_…`), web-vitals' and ours; terser then names and folds
 * better, which is worth 350 bytes after brotli. hoist_funs brings like text
 * together: 50 more. ES2022: web-vitals itself calls Array.prototype.at. */
async function bundle(file, format) {
	const { outputFiles } = await build({
		entryPoints: [file],
		bundle: true,
		minify: true,
		write: false,
		format,
		target: 'es2022',
		mangleProps: /^_/,
		define: { globalThis: 'window' },
		legalComments: 'none',
		charset: 'utf8',
		logLevel: 'warning',
		plugins: [trim],
	});
	return shrink(outputFiles[0].text, format === 'esm');
}

async function shrink(text, module = false) {
	const { code } = await minify(text, {
		ecma: 2022,
		module,
		toplevel: true,
		compress: { passes: 3, pure_getters: true, unsafe_arrows: true, hoist_funs: true },
	});
	return Buffer.from(code);
}

/* The dashboard's modules, or its style sheet, as one file. */
async function page(file) {
	const { outputFiles } = await build({
		entryPoints: [file],
		bundle: true,
		minify: true,
		write: false,
		format: 'iife',
		target: 'es2022',
		legalComments: 'none',
		charset: 'utf8',
		logLevel: 'warning',
	});
	return Buffer.from(outputFiles[0].contents);
}

function world() {
	return Buffer.from(JSON.stringify(worldPaths()));
}

function brotli(bytes) {
	return brotliCompressSync(bytes, {
		params: {
			[constants.BROTLI_PARAM_QUALITY]: 11,
			[constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
			[constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS,
		},
	});
}

/** The forms of one asset, written to `out`; `stem` names its C symbols. */
async function make(asset, index, out) {
	const path = join(ROOT, asset.file);
	const identity = asset.bundle ? await bundle(path, asset.bundle) : asset.make ? await asset.make(path) : readFileSync(path);
	const name = asset.name ?? asset.file.replace(/.*\//, '');
	const forms = { identity, gzip: gzipSync(identity, { level: 9 }), brotli: brotli(identity) };
	const files = { identity: name, gzip: `${name}.gz`, brotli: `${name}.br` };
	for (const form in forms) writeFileSync(join(out, files[form]), forms[form]);
	return {
		...asset,
		name,
		forms,
		files,
		stem: `asset_${index}`,
		type: TYPES[name.replace(/.*\./, '')],
		etag: createHash('sha256').update(identity).digest('hex').slice(0, 16),
	};
}

/** One form's bytes: a symbol in read-only data around the file. */
const include = (symbol, file) => `\
extern const unsigned char ${symbol}[];
__asm__(".section .rodata\\n.balign 16\\n${symbol}:\\n.incbin \\"${file}\\"\\n.byte 0\\n.previous");
`;

const entry = (asset, path, cache) => `\
	{ .path = "${path}",
	  .content_type = "${asset.type}",
	  .cache_control = "${cache}",
	  .etag = "\\"${asset.etag}\\"",
${Object.keys(asset.forms)
	.map((form) => `	  .${form} = ${asset.stem}_${form}, .${form}_size = ${asset.forms[form].length}`)
	.join(',\n')} },
`;

function table(assets) {
	const rows = assets.flatMap((asset) => asset.paths.map(([path, cache]) => entry(asset, path, cache)));
	return `/* Made by beacon/build.mjs. */
#include "server/assets.h"

${assets.flatMap((a) => Object.keys(a.files).map((form) => include(`${a.stem}_${form}`, a.files[form]))).join('\n')}
const struct asset assets[] = {
${rows.join('')}};
const size_t assets_count = ${rows.length};
`;
}

/** Whether a form is within its budget; says so either way. */
function isWithin(name, size, budget) {
	console.log(`${name}: ${size} bytes of at most ${budget}`);
	return size <= budget;
}

const [out, ...budgets] = process.argv.slice(2);
if (!out || budgets.some((budget) => !Number(budget))) {
	console.error('usage: node beacon/build.mjs OUT [BUDGET_BYTES [EXTRA_BUDGET_BYTES]]');
	process.exit(2);
}
mkdirSync(out, { recursive: true });
const assets = await Promise.all(ASSETS.map((asset, index) => make(asset, index, out)));
const stub = await shrink(readFileSync(join(ROOT, 'beacon/stub.js'), 'utf8'));
writeFileSync(join(out, 'stub.min.js'), stub);
const checks = assets
	.filter((asset) => asset.bundle)
	.map((asset, index) => [`${asset.name}, brotli`, asset.forms.brotli.length, Number(budgets[index] ?? Infinity)]);
checks.push(['stub.min.js', stub.length, STUB_BYTES_MAX]);
const firstView = assets.filter((asset) => FIRST_VIEW.includes(asset.name)).reduce((sum, asset) => sum + asset.forms.brotli.length, 0);
checks.push(['dashboard, brotli', firstView, FIRST_VIEW_BYTES_MAX]);
if (checks.filter((check) => !isWithin(...check)).length > 0) {
	console.error('over budget');
	process.exit(1);
}
writeFileSync(join(out, 'assets.c'), table(assets));
