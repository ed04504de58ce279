/*
 * Goal: a request has one end, one meaning and one author; answers tell other
 * origins no more than they must. Method: requests as bytes (matrix.mjs), each
 * on a connection of its own, with another behind it; the same for HTTP/2's
 * pseudo-headers; Origin and Sec-Fetch headers by route; hostile strings.
 */
import assert from 'node:assert';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';

import { DRUM, TOKEN, processorMs, serve } from '../serve.mjs';
import { requests } from './matrix.mjs';
import { END_HEADERS, END_STREAM, Raw, TYPE, block, data, frame, http2, literal, post } from './wire.mjs';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-requests-'));
const SITES = 'sites:\n  - {key: matrix}\n  - {key: shop, hosts: [shop.example, "*.shop.example"], origins: ["https://shop.example"]}\n';
const LATE_MS = 20000;
let server, port;

before(async () => {
  const config = path.join(directory, 'sites.yaml');
  fs.writeFileSync(config, SITES);
  server = await serve(path.join(directory, 'data'), ['--config', config]);
  port = Number(new URL(server.url).port);
});

after(async () => {
  await server.end();
  fs.rmSync(directory, { recursive: true });
});

/** Sends, and waits for so many answers, and for the end where there has to be one. */
async function say(bytes, wanted, closed) {
  const raw = await Raw.connect(port);
  await raw.write(Buffer.from(bytes, 'latin1'));
  const statuses = () => [...raw.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => Number(match[1]));
  for (const began = performance.now(); !raw.isShut && statuses().length < wanted && performance.now() - began < LATE_MS;) await raw.shutWithin(20);
  const shut = await raw.shutWithin(closed ? LATE_MS : 40);
  raw.close();
  return { statuses: statuses(), shut, text: raw.text };
}

for (const [name, bytes, statuses, closed] of requests) {
  test(`one end: ${name}`, async () => {
    const got = await say(bytes, statuses.length, closed);
    assert.deepEqual(got.statuses, statuses, got.text);
    assert.equal(got.shut, closed);
  });
}

test('HTTP/2 has no second length, and no headers of HTTP/1', async () => {
  const body = JSON.stringify({ v: 1, site: 'matrix', view: '00000000000000ab', url: 'https://shop.example/' });
  for (const [name, frames] of Object.entries({
    'a wrong content-length': [post(1, '/beacon', { 'content-length': '3' }), data(1, body)],
    'a transfer-encoding': [post(1, '/beacon', { 'transfer-encoding': 'chunked' }), data(1, body)],
    'connection': [post(1, '/beacon', { connection: 'close' }), data(1, body)],
    'an upper-case name': [post(1, '/beacon', { 'X-Upper': 'a' }), data(1, body)],
    'two paths': [frame(TYPE.HEADERS, END_STREAM | END_HEADERS, 1, Buffer.concat([block('GET', '/healthz'), literal(':path', '/query')]))],
    'a pseudo-header behind others': [frame(TYPE.HEADERS, END_STREAM | END_HEADERS, 1, Buffer.concat([literal('a', 'b'), block('GET', '/healthz')]))],
  })) {
    const raw = await http2(port);
    await raw.write(...frames);
    // RST_STREAM of stream 1, or GOAWAY: never an answer.
    await raw.match(/\x00\x00\x04\x03\x00\x00\x00\x00\x01|\x07\x00\x00\x00\x00\x00/);
    assert.doesNotMatch(raw.text, /\x01\x04\x00\x00\x00\x01/, name);
    raw.close();
  }
  for (const path of ['', 'healthz', '*', 'http://a/healthz']) {
    const raw = await http2(port);
    await raw.write(frame(TYPE.HEADERS, END_STREAM | END_HEADERS, 1, block('GET', path)));
    await raw.match(/the path must begin with/);
    raw.close();
  }
});

test('an answer to HEAD has no body, so that the next one is where it should be', async () => {
  for (const path of ['/query?query=SELECT+1', '/ping', '/drum.js', '/metrics', '/']) {
    const { text } = await say(`HEAD ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${TOKEN}\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n`, 2);
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n([^\r]+\r\n)+\r\nHTTP\/1\.1 200 OK\r\n/, path);
  }
});

const beacon = (url) => JSON.stringify({ v: 1, site: 'shop', view: '00000000000000ac', url });
const HEAD_MAX = 32768;
const NEXT = 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n';
const body = beacon('https://shop.example/');

/** A POST whose head has so many bytes. */
function long(bytes, address = '/beacon', lines = `Content-Length: ${body.length}\r\n`) {
  const head = `POST ${address} HTTP/1.1\r\nHost: a\r\n${lines}X-Long: `;
  return `${head}${'x'.repeat(bytes - head.length - 4)}\r\n\r\n`;
}

test('a head has at most 32 KiB; of a longer one, and what follows, nothing is looked at', async () => {
  const refused = async () => Number(/drum_requests_head_too_large_total (\d+)/.exec(await (await fetch(`${server.url}/metrics`)).text())[1]);
  const before = await refused();
  assert.deepEqual((await say(long(HEAD_MAX) + body + NEXT, 2)).statuses, [204, 200]);
  for (const bytes of [long(HEAD_MAX + 1) + body + NEXT, long(380000) + body + NEXT, long(2e6) + body + NEXT, long(380000).trimEnd(),
    `POST /${'./'.repeat(190000)} HTTP/1.1\r\nHost: a\r\n\r\n${NEXT}`, `GET /beacon?${'a&'.repeat(190000)}`]) {
    const { statuses, text, shut } = await say(bytes, 1, true);
    assert.deepEqual(statuses, [431], text);
    assert.match(text, /^HTTP\/1\.1 431 [^]*\r\nConnection: close\r\n[^]*\r\nContent-Length: 41\r\n\r\n[^\n]{40}\n$/);
    assert.ok(shut);
  }
  assert.deepEqual((await say(NEXT + long(HEAD_MAX) + body + long(HEAD_MAX + 1) + body + NEXT, 3, true)).statuses, [200, 204, 431], 'behind others');
  let malformed = 0; // seen by libh2o (400) if the first read brings less than 32 KiB of it
  for (const bytes of ['\0'.repeat(HEAD_MAX + 1), 'x\n'.repeat(HEAD_MAX)]) {
    const { statuses, text, shut } = await say(bytes, 1, true);
    assert.match(text, /^HTTP\/1\.1 4(00|31) [^]*\r\nConnection: close\r\n/);
    assert.equal(statuses.length, 1, text);
    assert.ok(shut);
    malformed += statuses[0] === 400;
  }
  assert.equal(await refused(), before + 9 - malformed);
});

test('what follows a head is no head', async () => {
  const filler = JSON.stringify({ ...JSON.parse(body), filler: 'x'.repeat(50000) }), chunk = `${filler.length.toString(16)}\r\n${filler}\r\n0\r\n\r\n`;
  for (const lines of ['', 'Expect: 100-continue\r\n']) {
    const got = (await say(long(HEAD_MAX - 9, '/beacon', `${lines}Content-Length: ${filler.length}\r\n`) + filler + NEXT, lines ? 3 : 2)).statuses;
    assert.deepEqual(got, [...(lines ? [100] : []), 204, 200], lines);
  }
  assert.deepEqual((await say(long(HEAD_MAX - 9, '/beacon', 'Transfer-Encoding: chunked\r\n') + chunk, 1, true)).statuses, [204]);
  const raw = await Raw.connect(port); // in pieces, the body by itself
  const [head, pieces] = [long(HEAD_MAX, '/beacon', `Content-Length: ${filler.length}\r\n`), []];
  for (let at = 0; at < head.length; at += 4001) pieces.push(head.slice(at, at + 4001));
  for (let at = 0; at < filler.length; at += 4001) pieces.push(filler.slice(at, at + 4001));
  for (const piece of [...pieces, NEXT]) {
    await raw.write(piece);
    await raw.shutWithin(2);
  }
  await raw.match(/^HTTP\/1\.1 204 [^]*HTTP\/1\.1 200 /);
  raw.close();
});

test('a head that is too long, by pieces and by TLS, and who does not hang up', async () => {
  const agent = new https.Agent({ rejectUnauthorized: false }), address = await server.https;
  const { status } = await ask('POST', '/beacon', { 'x-long': 'x'.repeat(HEAD_MAX) }, body, { agent, url: address });
  assert.equal(status, 431);
  assert.equal((await ask('POST', '/beacon', { 'x-long': 'x'.repeat(16000) }, body, { agent, url: address })).status, 204);
  const raw = new Raw(net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }), true);
  for (let i = 0; i < 40; i++) {
    await raw.write(i === 0 ? 'GET / HTTP/1.1\r\nX: ' : 'x'.repeat(1000));
    await raw.shutWithin(1);
  }
  await raw.match(/ 431 /);
  // It hears no more, and neither a request nor time makes the server go on with it.
  for (let i = 0; i < 10; i++) raw.socket.write(`\r\n\r\n${NEXT}`);
  await raw.shutWithin(200);
  assert.equal(raw.text.match(/HTTP\/1\.1/g).length, 1);
  raw.close();
});

test('the text of a query may be longer than other heads', async () => {
  const spaces = '%20'.repeat(80000), token = `Authorization: Bearer ${TOKEN}\r\n`;
  for (const path of ['/query', '/']) {
    const request = `GET ${path}?query=SELECT+1${spaces} HTTP/1.1\r\nHost: a\r\n${token}\r\n`;
    const { statuses } = await say(request + request, 2);
    assert.deepEqual(statuses, [200, 200], path);
  }
});

test('paths lead to no file', async () => {
  for (const path of ['/../etc/passwd', '/..%2f..%2fetc/passwd', '/%2e%2e/%2e%2e/etc/passwd', '/drum.js/../../etc/passwd', '/drum.js%00.html', '//etc/passwd', '/.git/config', '/drum.js/', '/./drum.js', '/DRUM.JS', '/data/token', '/drum.js;a']) {
    const { statuses, text } = await say(`GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`, 1, true);
    assert.ok(statuses[0] === 404 || (statuses[0] === 200 && text.includes('(()=>')), `${path}: ${text.slice(0, 80)}`);
    assert.doesNotMatch(text, /root:/);
  }
});

/** By http, which may send what fetch forbids. */
function ask(method, path, headers, body = '', { agent = false, url = server.url } = {}) {
  return new Promise((resolve, reject) => {
    const request = (url.startsWith('https') ? https : http).request(`${url}${path}`, { method, headers, agent }, (response) => {
      response.resume();
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers }));
    });
    request.on('error', reject);
    request.end(body);
  });
}

test('which origins may send, and what others may read', async () => {
  const url = 'https://shop.example/';
  for (const [origin, page, status] of [
    ['https://shop.example', url, 204], [undefined, url, 204], ['https://SHOP.example', url, 204],
    ['https://evil.example', url, 403], ['https://shop.example.evil.example', url, 403], ['http://shop.example', url, 403],
    ['null', url, 403], ['https://shop.example', 'https://evil.example/', 403], ['https://shop.example', 'https://evilshop.example/', 403],
    ['https://shop.example', 'https://a.b.shop.example/', 204], ['https://shop.example', 'https://user@shop.example/', 204],
    ['https://shop.example', 'https://shop.example@evil.example/', 403],
  ]) {
    const answer = await ask('POST', '/beacon', { 'content-type': 'text/plain', ...(origin && { origin }) }, beacon(page));
    assert.equal(answer.status, status, `${origin} ${page}`);
    // What is echoed is the origin that asked, never *, and nothing without one.
    assert.equal(answer.headers['access-control-allow-origin'], origin);
  }
  for (const [method, path] of [['POST', '/query'], ['GET', '/query?query=SELECT+1'], ['GET', '/metrics'], ['POST', '/import'], ['POST', '/admin/erase'], ['GET', '/']]) {
    const answer = await ask(method, path, { origin: 'https://evil.example', cookie: `token=${TOKEN}` });
    assert.equal(answer.headers['access-control-allow-origin'], undefined, path);
    assert.equal(answer.headers['access-control-allow-credentials'], undefined, path);
    if (path !== '/metrics' && path !== '/') assert.equal(answer.status, 401, `${path}: a cookie is no token`);
  }
});

test('a header is never split, and a log line stays one', async () => {
  const answer = await ask('POST', '/beacon', { origin: 'https://shop.example', 'user-agent': 'a\tb', 'content-type': 'text/plain' }, beacon('https://shop.example/a%0d%0aSet-Cookie:%20b'));
  assert.equal(answer.status, 204);
  assert.equal(answer.headers['set-cookie'], undefined);
  const erase = await ask('POST', `/admin/erase?site=${encodeURIComponent('a\r\nforged: line\x1b[31m')}`, { authorization: `Bearer ${TOKEN}` });
  assert.ok(erase.status === 200 || erase.status === 400, `${erase.status}`);
  assert.doesNotMatch(server.log(), /^forged|\x1b/m);
});

test('keys that were chosen cost no more than others', async () => {
  const count = DRUM.includes('sanitize') ? 2000 : 10000;
  const lines = (view) => Array.from({ length: count }, (_, i) => JSON.stringify({ v: 1, site: 'matrix', view: view(i).toString(16).padStart(16, '0'), url: 'https://shop.example/' })).join('\n');
  const time = async (view) => {
    const body = lines(view), begun = processorMs(server.child.pid);
    const answer = await fetch(`${server.url}/import`, { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` }, body });
    assert.equal((await answer.json()).stored, count);
    return processorMs(server.child.pid) - begun;
  };
  // Unkeyed, those would share their low or their high bits, and one chain.
  const scattered = Math.min(await time((i) => BigInt(i + 1) * 0x9e3779b97f4a7c15n & 0xffffffffffffffffn), await time((i) => BigInt(i + 1) * 0xd1342543de82ef95n & 0xffffffffffffffffn));
  const low = await time((i) => BigInt(i + 1) << 40n), high = await time((i) => BigInt(i + 1) + (0xabcdn << 48n));
  assert.ok(Math.min(low, high) < 3 * scattered + 500 && Math.max(low, high) < 5 * scattered + 1000, `${low} and ${high} ms, others ${scattered}`);
});

test('TLS: 1.2 and 1.3, AEAD with forward secrecy, no renegotiation, no compression', async () => {
  const host = new URL(await server.https).host;
  const client = (...args) => spawnSync('openssl', ['s_client', '-connect', host, ...args], { input: 'Q\n', encoding: 'utf8' });
  for (const args of [['-tls1_3'], ['-tls1_2'], ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256'], ['-tls1_2', '-cipher', 'ECDHE-ECDSA-CHACHA20-POLY1305']]) {
    const { stdout } = client(...args);
    assert.match(stdout, /Cipher is (TLS_AES|TLS_CHACHA|ECDHE-ECDSA-(AES...-GCM|CHACHA20))/, args.join(' '));
    assert.match(stdout, /Compression: NONE/);
  }
  assert.match(client('-tls1_3').stdout, /Cipher is TLS_AES_128_GCM_SHA256/, 'though OpenSSL has AES-256 first');
  for (const args of [['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0'], ['-tls1', '-cipher', 'ALL:@SECLEVEL=0'],
    ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA256'], ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA'], ['-tls1_2', '-cipher', 'AES128-GCM-SHA256'],
    ['-tls1_2', '-cipher', 'aNULL:@SECLEVEL=0'], ['-tls1_2', '-cipher', 'PSK'], ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-CCM'],
    ['-tls1_3', '-groups', 'ffdhe8192']]) {
    assert.match(client(...args).stdout, /Cipher is \(NONE\)/, args.join(' '));
  }
  const renegotiated = spawnSync('openssl', ['s_client', '-connect', host, '-tls1_2'], { input: 'R\n', encoding: 'utf8', timeout: 60000 });
  // A second handshake would verify the certificate once more.
  assert.equal(renegotiated.stderr.match(/verify return/g).length, client('-tls1_2').stderr.match(/verify return/g).length);
  assert.equal((await ask('GET', '/healthz', {})).status, 200);
});
