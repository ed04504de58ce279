/*
 * What the code has is in the docs, and what the docs list is in the code:
 * routes, configuration keys and their defaults, metrics, options (server/API.md),
 * members of the beacon (beacon/PROTOCOL.md), functions (store/SQL.md), each
 * fault's tests (store/DESIGN.md), each threat's (server/SECURITY.md); commands,
 * options and keys are in the manual pages made from API.md. The docs'
 * side is the first column of tables under a heading; the code's side is its own
 * tables, found by their shape.
 *
 *   node tests/lint/docs.mjs BUILD_DIR
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const build = process.argv[2] || 'build';
const read = (file) => fs.readFileSync(file, 'utf8');
let wrong = 0;

function complain(text) {
  console.error(text);
  wrong++;
}

/** The text from `begin` to the next `end`; complains when it is not there. */
function part(text, begin, end) {
  const from = text.indexOf(begin);
  if (from < 0) complain(`tests/lint/docs.mjs no longer finds ${begin}`);
  const to = text.indexOf(end, from + begin.length);
  return from < 0 ? '' : text.slice(from, to < 0 ? undefined : to);
}

/** Rows of the tables under the headings (`## Endpoints`): cells without backticks' escapes. */
function tables(file, ...headings) {
  const sections = read(file).replace(/```[^]*?```/g, '').split(/\n(?=#+ )/);
  const rows = sections
    .filter((section) => headings.includes(section.split('\n')[0]))
    .flatMap((section) => section.split('\n').filter((line) => line.startsWith('| `')));
  if (rows.length === 0) complain(`${file}: no table under ${headings.join(', ')}`);
  return rows.map((row) => row.replaceAll('\\|', '\0').split('|').slice(1, -1).map((cell) => cell.replaceAll('\0', '|').trim()));
}

const names = (cell) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]);

/** Both are Maps from a name to something that must be the same, or to undefined. */
function compare(what, code, docs, file) {
  for (const [name, value] of code) {
    if (!docs.has(name)) complain(`${file}: ${what} ${name} is missing`);
    else if (value !== undefined && docs.get(name) !== value)
      complain(`${file}: ${what} ${name}: "${docs.get(name)}", in the code "${value}"`);
  }
  for (const name of docs.keys()) if (!code.has(name)) complain(`${file}: ${what} ${name} is not in the code`);
  if (code.size === 0) complain(`tests/lint/docs.mjs finds no ${what} in the code`);
}

/* ---- server/API.md ---------------------------------------------------- */

const API = 'server/API.md';

function routes() {
  const found = new Map();
  for (const [, path, methods, roles] of part(read('server/http.c'), '} routes[] = {', '};').matchAll(/\{"([^"]+)", ([A-Z| ]+), ([A-Z_| ]+),/g))
    found.set(`${methods.replaceAll(' ', '')} ${path}`, roles.toLowerCase().replaceAll('config_', '').replaceAll(' | ', ', '));
  for (const [, path] of part(read('beacon/build.mjs'), 'const ASSETS = [', '];').matchAll(/\['(\/[^']*)',/g))
    found.set(`GET ${path}`, path.startsWith('/drum.') ? 'public' : 'private');
  return found;
}

compare('route', routes(), new Map(tables(API, '## Endpoints').map(([route, role]) => [names(route)[0], role])), API);

function keys() {
  const code = read('server/config_schema.c'), found = new Map();
  const [, days] = /#define RETENTION_DAYS (\d+)/.exec(read('server/config.c'));
  for (const [, limit, value] of read('server/config_limits.def').matchAll(/^LIMIT\((\w+), (\w+)\)/gm)) found.set(`limits.${limit}`, value);
  for (const [, list, fields] of code.matchAll(/cyaml_schema_field_t (\w*fields)\[\] = \{([^]*?)\};/g)) {
    const prefix = { listener_fields: 'listeners[].', site_fields: 'sites[].', rule_fields: 'sampling[].', path_fields: 'paths[].', privacy_fields: 'privacy.', limit_fields: 'limits.',
      retention_fields: 'retention_days.', fields: '' }[list];
    for (const [, field, table] of fields.matchAll(/CYAML_FIELD_\w+\("(\w+)"|RETENTION\((\w+)\)/g))
      found.set(prefix + (field || table), table ? days : undefined);
  }
  return found;
}

compare('configuration key', keys(), new Map(tables(API, '## Configuration').map(([key, , value]) => [names(key)[0], value])), API);

function metrics() {
  const found = new Map();
  const put = (name, type, help) => found.set(`${name}${type === 'counter' ? '_total' : ''}`, `${type}: ${help}`);
  for (const [, name, type, help] of read('server/metrics.def').matchAll(/METRIC\((\w+), "(\w+)", "([^"]+)"\)/g)) put(`drum_${name}`, type, help);
  for (const [, name, help] of read('server/metrics.def').matchAll(/HISTOGRAM\((\w+), "([^"]+)"\)/g)) put(`drum_${name}`, 'histogram', help);
  for (const [, name, type, help] of read('server/metrics.c').matchAll(/put\(out, "(\w+)", "(\w+)",\s*"([^"]+)"/g)) put(name, type, help);
  return found;
}

compare('metric', metrics(), new Map(tables(API, '## GET /metrics').map(([name, type, help]) => [names(name)[0], `${type}: ${help}`])), API);

/** Numbers of errors: code to docs only, since some stand for others there. */
function errors() {
  const found = new Map();
  for (const folder of ['store', 'server'])
    for (const file of fs.readdirSync(folder).filter((name) => name.endsWith('.c'))) {
      const code = read(`${folder}/${file}`);
      for (const [, number] of code.matchAll(/\b(\d{1,4}),\s*"[A-Z]+_[A-Z_]+"/g)) found.set(number, undefined);
      for (const [, numbers] of code.matchAll(/->clickhouse = ([^;]*);/g))
        for (const [number] of numbers.matchAll(/\b[1-9]\d*\b/g)) found.set(number, undefined);
    }
  found.delete('394'); // nobody is there to see it
  return found;
}

const documented = new Set(read(API).match(/^\| \d{3} \| [\d ]+ \|/gm).flatMap((row) => row.split('|')[2].trim().split(' ')));
for (const number of errors().keys()) if (!documented.has(number)) complain(`${API}: error ${number} is missing`);

/** Options by command, from getopt's tables: in the function cli_X, or before it in its file. */
function options(command) {
  const found = new Map();
  for (const file of fs.readdirSync('server').filter((name) => /^cli_.*\.c$/.test(name))) {
    const code = read(`server/${file}`);
    const functions = [...code.matchAll(/^cli_(\w+)\(int argc/gm)];
    for (const option of code.matchAll(/\{"([a-z-]+)",\s*(required|no)_argument/g)) {
      const owner = functions.filter((f) => f.index < option.index).at(-1) || functions[0];
      if (owner?.[1] === command && option[1] !== 'help') found.set(`--${option[1]}`, undefined);
    }
  }
  return found;
}

for (const [, command] of part(read('server/main.c'), '} commands[] = {', '};').matchAll(/\{"(\w+)", cli_/g)) {
  const code = options(command);
  const help = execFileSync(`${build}/drum`, [command, '--help'], { encoding: 'utf8' });
  const shown = new Map([...help.matchAll(/^  (--[a-z-]+)/gm)].map((match) => [match[1]]).filter(([name]) => name !== '--help'));
  compare(`option of drum ${command}:`, code, shown, `drum ${command} --help`);
  compare(`option of drum ${command}:`, code, new Map(tables(API, `### drum ${command}`).map(([option]) => [names(option)[0].split(' ')[0]])), API);
}

/* ---- manual pages ------------------------------------------------------- */

/** Under each .SS or .SH, the names that a .TP begins with. */
function entries(file) {
  const found = new Map();
  for (const section of read(file).replaceAll('\\-', '-').split(/\n(?=\.S[HS] )/).slice(1)) {
    const title = section.split('\n')[0].slice(4);
    found.set(title, new Map([...section.matchAll(/\.TP\n\\fB([^ \\]+)/g)].map((match) => [match[1]])));
  }
  return found;
}

const pages = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-man-'));
execFileSync('node', ['server/package/man.mjs', '0', pages]);
const shownCommands = [...execFileSync(`${build}/drum`, ['help'], { encoding: 'utf8' }).matchAll(/^  (\w+)  /gm)].map((match) => match[1]);
const drum1 = entries(`${pages}/drum.1`);
compare('command', new Map(shownCommands.map((command) => [command])),
  new Map([...drum1.keys()].filter((title) => title.startsWith('drum ')).map((title) => [title.slice(5)])), 'drum(1)');
for (const command of shownCommands) if (command !== 'version') compare(`option of drum ${command}:`, options(command), drum1.get(`drum ${command}`) ?? new Map(), 'drum(1)');
const inPage = new Map([...entries(`${pages}/drum.yaml.5`).values()].flatMap((section) => [...section.keys()]).map((key) => [key]));
for (const key of keys().keys()) if (!inPage.has(key)) complain(`drum.yaml(5): configuration key ${key} is missing`);
fs.rmSync(pages, { recursive: true });

/* ---- beacon/PROTOCOL.md ----------------------------------------------- */

const PROTOCOL = 'beacon/PROTOCOL.md';
const SECTIONS = { TOP: '', NET: 'net.', DEV: 'dev.', TIMING: 'timing.', VITALS: 'vitals.', WHY: 'why.', WHY_LCP: 'why.lcp.',
  WHY_INP: 'why.inp.', WHY_CLS: 'why.cls.', ERROR: 'errors[].', EVENT: 'events[].' };
const KINDS = { STRING: 'string', NUMBER: 'number', INTEGER: 'integer', FLAG: 'boolean', REAL: 'number', OBJECT: 'object' };

/** Type, range and column of each member; undefined where code of its own decides. */
function members() {
  const code = read('server/decode_native_members.c'), found = new Map();
  const day = Number(/#define MS_MAX ([\d.]+)/.exec(code)[1]);
  const number = (text) => text.split('*').reduce((product, factor) => product * ({ MS_MAX: day, UINT32_MAX: 2 ** 32 - 1 }[factor.trim()] ?? Number(factor)), 1);
  for (const [, section, name, kind, column, max] of part(code, 'struct member top_members[] = {', '#define SECTION').matchAll(/\{(\w+), NAME\("(\w+)"\), (\w+), (\w+), ([^}]+)\}/g)) {
    const range = { STRING: `cut at ${number(max)} bytes`, NUMBER: `0 to ${number(max)}`, INTEGER: `0 to ${number(max)}`, REAL: 'finite' }[kind] || '';
    const target = kind === 'OBJECT' ? '' : `\`${column.replace(/^[A-Z]+_/, '')}\``;
    found.set(SECTIONS[section] + name, kind === 'SPECIAL' ? undefined : `${KINDS[kind]}, ${range}, ${target}`);
  }
  return found;
}

compare('member', members(), new Map(tables(PROTOCOL, '## The view', '## Network and device', '## Timing and vitals', '## What to blame', '## Errors', '## Events')
  .map(([name, type, range, column]) => [names(name)[0], `${type}, ${range}, ${column}`])), PROTOCOL);

/* ---- README.md, CONTRIBUTING.md: where things are ------------------------ */

const folders = /^(server|store|beacon|web|tests)\/[\w./]+\w$/;
for (const file of ['README.md', 'CONTRIBUTING.md'])
  for (const line of read(file).replace(/```[^]*?```/g, '').split('\n'))
    for (const name of names(line)) if (folders.test(name) && !fs.existsSync(name)) complain(`${file}: there is no ${name}`);
let signposts = 0;
for (const [, one, path, other] of read('README.md').matchAll(/(?:`(\w+)` in )?`((?:server|store)\/\w+\.\w+)`(?:, `(\w+)`)?/g)) {
  for (const symbol of [one, other].filter(Boolean)) {
    signposts++;
    if (!fs.existsSync(path) || !new RegExp(`\\b${symbol}\\b`).test(read(path))) complain(`README.md: no ${symbol} in ${path}`);
  }
}
if (signposts < 10) complain(`tests/lint/docs.mjs finds ${signposts} signposts in README.md`);

/* ---- store/SQL.md ----------------------------------------------------- */

const SQL = 'store/SQL.md';

function functions() {
  const found = new Map();
  for (const file of fs.readdirSync('store').filter((name) => /^function_\w+\.c$/.test(name))) {
    const code = read(`store/${file}`);
    if (!code.includes('const struct function function_')) continue;
    const table = part(code, 'const struct function function_', '\n};');
    for (const [, name] of table.matchAll(/[{(]"(\w+)"[,)]/g)) found.set(name, undefined);
  }
  return found;
}

const first = (...headings) => new Map(tables(SQL, ...headings).flatMap(([cell]) => names(cell)).map((name) => [name.split('(')[0]]));

compare('function', functions(), first('## Functions'), SQL);
const aliases = part(read('store/function_name.c'), 'function_alias aliases[] = {', '};').matchAll(/\{"(\w+)", "(\w+)"/g);
compare('other name', new Map([...aliases].map(([, name, of]) => [name, of])), new Map(tables(SQL, '## Other names').flatMap(([others, of]) => names(others).map((name) => [name, names(of)[0]]))), SQL);
const aggregates = read('store/aggregate.c');
const behind = new Map([...aggregates.matchAll(/#define (\w+) "(\w+)"/g)].map((match) => match.slice(1)));
compare('aggregate', new Map([...part(aggregates, 'aggregate_name known[] = {', '};').matchAll(/\{("?)(\w+)"?, (true|false)/g)].map(([, quote, name]) => [quote ? name : behind.get(name)])), first('## Aggregates'), SQL);
compare('missing function', new Map([...part(read('store/function.c'), 'function_is_planned', '};').matchAll(/"(\w+)"/g)].map((match) => [match[1]])), first('## Known and not executed'), SQL);
const formats = [...read('server/format.def').matchAll(/^FORMAT\(\w+,\s*"(\w+)",\s*"([^"]*)"/gm)].flatMap(([, name, aliases]) => [name, ...aliases.split(',').filter(Boolean)]);
compare('format', new Map(formats.map((name) => [name])), first('## Formats'), SQL);

/* ---- store/DESIGN.md: each fault's tests --------------------------------- */

const faults = part(read('store/DESIGN.md'), '\n## Faults\n', '\n## ').split('\n').map((line) => /^\| (\d+) \|.*\| ([^|]*) \|$/.exec(line)).filter(Boolean);
if (faults.map(([, number]) => number).join() !== Array.from({ length: 19 }, (_, i) => i + 1).join()) complain('store/DESIGN.md: the faults are not 1 to 19');
for (const [, number, cell] of faults) {
  for (const group of cell.replace(/ \([^)]*\)/g, '').split(/; ?/)) {
    const [file, functions] = group.split(': ');
    const paths = functions ? [`tests/unit/store/${file}.c`] : group.split(', ').map((name) => `tests/${name}`);
    for (const path of paths) if (!fs.existsSync(path)) complain(`store/DESIGN.md: fault ${number}: no ${path}`);
    if (functions && fs.existsSync(paths[0])) {
      for (const name of functions.split(', ')) if (!read(paths[0]).includes(`\n${name}(void **`)) complain(`store/DESIGN.md: fault ${number}: no ${name} in ${paths[0]}`);
    }
  }
}

/* ---- server/SECURITY.md: each threat's tests ------------------------------ */

/** Names of tests in quotes stand in the file named before them, else in the first table's; a name may be cut at its end. */
const SECURITY = 'server/SECURITY.md';
let threats = 0;
for (const row of read(SECURITY).split('\n').filter((line) => /^\| [a-zA-Z]/.test(line) && !line.startsWith('| threat'))) {
  const cell = row.split('|').at(-2);
  let file = 'tests/attack/attack.test.mjs', found = 0;
  for (const [, path, name] of cell.matchAll(/`(tests\/[^`]+)`|"([^"]+)"/g)) {
    if (path && !fs.existsSync(path)) complain(`${SECURITY}: no ${path}`);
    else if (path) file = path;
    else if (!['test(\'', 'test("', 'test(`'].some((begin) => read(file).includes(begin + name.replace(/^shut: .+$/, 'shut: ')))) complain(`${SECURITY}: no "${name}" in ${file}`);
    else if (/^shut: ./.test(name) && !read('tests/attack/attacks.mjs').includes(name.slice(6))) complain(`${SECURITY}: no attack "${name.slice(6)}"`);
    found++;
  }
  if (found === 0) complain(`${SECURITY}: no test for ${row.slice(2, 60)}`);
  threats++;
}
if (threats < 20) complain(`tests/lint/docs.mjs finds ${threats} threats in ${SECURITY}`);

process.exit(wrong ? 1 : 0);
