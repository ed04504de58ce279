/*
 * Goal: queries answer as ClickHouse answers them. Method: the queries of
 * tests/oracle on its rows, compared with the answers that ClickHouse gave when
 * they were recorded (tests/oracle/oracle.mjs, make oracle); on sampled rows
 * with those that drum gave, which were ClickHouse's to EXPLAIN SYNTAX.
 */
import assert from 'node:assert';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';

import { ANSWERS, ask, compact, corpus, essence, start, values } from '../oracle/common.mjs';

const queries = corpus(), answers = JSON.parse(fs.readFileSync(ANSWERS, 'utf8'));
let directory, plain, sampled;

before(async () => {
	directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-oracle-'));
	[plain, sampled] = await Promise.all([start(path.join(directory, 'plain'), false), start(path.join(directory, 'sampled'), true)]);
});

after(async () => {
	assert.equal(await plain?.end(), 0);
	assert.equal(await sampled?.end(), 0);
	fs.rmSync(directory, { recursive: true });
});

const code = (text) => `error ${/^Code: (\d+)/.exec(text)?.[1]}`;

test('every query has its answer, few differ', () => {
	assert.equal(queries.length, answers.length, 'run make oracle');
	assert.ok(queries.length >= 500);
	assert.ok(queries.filter(({ differs }) => differs).length <= 10);
});

/** The differences of queries[from, to), so that the test has few lines. */
async function differences(from, to) {
	const found = [];
	for (let i = from; i < to; i++) {
		const { sql, format } = queries[i], [right, weighted] = answers[i];
		const { status, text } = await ask(plain, sql, format);
		const mine = compact(status === 200 ? essence(text) : code(text));
		if (mine !== right) found.push({ sql, format, drum: mine, ClickHouse: right, text: text.slice(0, 500) });
		if (weighted === undefined) continue;
		const answer = await ask(sampled, sql, format);
		const got = compact(answer.status === 200 ? values(answer.text) : code(answer.text));
		if (got !== weighted) found.push({ sampled: sql, drum: got, ClickHouse: weighted, text: answer.text.slice(0, 500) });
	}
	return found;
}

const STEP = 100;
for (let from = 0; from < queries.length; from += STEP)
	test(`queries ${from} ... ${Math.min(from + STEP, queries.length) - 1}`, async () => assert.deepEqual(await differences(from, Math.min(from + STEP, queries.length)), []));
