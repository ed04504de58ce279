/*
 * An honest client in a process of its own, so that nothing else delays it: a
 * beacon every few ms, by turns over HTTP/1 and HTTP/2, each a new view. Ends
 * with its standard input and prints
 *   { acknowledged, refused, errors, p50, p99, worst }   (milliseconds)
 * For each line of it, the latencies since the last one, as JSON.
 *   node honest.mjs PORT SITE PER_SECOND [LOCAL_ADDRESS]
 */
import http from 'node:http';
import http2 from 'node:http2';
import net from 'node:net';

const [, , port, site, perSecond, localAddress = '127.0.0.1'] = process.argv;
const agent = new http.Agent({ keepAlive: true, maxSockets: 8, localAddress });
const latencies = [];
/* A connection may be closed for its idleness under a request that comes after so long
 * (this process may have been kept waiting): browsers ask again, and so does this. */
const IDLE_MS = 500;
let session, sent = 0, acknowledged = 0, refused = 0, errors = 0, pending = 0;

const body = () => JSON.stringify({ v: 1, site, view: (++sent).toString(16).padStart(16, '0'), url: `https://shop.example/p/${sent}`, vitals: { lcp: 1000 + sent % 1000 } });

function done(status, begun) {
  pending--;
  if (status === 204) {
    acknowledged++;
    latencies.push(performance.now() - begun);
  } else if (status > 0) refused++;
  else errors++;
}

function viaHttp1(text = body(), begun = performance.now()) {
  let told = false, idle = false, socket;
  const once = (status) => {
    if (told) return;
    told = true;
    if (status === 0 && idle) viaHttp1(text, begun);
    else done(status, begun);
  };
  const request = http.request({ host: '127.0.0.1', port, path: '/beacon', method: 'POST', agent }, (response) => {
    response.resume();
    response.on('end', () => {
      socket.usedMs = performance.now();
      once(response.statusCode);
    });
  });
  request.on('socket', (one) => {
    socket = one;
    idle = performance.now() - socket.usedMs > IDLE_MS; // not where it is new
  });
  request.on('error', () => once(0));
  request.end(text);
}

function viaHttp2(text = body(), begun = performance.now()) {
  if (!session || session.closed || session.destroyed) {
    session = http2.connect(`http://127.0.0.1:${port}`, { createConnection: () => net.connect({ port: Number(port), host: '127.0.0.1', localAddress }) });
    session.on('error', () => {});
  }
  const own = session, idle = performance.now() - own.usedMs > IDLE_MS;
  const stream = own.request({ ':method': 'POST', ':path': '/beacon' });
  let status = 0;
  stream.on('response', (headers) => {
    status = headers[':status'];
    own.usedMs = performance.now();
  });
  stream.on('error', () => {});
  stream.on('close', () => {
    if (status === 0 && idle) {
      if (session === own) session = undefined;
      viaHttp2(text, begun);
    } else done(status, begun);
  });
  stream.resume();
  stream.end(text);
}

const timer = setInterval(() => {
  if (pending > 2000) return;
  pending++;
  if (sent % 2) viaHttp1();
  else viaHttp2();
}, 1000 / Number(perSecond));

process.stdin.on('data', () => console.log(JSON.stringify(latencies.splice(0))));
process.stdin.on('end', async () => {
  clearInterval(timer);
  for (let i = 0; i < 200 && pending > 0; i++) await new Promise((resolve) => setTimeout(resolve, 25));
  latencies.sort((a, b) => a - b);
  const at = (share) => Math.round((latencies[Math.floor(latencies.length * share)] ?? NaN) * 100) / 100;
  console.log(JSON.stringify({ acknowledged, refused, errors, p50: at(0.5), p99: at(0.99), worst: at(0.99999) }));
  process.exit(0);
});
