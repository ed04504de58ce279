/*
 * Goal: a server that has run out of descriptors neither ends nor spins nor
 * loses anything: who is connected is served, and when descriptors are free
 * again, new connections are. Method: `prlimit --nofile` once it listens, for at its
 * start it leaves descriptors free of connections, and more connections than that.
 */
import assert from 'node:assert';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';

import { processorMs, serve, until } from '../serve.mjs';

const DESCRIPTORS = 128;
const CONNECTIONS = 200;
const LOOK_MS = 1500;

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-descriptors-'));
after(() => fs.rmSync(directory, { recursive: true }));

const data = path.join(directory, 'data');

let views = 0;

/** The status of a beacon on a connection of `agent`. */
function send(server, agent) {
  const body = JSON.stringify({ v: 1, site: 'shop', view: (++views).toString(16).padStart(16, '0'), seq: 0, t: Date.now(), url: 'https://shop.example/' });
  return new Promise((resolve, reject) => {
    const request = http.request(`${server.url}/beacon`, { method: 'POST', agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
    });
    request.on('error', reject);
    request.setTimeout(30000, () => request.destroy(new Error('no answer')));
    request.end(body);
  });
}

const descriptors = (pid) => fs.readdirSync(`/proc/${pid}/fd`).length;

test('without descriptors: served, not spinning, and back', async () => {
  const server = await serve(data), { port } = new URL(server.url), { pid } = server.child;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const sockets = [];
  try {
    execFileSync('prlimit', ['--pid', String(pid), `--nofile=${DESCRIPTORS}:${DESCRIPTORS}`]);
    assert.equal(await send(server, agent), 204);
    for (let i = 0; i < CONNECTIONS; i++) {
      const socket = net.connect(port, '127.0.0.1');
      socket.on('error', () => {});
      sockets.push(socket);
    }
    await until('no descriptor left', () => descriptors(pid) >= DESCRIPTORS - 2);
    for (let i = 0; i < 20; i++) assert.equal(await send(server, agent), 204, server.log());
    const before = processorMs(pid), looked = Date.now();
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const share = (processorMs(pid) - before) / (Date.now() - looked);
    assert.ok(share < 0.5, `${share} of a processor while nothing happens`);

    for (const socket of sockets) socket.destroy();
    await until('a new connection', () => send(server, new http.Agent()).then((status) => status === 204, () => false));
    const expected = views;
    assert.equal(Number(await server.query('SELECT count() FROM pageviews')), expected);
  } finally {
    for (const socket of sockets) socket.destroy();
    agent.destroy();
    assert.equal(await server.end(), 0);
  }
  assert.doesNotMatch(server.log(), /DAMAGED|lost/);
});
