/*
 * Goal: what one client, one site, or all together may have in hand is bounded,
 * whoever stands in between, and those within their bounds notice nothing.
 * Method: loopback has many addresses (127.0.0.0/8), and limits by address can
 * be had there; some stay within the limits while others go beyond.
 */
import assert from 'node:assert';
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import http2 from 'node:http2';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import zlib from 'node:zlib';

import { DRUM, serve, until } from '../serve.mjs';
import { Raw } from './wire.mjs';

const SHUT_MS = 20000; // however busy the machine is
const SANITIZED = DRUM.includes('sanitize');
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-limits-'));
const servers = [];
let views = 0;

after(async () => {
  for (const server of servers) await server.end('SIGKILL');
  fs.rmSync(directory, { recursive: true });
});

async function start(yaml) {
  const number = servers.length, config = path.join(directory, `${number}.yaml`);
  fs.writeFileSync(config, yaml);
  const server = await serve(path.join(directory, `data-${number}`), ['--config', config]);
  servers.push(server);
  server.port = Number(new URL(server.url).port);
  server.metric = async (name) => Number(new RegExp(`^drum_${name} (\\d+)$`, 'm').exec((await ask(server, '/metrics', { method: 'GET', from: '127.0.0.9' })).text)[1]);
  return server;
}

function ask(server, path, { method = 'POST', from = '127.0.0.1', headers = {}, body = '', agent = false } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port: server.port, path, method, headers, agent, localAddress: from }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

const beacon = (site = 'shop') => JSON.stringify({ v: 1, site, view: (++views).toString(16).padStart(16, '0'), url: 'https://shop.example/' });

/** Statuses of `count` beacons over one connection, as { 204: n, 429: m }. */
async function burst(server, count, { site, from, headers } = {}) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 }), statuses = {};
  for (let i = 0; i < count; i++) {
    const answer = await ask(server, '/beacon', { from, headers, agent, body: beacon(site) });
    statuses[answer.status] = (statuses[answer.status] ?? 0) + 1;
    if (answer.status !== 204) assert.equal(answer.headers['retry-after'], '1');
  }
  agent.destroy();
  return statuses;
}

/** Beacons, 32 at once, by turns as `turns` (options of burst) say, until 20 of them are told
 * 429. What is taken until then is what one bucket has, a second's worth at first and what
 * comes in meanwhile, however long that takes. The number of those refused. */
async function beyond(server, perSecond, ...turns) {
  const began = performance.now(), agent = new http.Agent({ keepAlive: true, maxSockets: 32 });
  let taken = 0, refused = 0;
  while (refused < 20) {
    assert.ok(performance.now() - began < 60000, `${taken} taken, ${refused} refused`);
    const answers = await Promise.all(Array.from({ length: 32 }, (_, i) => {
      const { site, from, headers } = turns[i % turns.length];
      return ask(server, '/beacon', { from, headers, agent, body: beacon(site) });
    }));
    for (const { status, headers } of answers) {
      if (status === 204) taken++;
      else {
        assert.deepEqual([status, headers['retry-after']], [429, '1']);
        refused++;
      }
    }
  }
  const most = perSecond * (1 + (performance.now() - began) / 1000);
  assert.ok(taken >= perSecond && taken <= most, `${taken} taken, of ${perSecond} to ${most}`);
  agent.destroy();
  return refused;
}

test('requests a second of one address; another is untouched; loopback is exempt unless asked for', async () => {
  const server = await start('limits: {loopback: true, address_requests_per_s: 20}\n');
  const refused = await beyond(server, 20, { from: '127.0.0.2' });
  assert.deepEqual(await burst(server, 15, { from: '127.0.0.3' }), { 204: 15 });
  assert.equal(await server.metric('requests_limited_total'), refused);
  const open = await start('limits: {address_requests_per_s: 20}\n');
  assert.deepEqual(await burst(open, 60, { from: '127.0.0.2' }), { 204: 60 });
});

test('a body that inflates counts as several requests of its address', async () => {
  const perSecond = 20, server = await start(`limits: {loopback: true, address_requests_per_s: ${perSecond}}\n`);
  const page = '{"meta":{"page":{"url":"https://shop.example/"}},"x":[';
  for (const [name, body] of [['numbers', zlib.gzipSync(`${page}${'1,'.repeat(250000)}1]}`)], ['a bomb', zlib.gzipSync(Buffer.alloc(1 << 20))]]) {
    const began = performance.now(), from = name === 'a bomb' ? '127.0.0.3' : '127.0.0.2', statuses = {};
    for (let i = 0; i < 40; i++) {
      const { status } = await ask(server, '/faro', { from, headers: { 'Content-Encoding': 'gzip' }, body });
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
    const taken = 40 - (statuses[429] ?? 0), came = Math.ceil((performance.now() - began) / 1000 * perSecond);
    assert.ok(taken >= 1 && taken <= 2 + (perSecond + came) / 32, `${name}: ${JSON.stringify(statuses)}, ${came} tokens came`);
  }
  assert.deepEqual(await burst(server, perSecond, { from: '127.0.0.4' }), { 204: perSecond });
});

test('beacons a second of one site; another is untouched', async () => {
  const server = await start('limits: {site_beacons_per_s: 20}\n');
  const refused = await beyond(server, 20, { site: 'noisy' });
  assert.deepEqual(await burst(server, 15, { site: 'quiet' }), { 204: 15 });
  assert.equal(await server.metric('beacons_limited_site_total'), refused);
});

test('connections of one address, open and new', async () => {
  const server = await start('limits: {loopback: true, address_connections: 5, address_connections_per_s: 20}\n');
  const open = [];
  for (let i = 0; i < 5; i++) open.push(await Raw.connect(server.port, { from: '127.0.0.4' }));
  await until('five', async () => (await server.metric('connections')) >= 5); // loops accept side by side
  const sixth = await Raw.connect(server.port, { from: '127.0.0.4' });
  assert.ok(await sixth.shutWithin(SHUT_MS), 'the sixth is open');
  for (const raw of open) assert.equal(raw.isShut, false);
  assert.deepEqual(await burst(server, 1, { from: '127.0.0.5' }), { 204: 1 });
  for (const raw of open) raw.close();
  const began = performance.now();
  let taken = 0, refused = 0;
  const connect = async () => {
    const raw = await Raw.connect(server.port, { from: '127.0.0.6' });
    await raw.write('GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
    assert.ok(await raw.shutWithin(SHUT_MS));
    if (raw.text.includes('200 OK')) taken++;
    else refused++;
  };
  while (refused < 10) {
    assert.ok(performance.now() - began < 60000, `${taken} taken, ${refused} refused`);
    await Promise.all([connect(), connect()]); // more would be too many that are open
  }
  const most = 20 * (1 + (performance.now() - began) / 1000);
  assert.ok(taken >= 20 && taken <= most, `${taken} taken, of 20 to ${most}`);
  assert.equal(await server.metric('connections_refused_total'), refused + 1);
});

test('bytes that one connection, one address, and all may have buffered', async () => {
  const server = await start('limits: {loopback: true, connection_buffer_mb: 2, address_buffer_mb: 5, buffer_mb: 8}\n');
  const fill = async (from, bytes) => {
    const raw = await Raw.connect(server.port, { from });
    await raw.write('POST /import HTTP/1.1\r\nHost: a\r\nContent-Length: 16000000\r\n\r\n');
    for (let i = 0; i < bytes && !raw.isShut; i += 100000) await raw.write(Buffer.alloc(100000));
    return raw;
  };
  assert.ok(await (await fill('127.0.0.7', 3000000)).shutWithin(SHUT_MS), '3 MB on one connection');
  const address = [];
  for (let i = 0; i < 4; i++) address.push(await fill('127.0.0.8', 1800000));
  await until('one of four to be shut', () => address.some((raw) => raw.isShut));
  const all = [];
  for (let i = 10; i < 15; i++) all.push(await fill(`127.0.0.${i}`, 1800000));
  await until('one of all to be shut', () => all.some((raw) => raw.isShut));
  assert.ok((await server.metric('connections_overfull_total')) >= 3);
  await until('the bytes of those to be given back', async () => (await server.metric('buffered_bytes')) <= 8 << 20); // what the kernel had taken counts until they are closed
  for (const raw of [...address, ...all]) raw.close();
  await until('the bytes to be given back', async () => (await server.metric('buffered_bytes')) < 100000);
  assert.deepEqual(await burst(server, 5), { 204: 5 });
});

test('a stream whose body has begun counts as the buffer that it holds', async () => {
  const server = await start('limits: {loopback: true, connection_buffer_mb: 2}\n');
  const shut = (bytes, ends) => new Promise((resolve) => {
    const session = http2.connect(`http://127.0.0.1:${server.port}`);
    session.on('error', () => {}).on('close', () => resolve(true));
    let answers = 0;
    for (let i = 0; i < 64; i++) {
      const stream = session.request({ ':method': 'POST', ':path': '/beacon' }, { endStream: false });
      stream.on('error', () => {}).on('response', () => {
        if (++answers === 64) session.destroy(), resolve(false);
      });
      if (ends) stream.end(Buffer.alloc(bytes));
      else stream.write(Buffer.alloc(bytes));
    }
  });
  assert.equal(await shut(1000, true), false, '64 whole requests');
  assert.equal(await shut(1, false), true, '64 streams with a byte each');
  assert.equal(await server.metric('connections_overfull_total'), 1);
  await until('the bytes to be given back', async () => (await server.metric('buffered_bytes')) < 100000);
});

test('X-Forwarded-For counts from trusted proxies only, from the right', async () => {
  const server = await start('trusted_proxies: ["127.0.0.20", "10.0.0.0/8", "2001:db8::/32"]\nlimits: {address_requests_per_s: 20}\n');
  const of = (value, from = '127.0.0.20') => ({ from, headers: { 'x-forwarded-for': value } });
  const via = (value, from) => burst(server, 45, of(value, from));
  await beyond(server, 20, of('192.0.2.1'));
  assert.deepEqual(await burst(server, 15, of('192.0.2.2')), { 204: 15 });
  // What the client itself wrote stands left of what the proxies added: another forged left part, the same client.
  await beyond(server, 20, of('198.51.100.1, 192.0.2.3, 10.1.2.3, 2001:db8::5'), of('198.51.100.77, 192.0.2.3'));
  assert.deepEqual(await burst(server, 15, of('192.0.2.3, 198.51.100.1')), { 204: 15 });
  // The /64 is one client; garbage is not looked behind; not from others.
  await beyond(server, 20, of('[2001:db9::1]:4711'), of('2001:db9::ffff'));
  assert.deepEqual(await via('192.0.2.9, unknown'), { 204: 45 });
  assert.deepEqual(await via('192.0.2.1', '127.0.0.21'), { 204: 45 });
  // /metrics is for loopback: a forwarded client is none, whoever forwards, for a proxy on this machine may not be configured.
  assert.equal((await ask(server, '/metrics', { method: 'GET', from: '127.0.0.20', headers: { 'x-forwarded-for': '192.0.2.1' } })).status, 401);
  assert.equal((await ask(server, '/metrics', { method: 'GET', from: '127.0.0.21', headers: { 'x-forwarded-for': '192.0.2.1' } })).status, 401);
});

test('the PROXY protocol, both versions, and from trusted proxies only', async () => {
  const yaml = 'trusted_proxies: ["127.0.0.30"]\nlisteners:\n  - {address: "127.0.0.1:0", proxy_protocol: true, tls: false}\n  - {address: "127.0.0.1:0", tls: true, proxy_protocol: true}\n';
  const config = path.join(directory, 'proxy.yaml');
  fs.writeFileSync(config, `${yaml}limits: {address_requests_per_s: 5}\n`);
  const child = spawn(DRUM, ['serve', '--config', config, '--data', path.join(directory, 'proxied')], { stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    const ports = await new Promise((resolve) => {
      let text = '';
      child.stderr.on('data', (chunk) => {
        text += chunk;
        const found = [...text.matchAll(/listening on https?:\/\/127\.0\.0\.1:(\d+)/g)];
        if (found.length === 2) resolve(found.map((match) => Number(match[1])));
      });
    });
    const request = 'GET /ping HTTP/1.1\r\nHost: a\r\n\r\n';
    const get = async (head, from = '127.0.0.30', times = 1) => {
      const raw = await Raw.connect(ports[0], { from });
      for (const part of head) {
        await raw.write(part);
        if (part.length < 4) await raw.shutWithin(5); // as segments of their own
      }
      await raw.write(request.repeat(times));
      const count = () => [...raw.text.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1]);
      for (const began = performance.now(); !raw.isShut && count().length < times && performance.now() - began < SHUT_MS;) await raw.shutWithin(10);
      raw.close();
      return count();
    };
    const text = (address) => Buffer.from(`PROXY TCP4 ${address} 127.0.0.1 1234 80\r\n`);
    const binary = (command, family, body) => Buffer.concat([Buffer.from('0d0a0d0a000d0a515549540a', 'hex'), Buffer.from([0x20 | command, family, 0, body.length]), body]);
    assert.deepEqual(await get([text('192.0.2.1')]), ['200']);
    assert.deepEqual(await get([...text('192.0.2.1').toString()]), ['200'], 'byte by byte');
    assert.deepEqual(await get([binary(1, 0x11, Buffer.from([192, 0, 2, 2, 127, 0, 0, 1, 4, 210, 0, 80]))]), ['200']);
    assert.deepEqual(await get([binary(0, 0, Buffer.alloc(0))]), ['200'], 'LOCAL');
    assert.deepEqual(await get([Buffer.from('PROXY UNKNOWN\r\n')]), ['200']);
    for (const bad of ['', 'GET ', 'PROXY TCP4 nonsense 127.0.0.1 1 2\r\n', 'PROXY TCP4 1.2.3.4\r\n', `PROXY TCP4 ${' '.repeat(200)}\r\n`, '\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0'])
      assert.deepEqual(await get([Buffer.from(bad, 'latin1')]), [], JSON.stringify(bad));
    assert.deepEqual(await get([text('192.0.2.1')], '127.0.0.31'), [], 'a stranger');
    const began = performance.now(), limited = await get([text('192.0.2.5')], '127.0.0.30', 60);
    const taken = limited.filter((status) => status === '200').length, most = 5 * (1 + (performance.now() - began) / 1000);
    assert.ok(limited.length === 60 && limited.filter((status) => status === '429').length === 60 - taken, limited.join());
    assert.ok(taken >= 5 && taken <= most && taken < 60, `${taken} taken, of 5 to ${most}`);
    assert.deepEqual(await get([text('192.0.2.6')], '127.0.0.30', 3), ['200', '200', '200']);
  } finally {
    child.kill('SIGKILL');
  }
});

test('a configuration that would trust anyone is refused', () => {
  for (const [yaml, error] of [
    ['trusted_proxies: ["10.0.0.0/33"]', /trusted_proxies.*10\.0\.0\.0\/33/],
    ['trusted_proxies: ["10.0.0.0/8", "0.0.0.0/0"]', /trusted_proxies\[1\]: '0\.0\.0\.0\/0' is everyone/],
    ['trusted_proxies: ["::/0"]', /is everyone/],
    ['trusted_proxies: [proxy.example]', /trusted_proxies.*proxy\.example/],
    ['listeners: [{address: "127.0.0.1:0", proxy_protocol: true}]', /proxy_protocol needs trusted_proxies/],
  ]) {
    const config = path.join(directory, 'bad.yaml');
    fs.writeFileSync(config, `${yaml}\n`);
    assert.throws(() => execFileSync(DRUM, ['serve', '--check-config', '--config', config], { stdio: 'pipe' }), error);
  }
});

test('overload: far more than is allowed; the rest is told so, and all is well after', async () => {
  const perSecond = SANITIZED ? 200 : 1000, count = SANITIZED ? 4000 : 40000; // as any machine can ask for
  const server = await start(`limits: {requests_per_s: ${perSecond}}\n`);
  const body = path.join(directory, 'body');
  fs.writeFileSync(body, beacon('load'));
  const memory = () => Number(/^VmRSS:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]);
  const before = memory(), began = performance.now();
  const load = spawn('h2load', ['-n', String(count), '-c', '20', '-m', '10', '-d', body, `${server.url}/beacon`], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  load.stdout.on('data', (chunk) => (text += chunk));
  await new Promise((resolve) => load.once('close', resolve));
  const seconds = (performance.now() - began) / 1000;
  const [, good, , , bad] = /status codes: (\d+) 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(text).map(Number);
  console.log(`# overload: ${good} taken, ${bad} told 503 in ${seconds.toFixed(2)} s`);
  assert.equal(good + bad, count, 'each has an answer');
  assert.ok(bad > 0 && good >= perSecond && good <= perSecond * (1 + seconds), `${good} taken in ${seconds} s`);
  if (!SANITIZED) assert.ok(memory() < before + 100000, `${memory()} KiB, before ${before}`);
  await new Promise((resolve) => setTimeout(resolve, 1000)); // fills the bucket, which metrics take from, too
  assert.equal(await server.metric('requests_overload_total'), bad);
  assert.deepEqual(await burst(server, 100), { 204: 100 });
});
