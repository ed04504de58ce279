/*
 * Goal: nothing that a stranger sends by HTTP/2, or slowly, stops or starves
 * the server. Method: each attack of attacks.mjs against a server on loopback
 * whose deadlines are short; afterwards it was shut, the process lives with no
 * more memory, descriptors and log than before, and a client in a process of
 * its own had every beacon acknowledged and finds each stored once.
 */
import assert from 'node:assert';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';

import { DRUM, serve, until } from '../serve.mjs';
import { lingering, quick } from './attacks.mjs';
import { falseStart } from './false_start.mjs';
import { END_STREAM, PREFACE, Raw, TYPE, block, data, frame, get, http2, ping, post, settings } from './wire.mjs';

const SANITIZED = DRUM.includes('sanitize');
const MEMORY_KIB = SANITIZED ? 400000 : 64000; // above what it had
const DEADLINE_S = 1;
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-attack-'));
let server, port, honest, memory;

const status = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(fs.readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]);
const descriptors = () => fs.readdirSync(`/proc/${server.child.pid}/fd`).length;

/** On a connection of its own: fetch keeps one, which the server may just have shut as idle. */
async function metric(name) {
  const text = await new Promise((resolve, reject) => {
    http.get(`${server.url}/metrics`, { agent: false }, (response) => {
      let all = '';
      response.setEncoding('utf8').on('data', (chunk) => (all += chunk)).on('end', () => resolve(all)).on('error', reject);
    }).on('error', reject);
  });
  return Number(new RegExp(`^drum_${name} (\\d+)$`, 'm').exec(text)[1]);
}

before(async () => {
  const config = path.join(directory, 'short.yaml');
  fs.writeFileSync(config, `limits: {connection_idle_s: ${DEADLINE_S}, request_s: ${DEADLINE_S}, connection_in_flight: 50}\n`);
  server = await serve(path.join(directory, 'data'), ['--config', config]);
  port = Number(new URL(server.url).port);
  memory = status('VmRSS');
  honest = spawn('node', ['tests/attack/honest.mjs', port, 'honest', '100'], { stdio: ['pipe', 'pipe', 'inherit'] });
});

after(async () => {
  honest.kill();
  await server.end('SIGKILL');
  fs.rmSync(directory, { recursive: true });
});

function alive(name) {
  assert.equal(server.child.exitCode ?? server.child.signalCode, null, `the process ended by ${name}: ${server.log().slice(-500)}`);
  assert.ok(status('VmHWM') < memory + MEMORY_KIB, `${name}: ${status('VmHWM')} KiB, before ${memory}`);
}

for (const [name, attack] of Object.entries(quick)) {
  test(`shut: ${name}`, async () => {
    const abusive = await metric('connections_abusive_total');
    assert.ok((await attack(port, {})).shut, 'the connection is still open');
    // As one that is abusive, not as one that was left idle after what was sent; but one is answered.
    if (name !== 'long address') await until('it to be counted', async () => (await metric('connections_abusive_total')) === abusive + 1);
    alive(name);
  });
}

test('over TLS just as well', async () => {
  const secure = Number(new URL(await server.https).port);
  for (const name of ['rapid reset', 'PING', 'header bomb']) assert.ok((await quick[name](secure, { secure: true })).shut, name);
});

test('shut in time: all that linger, at once', async () => {
  const results = await Promise.all(Object.entries(lingering).map(async ([name, attack]) => [name, await attack(port, {})]));
  for (const [name, { shut }] of results) assert.ok(shut, `${name} is still open`);
  alive('slow clients');
});

test('a window that opens while a finished stream waits for its write', () => {
  const tool = path.join(path.dirname(DRUM), 'tests/attack/window');
  assert.equal(spawnSync(tool, [port, '60'], { stdio: 'inherit' }).status, 0);
  alive('the window');
});

test('requests that are reset go on counting against their connection', async () => {
  const overload = await metric('beacons_overload_total');
  const raw = await http2(port);
  const body = JSON.stringify({ v: 1, site: 'reset', view: '00000000000000bb', url: 'https://shop.example/' });
  const reset = (id) => Buffer.concat([frame(TYPE.HEADERS, 4, id, block('POST', '/beacon')), frame(TYPE.DATA, END_STREAM, id, Buffer.from(body)), frame(TYPE.RST_STREAM, 0, id, Buffer.alloc(4))]);
  await raw.write(...Array.from({ length: 90 }, (_, i) => reset(2 * i + 1))); // fewer than would be abuse
  await until('the refusals', async () => (await metric('beacons_overload_total')) > overload);
  assert.equal(raw.isShut, false);
  raw.close();
});

/* libh2o has the first frames before it reads: with the end of a handshake, or of
 * an answer, that it has written. */
const early = {
  'false start of TLS 1.2': async (bytes) => falseStart(Number(new URL(await server.https).port), bytes),
  'a request of HTTP/1 before them': async (bytes) => {
    const raw = await Raw.connect(port);
    await raw.write('GET /healthz HTTP/1.1\r\nHost: shop.example\r\n\r\n', bytes);
    return raw.socket;
  },
};
let views = 0;
for (const [name, send] of Object.entries(early)) {
  const beacon = () => JSON.stringify({ v: 1, site: 'early', view: (++views).toString(16).padStart(16, '0'), url: 'https://shop.example/' });

  test(`frames that come early: ${name}`, async () => {
    const abusive = await metric('connections_abusive_total');
    const flight = (...between) => Buffer.concat([PREFACE, settings(), ...between, post(1), data(1, beacon())]);
    const honest = await send(flight());
    await until('its beacon', async () => (await server.query("SELECT count() FROM pageviews WHERE site = 'early'")) === `${views}\n`);
    honest.destroy();
    assert.equal(await metric('connections_abusive_total'), abusive);
    const flood = await send(flight(...Array.from({ length: 1000 }, ping)));
    await until('its end', async () => (await metric('connections_abusive_total')) === abusive + 1);
    assert.equal(await server.query("SELECT count() FROM pageviews WHERE site = 'early'"), `${--views}\n`);
    flood.destroy();
    alive(name);
  });
}

test('the honest client had every beacon acknowledged and stored', async () => {
  const answer = new Promise((resolve) => honest.stdout.once('data', (line) => resolve(JSON.parse(line))));
  honest.stdin.end();
  const { acknowledged, refused, errors, p99 } = await answer;
  console.log(`# honest: ${acknowledged} acknowledged, p99 ${p99} ms`);
  assert.ok(acknowledged > 200, `${acknowledged} acknowledged`);
  assert.equal(refused, 0);
  assert.equal(errors, 0);
  assert.equal(await server.query("SELECT count(), uniqExact(view_id) FROM pageviews WHERE site = 'honest'"), `${acknowledged}\t${acknowledged}\n`);
});

test('what was counted is given back, and the log stays short', async () => {
  await until('the connections to end', async () => (await metric('connections')) < 15 && descriptors() < 60);
  await until('the bytes to be given back', async () => (await metric('buffered_bytes')) < 200000);
  for (const name of ['beacons_in_flight', 'beacons_in_flight_bytes']) await until(`no ${name}`, async () => (await metric(name)) === 0);
  assert.ok((await metric('connections_shut_total')) > 0);
  assert.ok(server.log().length < 5000, server.log().slice(0, 5000));
});

test('a CONTINUATION behind the GOAWAY does not keep the process from ending', async () => {
  const other = await serve(path.join(directory, 'other'));
  // An answer that has no window keeps the connection open until the second GOAWAY, and beyond.
  const raw = await http2(Number(new URL(other.url).port), { settings: [[4, 0]] });
  await raw.write(get(1, '/drum.js'));
  await raw.match(/\x01\x04\x00\x00\x00\x01/);
  await raw.write(frame(TYPE.HEADERS, END_STREAM, 3, block('GET', '/')));
  const ended = other.end('SIGTERM');
  await raw.match(/\x07\x00\x00\x00\x00\x00[^]*\x07\x00\x00\x00\x00\x00/); // the second GOAWAY comes after a second
  await raw.write(frame(TYPE.CONTINUATION, 0, 1));
  assert.equal(await ended, 0);
  assert.doesNotMatch(other.log(), /the shutdown took too long/, 'it took the watchdog');
});

test('http2: false speaks HTTP/1.1 alone', async () => {
  const config = path.join(directory, 'old.yaml');
  fs.writeFileSync(config, 'http2: false\n');
  const old = await serve(path.join(directory, 'old'), ['--config', config]);
  try {
    const raw = await http2(Number(new URL(old.url).port));
    assert.ok(await raw.shutWithin(20000));
    assert.match(raw.text, /^HTTP\/1.1 400/);
    const tls = spawnSync('openssl', ['s_client', '-connect', new URL(await old.https).host, '-alpn', 'h2,http/1.1'], { input: '', encoding: 'utf8' });
    assert.match(tls.stdout, /ALPN protocol: http\/1\.1/);
    assert.equal((await fetch(`${old.url}/healthz`)).status, 200);
  } finally {
    await old.end();
  }
});
