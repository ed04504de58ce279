/*
 * Goal: what server/SHIPPERS.md shows works with the programs that people have:
 * real logs of Debian's nginx, in its two formats, written while Chromium and
 * raw sockets ask for pages, come in by drum import and by syslog-ng, each
 * request once. Method: the page's own examples, with paths, addresses and
 * token of the test; what was asked for is counted here and compared with the
 * rows; the server goes away in the midst.
 */
import assert from 'node:assert';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';

import { chromium } from 'playwright-core';

import { DRUM, TOKEN, end, freePort, serve, until } from '../serve.mjs';

const page = fs.readFileSync('server/SHIPPERS.md', 'utf8');
const example = (language) => new RegExp('```' + language + '\\n([^]*?)```').exec(page)[1];
const BOOMERANG = (n) => `/boomerang?pid=p${n}&n=1&u=${encodeURIComponent('http://shop.example/p/7')}&t_done=2207&pt.lcp=2233`;

let directory, port, nginx;
const children = [];

/** A request as bytes, on a connection of its own; what it is answered. */
function raw(...parts) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.end(Buffer.concat(parts.map((part) => Buffer.from(part, 'latin1')))));
    let text = '';
    socket.on('data', (chunk) => (text += chunk)).on('end', () => resolve(text)).on('error', reject);
  });
}

const get = (target, headers = '') => raw(`GET ${target} HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n${headers}\r\n`);

before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-ship-'));
  port = await freePort();
  const root = path.join(directory, 'root');
  fs.mkdirSync(path.join(root, 'p'), { recursive: true });
  for (const name of ['index.html', 'p/7.html', 'p/8.html'])
    fs.writeFileSync(path.join(root, name), `<link rel=stylesheet href=/a.css><img src="${BOOMERANG('chromium')}"><p>page`);
  fs.writeFileSync(path.join(root, 'a.css'), 'p{color:red}');
  const format = example('nginx').replace('/var/log/nginx/access.json', path.join(directory, 'access.json'));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${directory}/${name};`).join(' ');
  fs.writeFileSync(path.join(directory, 'nginx.conf'), `master_process off; daemon off; pid ${directory}/pid; error_log stderr;
events {}
http {
  ${temporary} types { text/html html; text/css css; }
  ${format}
  server {
    listen 127.0.0.1:${port}; root ${root};
    access_log ${path.join(directory, 'access.json')} drum; access_log ${path.join(directory, 'access.log')};
    location = /boomerang { return 204; } location /old { return 301 /; } try_files $uri $uri.html $uri/index.html =404;
  }
}
`);
  nginx = spawn('nginx', ['-c', path.join(directory, 'nginx.conf'), '-p', directory], { stdio: ['ignore', 'ignore', 'pipe'] });
  children.push(nginx);
  let said = '';
  nginx.stderr.on('data', (chunk) => (said += chunk));
  await until('nginx', async () => {
    if (nginx.exitCode !== null) throw new Error(said);
    return get('/').then(() => true, () => false);
  });
});

after(async () => {
  for (const child of children.reverse()) await end(child, 'SIGKILL');
  fs.rmSync(directory, { recursive: true });
});

async function start(...args) {
  const server = await serve(...args);
  children.push(server.child);
  return server;
}

const read = (name) => fs.readFileSync(path.join(directory, name), 'latin1');
const PAGES = "SELECT count() FROM events WHERE category = 'request' AND name = 'page'";

/** What of the JSON log is a page or a beacon, by a reading of its own. */
function expected() {
  let pages = 0, beacons = 0;
  for (const text of read('access.json').trimEnd().split('\n')) {
    const [, request, status, type] = /"request":"([^"]*)","status":(\d+),.*"sent_http_content_type":"([^"]*)"/.exec(text);
    if (request.startsWith('GET /boomerang')) beacons++;
    else if (request.startsWith('GET ') && status === '200' && type.startsWith('text/html')) pages++;
  }
  return { pages, beacons };
}

test('nginx writes what browsers and others ask for', async () => {
  const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', `--host-resolver-rules=MAP shop.example 127.0.0.1:${port}`] });
  try {
    const tab = await browser.newPage();
    await tab.goto('http://shop.example/p/7', { waitUntil: 'load' });
  } finally {
    await browser.close();
  }
  for (const target of ['/', '/p/7', '/p/8?utm_source=mail', '/a.css', '/nothing', '/old', BOOMERANG('one'), BOOMERANG('two')]) await get(target);
  // What a hostile client sends: quotes, backslashes, controls, bytes that are no UTF-8, no HTTP.
  await get('/p/7', 'User-Agent: x" 200 5 "-" "\\\x01\xff\xe4\x1b[31m\r\nReferer: \xc3"\\\r\n');
  await get('/p/8', `Authorization: Basic ${Buffer.from('x [01/Jan/2020:00:00:00 +0000] "GET /fake HTTP/1.1" 200 5:').toString('base64')}\r\n`);
  await get('/p/%FF%22\xe4');
  await raw('\x16\x03\x01\x02\r\n\r\n');
  await raw('GET / HTTP/0.9\r\n\r\n');
  await until('the log', () => (read('access.json').match(/\n/g) || []).length === (read('access.log').match(/\n/g) || []).length && read('access.log').includes('x16'));
  assert.ok(expected().pages >= 6 && expected().beacons >= 3, JSON.stringify(expected()));
});

for (const [name, ...args] of [['access.json'], ['access.log', '--site', 'shop.example']]) {
  test(`${name}: every page and beacon of it, once, and the page's coverage`, async () => {
    const server = await start(path.join(directory, `data-${name}`));
    const { pages, beacons } = expected();
    const run = spawnSync(DRUM, ['import', '--to', server.url, '--token', TOKEN, ...args, path.join(directory, name)], { encoding: 'utf8' });
    assert.deepEqual([run.status, run.stderr], [0, '']);
    assert.match(run.stdout, new RegExp(`^imported ${pages + beacons} beacons \\(0 repeated, 0 late, 0 rejected, \\d+ skipped\\)`));
    assert.equal(await server.query(`${PAGES} AND site = 'shop.example'`), `${pages}\n`);
    assert.equal(await server.query("SELECT count(), min(lcp) FROM pageviews WHERE site = 'shop.example' AND path = '/p/:id'"), '3\t2233\n');
    assert.equal(await server.query(`${PAGES} AND path LIKE '%fake%'`), '0\n');
    assert.equal(await server.query(`${PAGES} AND tags['utm_source'] = 'mail'`), '1\n');
    assert.equal(await server.query(`${PAGES} AND bot = 'HeadlessChrome' AND browser != ''`), '1\n');
    const grep = spawnSync('grep', ['-rlF', '127.0.0.1', path.join(directory, `data-${name}`)], { encoding: 'utf8' });
    assert.equal(grep.stdout, '', 'no address is written');
    assert.equal(await server.end(), 0);
  });
}

test('drum import as a service follows the log, while the server goes away', async () => {
  const data = path.join(directory, 'data-follow'), token = path.join(directory, 'import.token');
  const http = ['--http', `127.0.0.1:${await freePort()}`];
  let server = await start(data, http);
  fs.writeFileSync(token, `${TOKEN}\n`);
  const [, command] = /^ExecStart=\/usr\/bin\/drum (.*)$/m.exec(example('ini'));
  const args = command.replace('https://rum.example', server.url).replace('/etc/drum/import.token', token)
    .replaceAll('/var/lib/drum-import', directory).replace('/var/log/nginx', directory).split(' ');
  const child = spawn(DRUM, args, { stdio: 'ignore', env: { ...process.env, DRUM_TOKEN: undefined } });
  children.push(child);
  const arrived = (server) => until('the pages', async () => (await server.query(PAGES)) === `${expected().pages}\n`);
  await arrived(server);
  await server.end('SIGKILL');
  for (let i = 0; i < 5; i++) await get('/p/8');
  server = await start(data, http);
  await arrived(server);
  assert.equal(await end(child), 0);
  assert.equal(fs.readFileSync(path.join(directory, 'access.rejects'), 'utf8'), '');
  assert.equal(await server.end(), 0);
});

test('syslog-ng ships the log, while the server goes away', async () => {
  const data = path.join(directory, 'data-syslog');
  const http = ['--http', `127.0.0.1:${await freePort()}`];
  let server = await start(data, http);
  const version = /version='(\d+\.\d+)|syslog-ng \d+ \((\d+\.\d+)/.exec(spawnSync('syslog-ng', ['--version'], { encoding: 'utf8' }).stdout);
  const config = path.join(directory, 'syslog-ng.conf');
  fs.writeFileSync(config, `@version: ${version?.[1] || version?.[2] || '3.38'}\noptions { stats-freq(0); time-reopen(1); };\n` + example('conf')
    .replace('https://rum.example', server.url).replace('TOKEN', TOKEN).replace('/var/log/nginx', directory).replace('batch-timeout(1000)', 'batch-timeout(100)'));
  const file = (name) => path.join(directory, `syslog-ng.${name}`);
  const child = spawn('syslog-ng', ['-F', '-f', config, '--persist-file', file('persist'), '--pidfile', file('pid'), '--control', file('ctl'), '--no-caps'], { stdio: ['ignore', 'ignore', 'pipe'] });
  children.push(child);
  let said = '';
  child.stderr.on('data', (chunk) => (said += chunk));
  const arrived = (server) => until('the pages', async () => {
    if (child.exitCode !== null) throw new Error(said);
    return (await server.query(PAGES)) === `${expected().pages}\n`;
  });
  await arrived(server);
  await server.end('SIGKILL');
  for (let i = 0; i < 5; i++) await get('/p/7');
  server = await start(data, http);
  await arrived(server);
  await end(child);
  assert.equal(await server.end(), 0);
});
