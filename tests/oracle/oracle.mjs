/*
 * Goal: a query that both know means the same to drum and to ClickHouse.
 * Method: the same rows in drum and in chdb (the current ClickHouse engine,
 * from tests/bench); each query of queries.sql to both, the answers compared
 * byte for byte, names and types included. In a second store rows are sampled:
 * there drum's values are compared with ClickHouse's answer to what EXPLAIN
 * SYNTAX says that the query means.
 *
 *   node tests/oracle/oracle.mjs [--record] [TEXT]   only queries with TEXT
 */
import fs from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';

import { ANSWERS, ask, compact, corpus, essence, rows, start, values } from './common.mjs';

const { Session } = createRequire(path.resolve(process.env.CHDB || 'tests/bench', 'package.json'))('chdb');
const record = process.argv.includes('--record');
const only = process.argv.slice(2).find((argument) => !argument.startsWith('--'));
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-oracle-'));
const session = new Session(path.join(scratch, 'chdb'));
const servers = { plain: await start(path.join(scratch, 'plain'), false), sampled: await start(path.join(scratch, 'sampled'), true) };

async function load(database) {
	session.query(`CREATE DATABASE ${database}`);
	for (const [table, list] of Object.entries(rows(database === 'sampled'))) {
		const { text } = await ask(servers.plain, `SELECT name, type FROM system.columns WHERE table = '${table}' ORDER BY position`, 'JSONCompactEachRow');
		const columns = text.trim().split('\n').map((line) => JSON.parse(line)).map(([name, type]) => `\`${name}\` ${type}`);
		const file = path.join(scratch, `${table}.ndjson`);
		fs.writeFileSync(file, list.map((row) => JSON.stringify(row)).join('\n'));
		session.query(`CREATE TABLE ${database}.${table} (${columns.join(', ')}) ENGINE = MergeTree ORDER BY (site, ts)`);
		session.query(`INSERT INTO ${database}.${table} SELECT * FROM file('${file}', JSONEachRow, '${columns.join(', ').replaceAll("'", "\\'")}')`);
	}
}

function theirs(database, sql, format) {
	try {
		session.query(`USE ${database}`);
		return essence(String(session.query(`${sql} SETTINGS session_timezone = 'UTC', output_format_json_quote_64bit_integers = 0, max_threads = 1`, format)));
	} catch (error) {
		return `error ${/Code: (\d+)/.exec(error.message)?.[1] ?? error.message}`;
	}
}

async function ours(server, sql, format) {
	const { status, text } = await ask(server, sql, format);
	return status === 200 ? essence(text) : `error ${/^Code: (\d+)/.exec(text)?.[1]}: ${text}`;
}

const code = (answer) => answer.replace(/^(error \d+):[^]*/, '$1');
const shown = (text) => JSON.stringify(text).slice(0, 700);
const answers = [];
let wrong = 0, explained = 0;

function complain(...lines) {
	wrong++;
	console.error(lines.join('\n  '));
}

await load('plain');
await load('sampled');
for (const { sql, format, differs, once } of corpus().filter(({ sql }) => !only || sql.includes(only))) {
	const mine = await ours(servers.plain, sql, format), right = theirs('plain', sql, format);
	const entry = [compact(right)];
	if (differs) {
		explained++;
		if (code(mine) === right) complain(`${sql}: is no difference any more (${differs})`);
		entry[0] = compact(code(mine));
	} else if (code(mine) !== right) {
		complain(`${sql} (${format})`, `drum:       ${shown(mine)}`, `ClickHouse: ${shown(right)}`);
	}
	if (!once && !differs && !right.startsWith('error')) {
		const meaning = await ours(servers.sampled, `EXPLAIN SYNTAX ${sql}`, 'TSVRaw');
		const weighted = await ours(servers.sampled, sql, format);
		const meant = meaning.startsWith('error') ? code(meaning) : values(theirs('sampled', meaning.trim(), format));
		const got = weighted.startsWith('error') ? code(weighted) : values(weighted);
		if (meant !== got) complain(`sampled: ${sql}`, `means ${meaning.trim()}`, `drum:       ${shown(weighted.startsWith('error') ? weighted : got)}`, `ClickHouse: ${shown(meant)}`);
		entry.push(compact(got));
	}
	answers.push(entry);
}
if (record && !only) fs.writeFileSync(ANSWERS, `[\n${answers.map((entry) => JSON.stringify(entry)).join(',\n')}\n]\n`);
await servers.plain.end();
await servers.sampled.end();
fs.rmSync(scratch, { recursive: true });
console.log(`${answers.length} queries, ${wrong} differences, ${explained} explained ones`);
process.exit(wrong ? 1 : 0);
