/*
 * Goal: the endpoints of other agents refuse what is no beacon of theirs, say
 * why and count it, answer the preflights that they cause, inflate what is
 * compressed within bounds, find the site, and weight network errors. Method:
 * the real binary with two configured sites; every refusal is followed by a
 * good beacon; browsers with the real packages: tests/browser/agents.test.mjs.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import zlib from 'node:zlib';

import { serve } from '../serve.mjs';

let directory;
let server;

before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-agents-'));
  const config = path.join(directory, 'drum.yaml');
  fs.writeFileSync(config, 'sites:\n  - {key: shop, hosts: [shop.example, "*.shop.example"]}\n  - {key: blog}\n');
  server = await serve(path.join(directory, 'data'), ['--config', config]);
});

after(async () => {
  assert.equal(await server.end(), 0);
  fs.rmSync(directory, { recursive: true });
});

const post = (target, body, headers = {}) => fetch(server.url + target, { method: 'POST', body, headers });
const json = JSON.stringify;
const faro = (more = {}) => ({ meta: { session: { id: 's' }, page: { url: 'https://shop.example/p' } }, ...more });
const vital = (id, more = {}) => ({ name: 'LCP', value: 1000, id, navigationType: 'navigate', url: 'https://shop.example/v', ...more });

/* Path, a good body, its status. */
const AGENTS = [
  ['/beacon', json([vital('a')]), 204],
  ['/boomerang', 'pid=p1&u=https%3A%2F%2Fshop.example%2Fb&t_done=5', 204],
  ['/faro', json(faro()), 202],
  ['/reports', json([{ type: 'crash', url: 'https://shop.example/', body: { reason: 'oom' } }]), 204],
  ...['metrics', 'errors', 'interactions', 'heartbeat', 'business-metrics'].map((kind) =>
    [`/rum/${kind}`, json({ sessionId: 's', url: 'https://www.shop.example/', type: 'x' }), 204]),
];

async function malformed() {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  return Number(/^drum_beacons_malformed_total (\d+)$/m.exec(text)[1]);
}

for (const [target, good, status] of AGENTS) {
  test(`${target}: refusals, each counted, between good ones`, async () => {
    const before = await malformed();
    const bad = ['', '{', '"text"', '[[[[[[[[[[[[[[[[[[', '\xff\xfe', 'null', '{"a":'.repeat(1000), `[${'{},'.repeat(200)}{}]`];
    for (const body of bad) {
      const response = await post(target, body);
      assert.equal(response.status, 400, `${target} takes ${body.slice(0, 40)}`);
      assert.match(await response.text(), /^[^\n]{5,200}\n$/);
    }
    assert.equal(await malformed(), before + bad.length);
    assert.equal((await post(target, 'x'.repeat(70000))).status, 413);
    assert.equal((await post(target, good)).status, status);
  });
}

test('preflights are answered with what was asked for', async () => {
  const headers = { Origin: 'https://shop.example', 'Access-Control-Request-Headers': 'content-type,x-faro-session-id', 'Access-Control-Request-Method': 'POST' };
  for (const [target] of AGENTS) {
    const response = await fetch(server.url + target, { method: 'OPTIONS', headers });
    assert.equal(response.status, 204);
    assert.equal(response.headers.get('access-control-allow-origin'), 'https://shop.example');
    assert.equal(response.headers.get('access-control-allow-headers'), 'content-type,x-faro-session-id');
    assert.equal(response.headers.get('access-control-max-age'), '86400');
  }
  assert.equal((await fetch(`${server.url}/faro`)).status, 405);
});

test('the scripts may be loaded by pages of any origin, as modules too', async () => {
  for (const name of ['/drum.js', '/drum.v1.js', '/drum.extra.js']) {
    const { status, headers } = await fetch(server.url + name, { headers: { Origin: 'https://shop.example' } });
    assert.deepEqual([status, headers.get('access-control-allow-origin'), headers.get('cross-origin-resource-policy')], [200, '*', 'cross-origin']);
  }
  assert.equal((await fetch(`${server.url}/demo`)).headers.get('access-control-allow-origin'), null);
});

test('compressed bodies are inflated, within bounds', async () => {
  const body = json(faro({ exceptions: [{ type: 'Error', value: 'x'.repeat(200000) }] }));
  assert.equal((await post('/faro', zlib.gzipSync(body), { 'Content-Encoding': 'gzip' })).status, 202);
  const bomb = zlib.gzipSync(`{"meta":{}}${' '.repeat(30 << 20)}`);
  for (const [bytes, coding] of [[bomb, 'gzip'], [zlib.gzipSync(body).subarray(0, 100), 'gzip'], [body.slice(0, 100), 'gzip'], [zlib.brotliCompressSync(body), 'br']]) {
    const response = await post('/faro', bytes, { 'Content-Encoding': coding });
    assert.equal(response.status, 400);
    assert.match(await response.text(), /at most 512 KiB/);
  }
});

test('the site: asked for, by the page, or neither', async () => {
  const at = (url) => json({ sessionId: url, url, lcp: 7 });
  assert.equal((await post('/rum/metrics?site=blog', at('https://anything.example/by-key'))).status, 204);
  assert.equal((await post('/rum/metrics', at('https://eu.shop.example/by-host'))).status, 204);
  const unknown = await post('/rum/metrics', at('https://other.example/'));
  assert.equal(unknown.status, 403);
  assert.match(await unknown.text(), /other\.example/);
  assert.equal((await post('/rum/metrics?site=shop', at('https://other.example/'))).status, 403, 'not its host');
  const none = await post('/rum/metrics', json({ sessionId: 's' }));
  assert.equal(none.status, 400);
  assert.match(await none.text(), /^site: /);
  assert.equal((await post('/rum/metrics', json({ sessionId: 's', lcp: 8 }), { Referer: 'https://shop.example/referer' })).status, 204);
  assert.equal(await server.query("SELECT site, path FROM pageviews WHERE path IN ('/by-key', '/by-host', '/referer') ORDER BY path"),
    'shop\t/by-host\nblog\t/by-key\nshop\t/referer\n');
});

test('network errors stand for as many as were sampled', async () => {
  const error = (sampling_fraction) => ({ type: 'network-error', age: 0, url: 'https://shop.example/nel', body: { sampling_fraction, phase: 'dns', type: 'dns.unreachable' } });
  assert.equal((await post('/reports', json([error(0.01), error(1), error(0.5), error(1e-9)]))).status, 204);
  assert.equal(await server.query("SELECT count() FROM reports WHERE type = 'network-error'"), '1103\n');
});

test('parts of a view come in any order and again, and are one row', async () => {
  const send = (more) => post('/beacon', json(vital('m', { url: 'https://shop.example/parts', ...more })));
  for (const part of [{}, { name: 'CLS', id: 'c', value: 0.1 }, { value: 1500 }, { name: 'CLS', id: 'c', value: 0.3 }, { value: 1500 }, { name: 'INP', id: 'i', value: 80 }])
    assert.equal((await send(part)).status, 204);
  assert.equal(await server.query("SELECT lcp, cls, inp FROM pageviews WHERE path = '/parts'"), '1500\t0.3\t80\n');
  assert.equal((await send({ id: 'another', value: 9 })).status, 204);
  assert.equal(await server.query("SELECT lcp, cls FROM pageviews WHERE path = '/parts' ORDER BY lcp"), '9\t\\N\n1500\t0.3\n');
});
