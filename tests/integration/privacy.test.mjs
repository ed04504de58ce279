/*
 * Goal: what identifies somebody, or is a secret, reaches no file and no
 * answer; who opts out is not stored; who asks private endpoints is written
 * down. Method: canaries in every member, header and parameter of beacons,
 * imports and inserts; then every byte below the data directory and every
 * column of every table is searched for them, before and after a restart.
 */
import assert from 'node:assert';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';

import { DRUM, TOKEN, end, serve, stderrMatch, until } from '../serve.mjs';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-privacy-'));
const servers = [];
after(async () => {
  for (const server of servers) await server.end('SIGKILL');
  fs.rmSync(directory, { recursive: true });
});

async function start(name, config = '') {
  const file = path.join(directory, `${name}.yaml`);
  fs.writeFileSync(file, config);
  servers.push(await serve(path.join(directory, name), ['--config', file]));
  return servers.at(-1);
}

const post = (url, body, headers = {}) => fetch(url, { method: 'POST', body, headers });
const authorised = { Authorization: `Bearer ${TOKEN}` };

const CANARY = {
  email: 'canary.bird@cage.example',
  encoded: 'canary.bird%40cage.example',
  jwt: 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.dBjftJeZ4CVPmB92K27uhbUJU1p1rwW1gFWFOEjXk',
  hex: 'ca4a7900ca4a7900ca4a7900ca4a7900ca4a7900',
  key: 'sk_live_CaNaRy39HqLyjWDarjtT1zdp',
  card: '4000001234567899',
  password: 'canary-password-1',
};
const ADDRESS = '203.0.113.77';
const WITHIN = ['{\\"a\\":{\\"password\\" : \\"canary-horse & staple\\"}}', 'password%3Dcanary-encoded%26x', 'canary-twice%2540cage.example',
  '{"password":"right canary-words"}', 'Authorization: Basic canary-basic', 'GET /p?id=canary-query failed', 'at https://api.example/users?filter[name]=canary-bracket&x=1', '/[id]?name=canary-route'].join(' ');
const text = Object.values(CANARY).map((value) => `x ${value === CANARY.password ? `password=${value}` : value}`).join(' ') + ' ' + WITHIN;
const url = `https://canary-user:canary-word@shop.example/u/${CANARY.email}/${CANARY.hex}/${CANARY.jwt};jsessionid=canarysession1/p?password=${CANARY.password}&utm_source=${CANARY.encoded}&utm_campaign=spring&gclid=canaryclick1#canaryfragment`;
const words = [...Object.values(CANARY), ...WITHIN.match(/canary-[a-z]+/g), ADDRESS, 'canary-user', 'canary-word', 'canarysession1', 'canaryclick1', 'canaryfragment', 'canary-agent', 'canary-cookie',
  'cage.example', ...[CANARY.hex, CANARY.key, CANARY.jwt].map((secret) => secret.slice(0, 16))]; // cut short, too

function beacon(view, more = {}) {
  return { v: 1, site: 'shop', view: view.toString(16).padStart(16, '0'), seq: 0, url, referrer: url, serverTiming: text,
    why: { lcp: { element: text, url }, inp: { target: text, script: url }, cls: { element: text } },
    errors: [{ kind: 'error', type: text, message: `${text} ${ADDRESS}`, source: url, stack: `at f (${url})\n at ${text}` }],
    events: [{ category: 'custom', name: text, target: text, text: `${text} ${ADDRESS}` }],
    tags: { plan: `x ${CANARY.email} ${CANARY.key} password=${CANARY.password}` }, ...more };
}

/** Files below a directory that have one of the words, with the word. */
function found(root) {
  return fs.readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).flatMap((entry) => {
    const bytes = fs.readFileSync(path.join(entry.parentPath ?? entry.path, entry.name));
    return words.filter((word) => bytes.includes(word)).map((word) => `${entry.name}: ${word}`);
  });
}

async function answers(server) {
  let all = '';
  for (const table of ['pageviews', 'errors', 'events', 'reports']) all += await server.query(`SELECT * FROM ${table} FORMAT JSONEachRow`);
  return all;
}

test('canaries reach no file and no answer', async () => {
  let server = await start('canaries', 'trusted_proxies: [127.0.0.1/32]\n');
  const headers = { 'X-Forwarded-For': ADDRESS, 'User-Agent': `Mozilla/5.0 canary-agent ${CANARY.email}`, Cookie: 'session=canary-cookie',
    Referer: url, Origin: 'https://shop.example', 'Accept-Language': 'de' };
  assert.equal((await post(`${server.url}/beacon`, JSON.stringify(beacon(1)), headers)).status, 204);
  assert.equal((await post(`${server.url}/beacon`, JSON.stringify(beacon(1, { seq: 1 })), headers)).status, 204);
  assert.equal((await post(`${server.url}/beacon`, JSON.stringify(beacon(2, { lang: 5 })), headers)).status, 400);
  assert.equal((await post(`${server.url}/import`, JSON.stringify(beacon(3, { ip: ADDRESS, ua: `canary-agent ${CANARY.key}` })), authorised)).status, 200);
  const products = ['email', 'jwt', 'hex', 'key'].flatMap((name) => [`${CANARY[name]}bot/1.0`, `${CANARY[name]}/3.0 CFNetwork/1240.0.4 Darwin/20.6.0`,
    `Mozilla/5.0 (compatible; a-${CANARY[name]}; crawler)`, `MyBot/${CANARY[name]}`]);
  for (const [i, agent] of products.entries()) {
    const hints = { 'X-Forwarded-For': ADDRESS, 'User-Agent': agent, 'Sec-CH-UA-Platform': `"${CANARY.email}"` };
    assert.equal((await post(`${server.url}/beacon`, JSON.stringify(beacon(100 + i)), hints)).status, 204);
  }
  const row = JSON.stringify({ site: 'shop', view_id: 4, message: text, stack: text, source: url, path: `/u/${CANARY.email}` });
  assert.equal((await post(`${server.url}/query?query=INSERT INTO errors FORMAT JSONEachRow`, row, authorised)).status, 200);
  assert.deepEqual(found(path.join(directory, 'canaries')), []);
  const stored = await answers(server);
  assert.deepEqual(words.filter((word) => stored.includes(word)), []);
  const view = JSON.parse(await server.query('SELECT path, referrer_host, lcp_url, tags FROM pageviews WHERE view_id = 1 FORMAT JSONEachRow'));
  assert.equal(view.path, '/u/:email/:id/:token/p');
  assert.equal(view.referrer_host, 'shop.example');
  assert.equal(view.lcp_url, 'https://shop.example/u/[email]/[hex]/[token];jsessionid=[redacted]/p');
  assert.deepEqual(view.tags, { plan: 'x [email] [token] password=[redacted]', utm_campaign: 'spring', utm_source: '[email]' });
  assert.deepEqual(words.filter((word) => server.log().includes(word)), []);
  assert.equal(await server.end(), 0);
  assert.deepEqual(found(path.join(directory, 'canaries')), []);
  server = await start('canaries');
  assert.equal(await answers(server), stored);
  assert.equal(await server.end(), 0);
});

async function metric(server, name) {
  return Number(new RegExp(`^drum_${name} (\\d+)$`, 'm').exec(await (await fetch(`${server.url}/metrics`)).text())[1]);
}

test('Sec-GPC and DNT: counted, not stored, unless switched off', async () => {
  const small = (view) => JSON.stringify({ v: 1, site: 'shop', view: view.toString(16).padStart(16, '0'), url: 'https://shop.example/' });
  let server = await start('optout');
  const send = async (view, headers) => (await post(`${server.url}/beacon`, small(view), headers)).status;
  assert.equal(await send(1, { 'Sec-GPC': '1' }), 204);
  assert.equal(await send(2, { DNT: '1' }), 204);
  assert.equal(await send(3, { DNT: '0', 'Sec-GPC': '0' }), 204);
  assert.equal(await server.query('SELECT view_id FROM pageviews'), '3\n');
  assert.equal(await metric(server, 'beacons_opted_out_total'), 2);
  assert.equal(await metric(server, 'beacons_stored_total'), 1);
  assert.equal(await server.end(), 0);
  server = await start('optin', 'privacy: {opt_out: false, query_parameters: []}\n');
  assert.equal(await send(1, { 'Sec-GPC': '1', DNT: '1' }), 204);
  assert.equal(await server.query('SELECT count() FROM pageviews'), '1\n');
  assert.equal(await server.end(), 0);
});

test('patterns name paths, listed parameters become tags', async () => {
  const server = await start('paths', `paths:
  - {match: "/u/*/orders/**", as: "/u/:name/orders"}
privacy: {query_parameters: [ref]}
`);
  const send = (view, page) => post(`${server.url}/beacon`, JSON.stringify({ v: 1, site: 'shop', view: view.toString(16).padStart(16, '0'), url: page }));
  await send(1, 'https://shop.example/u/joe/orders/a/b?ref=news%20letter&utm_source=x');
  await send(2, 'https://shop.example/u/joe');
  assert.equal(await server.query("SELECT path, tags['ref'], tags['utm_source'] FROM pageviews ORDER BY view_id"), '/u/:name/orders\tnews letter\t\n/u/joe\t\t\n');
  assert.equal(await server.end(), 0);
});

test('a flood of paths becomes (other), and one of tags is left out', async () => {
  const server = await start('values', 'limits: {values: 3}\n');
  for (let i = 1; i <= 5; i++) {
    const tags = Object.fromEntries(Array.from({ length: 10 }, (_, k) => [`t${i}x${k}`, 'v']));
    await post(`${server.url}/beacon`, JSON.stringify({ v: 1, site: 'shop', view: i.toString(16).padStart(16, '0'), url: `https://shop.example/${'abcde'[i - 1]}`, tags }));
  }
  await post(`${server.url}/beacon`, JSON.stringify({ v: 1, site: 'docs', view: '0000000000000009', url: 'https://docs.example/z' }));
  assert.equal(await server.query('SELECT path, count() FROM pageviews GROUP BY path ORDER BY path'), '(other)\t2\n/a\t1\n/b\t1\n/c\t1\n/z\t1\n');
  assert.equal(await metric(server, 'values_capped_total'), 2);
  assert.equal(await metric(server, 'tags_dropped_total'), 18);
  assert.equal(await server.end(), 0);
});

test('what is forbidden takes no values from what is not', async () => {
  const server = await start('forged', 'limits: {values: 3}\nsites:\n  - {key: shop, hosts: [shop.example], origins: ["https://shop.example"]}\n');
  const send = async (view, site, url, headers) => (await post(`${server.url}/beacon`, JSON.stringify({ v: 1, site, view: view.toString(16).padStart(16, '0'), url }), headers)).status;
  for (let i = 1; i <= 5; i++) {
    assert.equal(await send(i, 'shop', `https://evil.example/host${i}`), 403);
    assert.equal(await send(i, 'shop', `https://shop.example/origin${i}`, { Origin: 'https://evil.example' }), 403);
    assert.equal(await send(i, `forged${i}`, `https://shop.example/site${i}`), 403);
  }
  const reports = ['https://shop.example/d', 'https://evil.example/e'].map((url) => ({ type: 'deprecation', url, body: { id: url } }));
  for (let i = 0; i < 3; i++) assert.equal((await post(`${server.url}/reports?site=shop`, JSON.stringify(reports.map((report) => ({ ...report, url: `${report.url}${i}` }))))).status, 403);
  for (const path of 'abc') assert.equal(await send(path.charCodeAt(0), 'shop', `https://shop.example/${path}`), 204);
  assert.equal(await server.query('SELECT path FROM pageviews ORDER BY path'), '/a\n/b\n/c\n');
  assert.equal(await metric(server, 'values_capped_total'), 0);
  assert.equal(await server.end(), 0);
});

test('the log as JSON: an object a line, whatever a client sends', async () => {
  const began = Date.now(), server = await start('json', 'log: json\n');
  await post(`${server.url}/admin/erase?site=a%22%0A%1b%C3%A4`, '', authorised);
  server.child.kill('SIGHUP');
  await until('the reload', () => server.log().includes('"reloaded"'));
  const lines = server.log().split('\n').filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
  assert.ok(lines.length >= 2);
  for (const { time, text } of lines) assert.ok(Date.parse(time) > began - 1000 && Date.parse(time) <= Date.now() + 1000 && text.length > 0);
  assert.equal(await server.end(), 0);
});

test('the audit log has who, what and when, and no address', async () => {
  const file = path.join(directory, 'audit.jsonl');
  let server = await start('audit', `audit_log: ${file}\n`);
  const began = Date.now();
  await server.query('SELECT 1');
  await post(`${server.url}/query?query=SELECT%20'secret'`, '', { Authorization: 'Bearer wrong' });
  await post(`${server.url}/import`, '');
  await post(`${server.url}/admin/erase?site=old%22shop`, '', authorised);
  await post(`${server.url}/beacon`, '{}');
  const lines = fs.readFileSync(file, 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line));
  assert.deepEqual(lines.map(({ who, what, allowed }) => [who, what, allowed]), [
    ['DRUM_TOKEN', 'POST /query', true],
    ['unknown', 'POST /query', false],
    ['nobody', 'POST /import', false],
    ['DRUM_TOKEN', 'POST /admin/erase', true],
  ]);
  for (const { time } of lines) assert.ok(Date.parse(time) > began - 1000 && Date.parse(time) <= Date.now() + 1000, time);
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  assert.equal(await server.end(), 0);
  server = await start('unaudited', 'audit_log: ""\n');
  await server.query('SELECT 1');
  assert.ok(!fs.readdirSync(path.join(directory, 'unaudited')).includes('audit.jsonl'));
  assert.equal(await server.end(), 0);
});

const hasV6 = Object.values(os.networkInterfaces()).flat().some(({ address }) => address === '::1');

test('an address of IPv4 that comes by a listener of IPv6, and one behind a dash', { skip: !hasV6 && 'no IPv6 here' }, async () => {
  const data = path.join(directory, 'mapped');
  const child = spawn(DRUM, ['serve', '--data', data, '--http', '[::]:0', '--https', '127.0.0.1:0'], { stdio: ['ignore', 'ignore', 'pipe'] });
  servers.push({ end: (signal) => end(child, signal) });
  const [, port] = await stderrMatch(child, /listening on http:\/\/\[::\]:(\d+)/);
  const body = JSON.stringify(beacon(7, { tags: { ip: '127.0.0.1', host: 'ip-127-0-0-1 ip-127.0.0.1' }, errors: [{ kind: 'error', message: 'blocked 127.0.0.1' }] }));
  assert.equal((await post(`http://127.0.0.1:${port}/beacon`, body)).status, 204);
  assert.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 200);
  assert.equal(await end(child), 0);
  assert.deepEqual(fs.readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile() && fs.readFileSync(path.join(entry.parentPath ?? entry.path, entry.name)).includes('127.0.0.1')).map(({ name }) => name), []);
});
