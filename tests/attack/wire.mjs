/*
 * Bytes as an attacker sends them: a raw socket that tells when the server shut
 * it, and a writer of HTTP/2 frames that checks nothing.
 */
import net from 'node:net';
import tls from 'node:tls';

export const TYPE = { DATA: 0, HEADERS: 1, PRIORITY: 2, RST_STREAM: 3, SETTINGS: 4, PUSH_PROMISE: 5, PING: 6, GOAWAY: 7,
  WINDOW_UPDATE: 8, CONTINUATION: 9 };
export const END_STREAM = 1, END_HEADERS = 4;
export const PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

export function frame(type, flags, id, payload = Buffer.alloc(0)) {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, payload]);
}

const uint32 = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};

export const settings = (...pairs) => frame(TYPE.SETTINGS, 0, 0, Buffer.concat(pairs.map(([key, value]) => Buffer.concat([Buffer.from([0, key]), uint32(value)]))));
export const windowUpdate = (id, increment) => frame(TYPE.WINDOW_UPDATE, 0, id, uint32(increment));
export const reset = (id) => frame(TYPE.RST_STREAM, 0, id, uint32(8));
export const ping = () => frame(TYPE.PING, 0, 0, Buffer.alloc(8));
export const priority = (id, parent = 0) => frame(TYPE.PRIORITY, 0, id, Buffer.concat([uint32(parent), Buffer.from([16])]));

function integer(value, prefix, first = 0) {
  const most = (1 << prefix) - 1;
  if (value < most) return Buffer.from([first | value]);
  const bytes = [first | most];
  for (value -= most; value >= 128; value = Math.floor(value / 128)) bytes.push((value % 128) | 128);
  return Buffer.from([...bytes, value]);
}

/** A literal header without Huffman; `first` 0x40 also puts it into the table. */
export function literal(name, value, first = 0) {
  const [n, v] = [Buffer.from(name), Buffer.from(value)];
  return Buffer.concat([Buffer.from([first]), integer(n.length, 7), n, integer(v.length, 7), v]);
}

export const block = (method, path, extra = {}) => Buffer.concat([
  literal(':method', method), literal(':scheme', 'http'), literal(':path', path), literal(':authority', 'shop.example'),
  ...Object.entries(extra).map(([name, value]) => literal(name, value))]);
export const get = (id, path = '/drum.js') => frame(TYPE.HEADERS, END_STREAM | END_HEADERS, id, block('GET', path));
export const post = (id, path = '/beacon', extra = {}) => frame(TYPE.HEADERS, END_HEADERS, id, block('POST', path, extra));
export const data = (id, bytes, flags = END_STREAM) => frame(TYPE.DATA, flags, id, Buffer.from(bytes));

export class Raw {
  static async connect(port, { from = '127.0.0.1', secure = false, reads = true } = {}) {
    const options = { port, host: '127.0.0.1', localAddress: from, allowHalfOpen: false };
    const socket = secure ? tls.connect({ ...options, rejectUnauthorized: false, ALPNProtocols: ['h2'] }) : net.connect(options);
    const raw = new Raw(socket, reads);
    await new Promise((resolve, reject) => {
      socket.once(secure ? 'secureConnect' : 'connect', resolve);
      socket.once('error', reject);
    });
    return raw;
  }

  constructor(socket, reads) {
    this.socket = socket;
    this.bytes = [];
    this.synced = 0; // answers to sync()
    this.tail = ''; // of what has come: an answer may be cut in two
    this.isShut = false;
    this.opened = performance.now();
    this.shut = new Promise((resolve) => (this.tell = resolve));
    const over = () => {
      if (!this.isShut) this.lived = performance.now() - this.opened;
      this.isShut = true;
      this.tell();
    };
    socket.on('error', over);
    socket.on('end', over);
    socket.on('close', over);
    if (reads) socket.on('data', (chunk) => {
      const text = this.tail + chunk.toString('latin1');
      this.synced += text.split('drumsync').length - 1;
      this.tail = text.endsWith('drumsync') ? '' : text.slice(-7);
      if (this.bytes.length < 64) this.bytes.push(chunk);
    });
  }

  get text() {
    return Buffer.concat(this.bytes).toString('latin1');
  }

  /** Writes, and waits while the kernel takes no more; false once it is shut. */
  async write(...parts) {
    if (this.isShut) return false;
    if (!this.socket.write(Buffer.concat(parts.map((part) => Buffer.from(part)))))
      await Promise.race([this.shut, new Promise((resolve) => this.socket.once('drain', resolve))]);
    return !this.isShut;
  }

  /** A PING, and the time until the server has taken all that was sent before it,
   * or `ms`: some that is sent is never answered. */
  async sync(ms = 10000) {
    const before = this.synced, deadline = performance.now() + ms;
    if (!(await this.write(frame(TYPE.PING, 0, 0, Buffer.from('drumsync'))))) return;
    while (this.synced === before && !this.isShut && performance.now() < deadline)
      await Promise.race([this.shut, new Promise((resolve) => setTimeout(resolve, 1))]);
  }

  /** Whether the server shuts it within `ms`. */
  async shutWithin(ms) {
    let timer;
    const late = new Promise((resolve) => (timer = setTimeout(resolve, ms)));
    await Promise.race([this.shut, late]);
    clearTimeout(timer);
    return this.isShut;
  }

  /** What has come, once it matches; rejects after `ms` or when it is shut first. */
  async match(pattern, ms = 30000) {
    const deadline = performance.now() + ms;
    while (!pattern.test(this.text)) {
      if (this.isShut || performance.now() > deadline) throw new Error(`no ${pattern} in ${JSON.stringify(this.text)}`);
      await Promise.race([this.shut, new Promise((resolve) => setTimeout(resolve, 10))]);
    }
    return pattern.exec(this.text);
  }

  close() {
    this.socket.destroy();
  }
}

/** HTTP/2 in the clear with prior knowledge, or over TLS. */
export async function http2(port, options = {}) {
  const raw = await Raw.connect(port, options);
  await raw.write(PREFACE, settings(...(options.settings || [])));
  return raw;
}
