/*
 * Requests that two readers could take for different ones, as bytes, with what
 * the server must make of them: the statuses of its answers, in order, and
 * whether it closes the connection after them.
 */
const BEACON = JSON.stringify({ v: 1, site: 'matrix', view: '00000000000000aa', url: 'https://shop.example/' });
const SIZE = BEACON.length;
const HEX = SIZE.toString(16);
const NEXT = 'GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n';
const head = (...lines) => `POST /beacon HTTP/1.1\r\n${['Host: a', ...lines].join('\r\n')}\r\n\r\n`;
const chunked = `${HEX}\r\n${BEACON}\r\n0\r\n\r\n`;

/** [name, bytes, statuses, closed] */
export const requests = [
  ['a beacon, and another request behind it', `${head(`Content-Length: ${SIZE}`)}${BEACON}${NEXT}`, [204, 200], false],
  ['a line before the request', `\r\n${NEXT}`, [200], false],
  ['a chunked body', `${head('Transfer-Encoding: chunked')}${chunked}${NEXT}`, [204], true],
  ['both lengths (CL.TE)', `${head(`Content-Length: ${SIZE}`, 'Transfer-Encoding: chunked')}0\r\n\r\n${NEXT}`, [400], true],
  ['both lengths (TE.CL)', `${head('Transfer-Encoding: chunked', 'Content-Length: 4')}${chunked}${NEXT}`, [400], true],
  ['two Content-Lengths', `${head(`Content-Length: ${SIZE}`, 'Content-Length: 0')}${BEACON}${NEXT}`, [400], true],
  ['the same Content-Length twice', `${head(`Content-Length: ${SIZE}`, `Content-Length: ${SIZE}`)}${BEACON}${NEXT}`, [400], true],
  ['a list of Content-Lengths', `${head(`Content-Length: ${SIZE}, ${SIZE}`)}${BEACON}${NEXT}`, [400], true],
  ['a Content-Length with a sign', `${head(`Content-Length: +${SIZE}`)}${BEACON}${NEXT}`, [400], true],
  ['a negative Content-Length', `${head('Content-Length: -1')}${BEACON}${NEXT}`, [400], true],
  ['a hexadecimal Content-Length', `${head('Content-Length: 0x10')}${BEACON}${NEXT}`, [400], true],
  ['an empty Content-Length', `${head('Content-Length:')}${BEACON}${NEXT}`, [400], true],
  ['a Content-Length beyond 64 bits', `${head('Content-Length: 18446744073709551617')}${BEACON}${NEXT}`, [400], true],
  ['an encoding besides chunked', `${head('Transfer-Encoding: gzip, chunked')}${chunked}${NEXT}`, [400], true],
  ['chunked, and identity', `${head('Transfer-Encoding: chunked', 'Transfer-Encoding: identity')}${chunked}${NEXT}`, [400], true],
  ['chunked twice', `${head('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}${chunked}${NEXT}`, [400], true],
  ['xchunked', `${head('Transfer-Encoding: xchunked')}${chunked}${NEXT}`, [400], true],
  ['chunked behind a vertical tab', `${head('Transfer-Encoding: \x0bchunked')}${chunked}${NEXT}`, [400], true],
  ['an encoding with a space before the colon', `${head('Transfer-Encoding : chunked')}${chunked}${NEXT}`, [400], true],
  ['an encoding in a folded line', `${head('X-A: b', ' Transfer-Encoding: chunked')}${NEXT}`, [400], true],
  ['an encoding folded', `${head('Transfer-Encoding:', ' chunked')}${chunked}${NEXT}`, [400], true],
  ['an encoding in HTTP/1.0', `POST /beacon HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}${NEXT}`, [400], true],
  ['a chunk size that is no number', `${head('Transfer-Encoding: chunked')}zz\r\n${BEACON}\r\n0\r\n\r\n${NEXT}`, [400], true],
  ['a negative chunk size', `${head('Transfer-Encoding: chunked')}-1\r\n${BEACON}\r\n0\r\n\r\n${NEXT}`, [400], true],
  ['a chunk size beyond 64 bits', `${head('Transfer-Encoding: chunked')}10000000000000001\r\n${BEACON}\r\n0\r\n\r\n${NEXT}`, [400], true],
  ['lines that end without CR', head(`Content-Length: ${SIZE}`).replaceAll('\r\n', '\n') + BEACON + NEXT, [400], true],
  ['one line that ends without CR', `POST /beacon HTTP/1.1\r\nHost: a\nContent-Length: ${SIZE}\r\n\r\n${BEACON}${NEXT}`, [400], true],
  ['a CR within a value', `${head('X-A: b\rTransfer-Encoding: chunked')}${NEXT}`, [400], true],
  ['a NUL within a value', `${head('X-A: b\0c')}${NEXT}`, [400], true],
  ['a NUL within a name', `${head('X-\0A: b')}${NEXT}`, [400], true],
  ['a header without a name', `${head(': b')}${NEXT}`, [400], true],
  ['a header without a colon', `${head('nonsense')}${NEXT}`, [400], true],
  ['two Hosts', `${head('Host: b', `Content-Length: ${SIZE}`)}${BEACON}${NEXT}`, [400], true],
  ['no Host', `GET /healthz HTTP/1.1\r\nX-A: b\r\n\r\n${NEXT}`, [400], true],
  ['a whole URL as target', `GET http://other.example/healthz HTTP/1.1\r\nHost: a\r\n\r\n${NEXT}`, [400], true],
  ['an empty target', `GET  HTTP/1.1\r\nHost: a\r\n\r\n${NEXT}`, [400], true],
  ['* as target', `OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n${NEXT}`, [400], true],
  ['CONNECT', `CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n${NEXT}`, [400], true],
  ['a method that nobody knows', `BREW /beacon HTTP/1.1\r\nHost: a\r\n\r\n${NEXT}`, [405, 200], false],
  ['HTTP/0.9', `GET /healthz\r\n${NEXT}`, [400], true],
  ['HTTP/3.0 on TCP', `GET /healthz HTTP/3.0\r\nHost: a\r\n\r\n${NEXT}`, [400], true],
  ['101 headers', `${head(...Array.from({ length: 101 }, (_, i) => `X-${i}: a`))}${NEXT}`, [400], true],
  ['an unknown expectation', `${head('Expect: 200-ok', `Content-Length: ${SIZE}`)}${BEACON}${NEXT}`, [417], true],
  ['a body longer than any beacon', `${head('Content-Length: 200000000')}${BEACON}`, [413], true],
  ['HTTP/2 by Upgrade', `GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n${NEXT}`, [200], true],
  ['a websocket', `GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n${NEXT}`, [200], true],
  ['HEAD has no body', `HEAD /healthz HTTP/1.1\r\nHost: a\r\n\r\n${NEXT}`, [200, 200], false],
];
