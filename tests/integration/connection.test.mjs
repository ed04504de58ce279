/*
 * Goal: a TLS connection for one beacon costs the server three writes, or two if the
 * beacon comes with the handshake, and lacks nothing for that: a session to resume, a window that stays open, a close_notify
 * for whom reads it. Method: a relay between client and server sees what the
 * server writes, and can hang up in the client's stead; the client is Node's, which
 * keeps to the windows that it is given.
 */
import assert from 'node:assert';
import { once } from 'node:events';
import fs from 'node:fs';
import http2 from 'node:http2';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import tls from 'node:tls';

import { serve } from '../serve.mjs';
import { END_HEADERS, END_STREAM, PREFACE, TYPE, block, data, frame, post, settings } from '../attack/wire.mjs';

const AHEAD = 16 * 2 ** 20 - 65535; // what the first WINDOW_UPDATE brings
let directory, server, port, views = 0;

before(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-connection-'));
  server = await serve(path.join(directory, 'data'));
  port = Number(new URL(await server.https).port);
});
after(async () => {
  assert.equal(await server.end(), 0);
  fs.rmSync(directory, { recursive: true, force: true });
});

const beacon = () => JSON.stringify({ v: 1, site: 'shop', view: (++views).toString(16).padStart(16, '0'), seq: 0, url: 'https://shop.example/' });

/** One connection to the server by way of a port of its own: { port, writes: what
 * came from the server, upstream }. */
async function relay() {
  const writes = [];
  const made = { writes };
  const listener = net.createServer((socket) => {
    const upstream = (made.upstream = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true }));
    upstream.on('data', (bytes) => { writes.push(bytes.length); socket.write(bytes); });
    upstream.on('error', () => socket.destroy());
    upstream.on('end', () => socket.end());
    socket.on('data', (bytes) => upstream.write(bytes));
    socket.on('end', () => upstream.end());
    socket.on('error', () => upstream.destroy());
    listener.close();
  }).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  made.port = listener.address().port;
  return made;
}

const connect = (options) => tls.connect({ host: '127.0.0.1', ALPNProtocols: ['h2'], rejectUnauthorized: false, ...options });

/** Frames of a server as they come; `next(type)` waits for one of a type. */
function frames(socket) {
  const seen = [];
  let bytes = Buffer.alloc(0);
  socket.on('data', (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      const size = 9 + bytes.readUIntBE(0, 3);
      seen.push({ type: bytes[3], flags: bytes[4], id: bytes.readUInt32BE(5), payload: bytes.subarray(9, size) });
      bytes = bytes.subarray(size);
    }
    socket.emit('frames');
  });
  return {
    seen,
    async next(what) {
      while (!seen.some(what)) await once(socket, 'frames', { signal: AbortSignal.timeout(60000) });
      return seen.find(what);
    },
  };
}

async function takeBeacon(options) {
  const by = await relay();
  const socket = connect({ port: by.port, ...options });
  let session;
  socket.on('session', (bytes) => (session = bytes));
  await once(socket, 'secureConnect');
  const got = frames(socket);
  socket.write(Buffer.concat([PREFACE, settings()]));
  await got.next((one) => one.type === TYPE.SETTINGS && one.flags === 0);
  socket.write(Buffer.concat([frame(TYPE.SETTINGS, 1, 0), post(1), data(1, beacon())]));
  const answer = await got.next((one) => one.type === TYPE.HEADERS);
  assert.equal(answer.payload[0], 0x89, 'status 204');
  return { by, socket, seen: got.seen, session, reused: socket.isSessionReused() };
}

/** Writes of all of the server's threads since it began: to sockets, to the WAL, to wake
 * one another. */
const writes = () => Number(/^syscw: (\d+)/m.exec(fs.readFileSync(`/proc/${server.child.pid}/io`, 'utf8'))[1]);

/** Handshake, ticket with SETTINGS and window, answer. */
function tookThreeWrites({ by, seen }) {
  assert.ok(by.writes.length <= 3, `${by.writes}`);
  const first = seen.filter((one) => one.type !== TYPE.HEADERS && one.type !== TYPE.DATA);
  assert.deepEqual([...new Set(first.map((one) => one.type))], [TYPE.SETTINGS, TYPE.WINDOW_UPDATE], 'SETTINGS come first');
  const updates = first.filter((one) => one.type === TYPE.WINDOW_UPDATE);
  assert.deepEqual(updates.map((one) => [one.id, one.payload.readUInt32BE(0)]), [[0, AHEAD]]);
}

test('a new session, one resumed by its ticket, and one by that one\'s: three writes each', async () => {
  const least = [Infinity, Infinity, Infinity]; // what else the server writes comes now and then
  const isLess = () => least[1] <= least[0] && least[2] <= least[0];
  for (let round = 0; round < 10 || (!isLess() && round < 100); round++) {
    let session;
    for (const [i, reused] of [false, true, true].entries()) {
      const before = writes(), got = await takeBeacon({ session });
      least[i] = Math.min(least[i], writes() - before);
      tookThreeWrites(got);
      assert.equal(got.reused, reused);
      assert.ok(got.session && !got.session.equals(session ?? Buffer.alloc(0)), 'there is another ticket');
      ({ session } = got);
      got.socket.destroy();
    }
  }
  assert.ok(isLess(), `of the server in all: ${least}`); // the relay may have got two at once
});

test('the ticket resumes a session of TLS 1.2', async () => {
  const first = await takeBeacon({ maxVersion: 'TLSv1.2' });
  assert.ok(first.session, 'there is a ticket');
  assert.equal(first.reused, false);
  first.socket.destroy();
  const second = await takeBeacon({ maxVersion: 'TLSv1.2', session: first.session });
  assert.equal(second.reused, true);
  tookThreeWrites(second);
  second.socket.destroy();
});

/** Bytes that the server sends once `leave` is called, until it closes. */
async function parting({ by, socket }, leave) {
  const before = by.writes.length, ended = once(by.upstream, 'end');
  socket.on('error', () => {});
  leave();
  await ended;
  return by.writes.slice(before).reduce((a, b) => a + b, 0);
}

test('close_notify is answered; who just hangs up gets nothing more', async () => {
  const polite = await takeBeacon();
  assert.ok(await parting(polite, () => polite.socket.end()) >= 24);
  const gone = await takeBeacon();
  assert.equal(await parting(gone, () => gone.by.upstream.end()), 0);
});

test('the window of a connection stays open', { timeout: 600000 }, async () => {
  const client = http2.connect(`https://127.0.0.1:${port}`, { rejectUnauthorized: false });
  await once(client, 'remoteSettings'); // with which it hears of the window
  const send = async () => {
    const stream = client.request({ ':method': 'POST', ':path': '/beacon' });
    stream.end(beacon().padEnd(60000, ' '));
    const [headers] = await once(stream, 'response', { signal: AbortSignal.timeout(60000) });
    assert.equal(headers[':status'], 204);
    stream.resume();
    await once(stream, 'close');
  };
  for (let i = 0; i < 140; i++) await Promise.all([send(), send(), send(), send(), send()]); // 42 MB, of a window of 16 MiB
  client.destroy();
});

test('a beacon that comes with the end of the handshake: two writes', async () => {
  let session;
  for (const reused of [false, true]) {
    const by = await relay();
    const socket = connect({ port: by.port, session });
    const ticket = once(socket, 'session', { signal: AbortSignal.timeout(60000) });
    const got = frames(socket);
    // Node sends it with its Finished.
    socket.write(Buffer.concat([PREFACE, settings(), frame(TYPE.HEADERS, END_HEADERS, 1, block('POST', '/beacon')), data(1, beacon(), END_STREAM)]));
    assert.equal((await got.next((one) => one.type === TYPE.HEADERS)).payload[0], 0x89);
    assert.ok(by.writes.length <= 2, `${by.writes}`);
    assert.deepEqual(got.seen.slice(0, 4).map((one) => one.type), [TYPE.SETTINGS, TYPE.SETTINGS, TYPE.WINDOW_UPDATE, TYPE.HEADERS]);
    assert.equal(socket.isSessionReused(), reused);
    [session] = await ticket;
    socket.destroy();
  }
});
