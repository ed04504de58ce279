/*
 * A TLS 1.2 client with false start: what it has to say goes out with its
 * Finished, before the server's. Neither Node nor OpenSSL does that, browsers do.
 * It knows one suite (ECDHE-ECDSA-AES128-GCM-SHA256, X25519) and believes every
 * certificate.
 */
import crypto from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';

const TLS12 = Buffer.from([3, 3]), SUITE = Buffer.from([0xc0, 0x2b]), X25519 = Buffer.from([0, 0x1d]), P256 = Buffer.from([0, 0x17]), ECDSA_SHA256 = Buffer.from([4, 3]);
const CHANGE_CIPHER_SPEC = 20, HANDSHAKE = 22, APPLICATION = 23;
const CLIENT_HELLO = 1, SERVER_HELLO = 2, SERVER_KEY_EXCHANGE = 12, SERVER_HELLO_DONE = 14, CLIENT_KEY_EXCHANGE = 16, FINISHED = 20;
const SUPPORTED_GROUPS = 10, POINT_FORMATS = 11, SIGNATURE_ALGORITHMS = 13, ALPN = 16;
const RECORD_MAX = 16000;
const SPKI = Buffer.from('302a300506032b656e032100', 'hex'); // what comes before the bytes of an X25519 key

/** Bytes with their length in front, of `width` bytes. */
function sized(width, ...parts) {
  const bytes = Buffer.concat(parts), length = Buffer.alloc(width);
  length.writeUIntBE(bytes.length, 0, width);
  return Buffer.concat([length, bytes]);
}

const record = (type, bytes) => Buffer.concat([Buffer.from([type]), TLS12, sized(2, bytes)]);
const message = (type, bytes) => Buffer.concat([Buffer.from([type]), sized(3, bytes)]);
const extension = (type, bytes) => Buffer.concat([Buffer.from([0, type]), sized(2, bytes)]);
const hmac = (key, ...parts) => crypto.createHmac('sha256', key).update(Buffer.concat(parts)).digest();

/** RFC 5246, 5. */
function expand(secret, label, seed, size) {
  const text = Buffer.concat([Buffer.from(label), seed]), blocks = [];
  for (let a = hmac(secret, text); blocks.length * 32 < size; a = hmac(secret, a)) blocks.push(hmac(secret, a, text));
  return Buffer.concat(blocks).subarray(0, size);
}

function clientHello(random) {
  const extensions = [
    extension(SUPPORTED_GROUPS, sized(2, X25519, P256)), extension(POINT_FORMATS, sized(1, Buffer.from([0]))),
    extension(SIGNATURE_ALGORITHMS, sized(2, ECDSA_SHA256)), extension(ALPN, sized(2, sized(1, Buffer.from('h2'))))];
  return message(CLIENT_HELLO, Buffer.concat([TLS12, random, sized(1), sized(2, SUITE), sized(1, Buffer.from([0])), sized(2, ...extensions)]));
}

/** The server's messages up to ServerHelloDone, each [type, body], as they came in `bytes`;
 * null: not all of them are there. */
function parse(bytes) {
  let text = Buffer.alloc(0);
  for (let at = 0; at + 5 <= bytes.length && at + 5 + bytes.readUInt16BE(at + 3) <= bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) {
    if (bytes[at] !== HANDSHAKE) throw new Error(`TLS: ${bytes.toString('hex', at, at + 16)}`);
    text = Buffer.concat([text, bytes.subarray(at + 5, at + 5 + bytes.readUInt16BE(at + 3))]);
  }
  const messages = [];
  for (let at = 0; at + 4 <= text.length; at += 4 + text.readUIntBE(at + 1, 3)) messages.push([text[at], text.subarray(at + 4, at + 4 + text.readUIntBE(at + 1, 3))]);
  return messages.some(([type]) => type === SERVER_HELLO_DONE) ? { text, messages: Object.fromEntries(messages) } : null;
}

/** Connects and sends `bytes` in one flight with Finished; the socket. */
export async function falseStart(port, bytes) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true });
  const random = crypto.randomBytes(32), hello = clientHello(random), own = crypto.generateKeyPairSync('x25519');
  let come = Buffer.alloc(0), got = null;
  socket.on('error', () => {});
  socket.on('data', (chunk) => (come = Buffer.concat([come, chunk])));
  socket.write(record(HANDSHAKE, hello));
  while (!(got = parse(come))) await once(socket, 'data', { signal: AbortSignal.timeout(5000) });
  const serverRandom = got.messages[SERVER_HELLO].subarray(2, 34), theirs = got.messages[SERVER_KEY_EXCHANGE].subarray(4, 36); // named curve, X25519, 32
  const shared = crypto.diffieHellman({ privateKey: own.privateKey, publicKey: crypto.createPublicKey({ key: Buffer.concat([SPKI, theirs]), format: 'der', type: 'spki' }) });
  const master = expand(shared, 'master secret', Buffer.concat([random, serverRandom]), 48);
  const keys = expand(master, 'key expansion', Buffer.concat([serverRandom, random]), 40), key = keys.subarray(0, 16), salt = keys.subarray(32, 36);
  let sent = 0;
  const seal = (type, plain) => {
    const nonce = Buffer.alloc(8), size = Buffer.alloc(2);
    nonce.writeUInt32BE(sent++, 4); // the number of the record
    size.writeUInt16BE(plain.length);
    const cipher = crypto.createCipheriv('aes-128-gcm', key, Buffer.concat([salt, nonce])).setAAD(Buffer.concat([nonce, Buffer.from([type]), TLS12, size]));
    return record(type, Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]));
  };
  const exchange = message(CLIENT_KEY_EXCHANGE, sized(1, own.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32)));
  const seen = crypto.createHash('sha256').update(Buffer.concat([hello, got.text, exchange])).digest();
  const flight = [record(HANDSHAKE, exchange), record(CHANGE_CIPHER_SPEC, Buffer.from([1])), seal(HANDSHAKE, message(FINISHED, expand(master, 'client finished', seen, 12)))];
  for (let at = 0; at < bytes.length; at += RECORD_MAX) flight.push(seal(APPLICATION, bytes.subarray(at, at + RECORD_MAX)));
  socket.write(Buffer.concat(flight));
  return socket;
}
