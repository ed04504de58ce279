/*
 * Goal: what is wrong with a configuration or an address is said in one line
 * that names it, before anything is opened; a taken port is never shared.
 * Method: the real binary with --check-config, and two of it on one port.
 */
import assert from 'node:assert';
import { execFile, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';

import { DRUM, TOKEN, freePort, serve, until } from '../serve.mjs';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-start-'));
after(() => fs.rmSync(directory, { recursive: true }));

function run(...args) {
  const { status, stdout, stderr } = spawnSync(DRUM, ['serve', ...args], { encoding: 'utf8', timeout: 120000 });
  return { status, stdout, stderr };
}

function check(yaml) {
  const file = path.join(directory, 'drum.yaml');
  fs.writeFileSync(file, yaml);
  return run('--config', file, '--check-config');
}

const file = (name) => path.join(directory, name);

before(() => {
  const { status, stderr } = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
    '-nodes', '-subj', '/CN=a', '-keyout', file('b.pem'), '-out', file('a.pem')], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  fs.writeFileSync(file('city.mmdb'), '');
});

const valid = [
  ['an empty file', ''],
  ['comments only', '# nothing\n'],
  ['every key', `data: /var/lib/drum
listeners:
  - {address: "127.0.0.1:80", roles: [public]}
  - {address: "[::1]:443", tls: true, roles: [public, private]}
  - {address: ":8080"}
sites:
  - {key: shop, hosts: [shop.example, "*.shop.example"], origins: ["https://shop.example"]}
geoip: [${file('city.mmdb')}]
certificate: ${file('a.pem')}
certificate_key: ${file('b.pem')}
limits: {connections: 1, in_flight: 1, connection_idle_s: 1, sites: 1, query_s: 1, query_memory_mb: 1, queries: 1, memtable_mb: 1}
retention_days: {pageviews: 90, errors: 30, events: 7, reports: 0}
`],
];

for (const [name, yaml] of valid) {
  test(`valid: ${name}`, () => {
    assert.deepEqual(check(yaml), { status: 0, stdout: 'configuration is valid\n', stderr: '' });
  });
}

/* A drum that may open so many files. */
function withFiles(count) {
  const limited = file(`limited${count}`);
  fs.writeFileSync(limited, `#!/bin/sh\nexec prlimit --nofile=${count}:${count} '${path.resolve(DRUM)}' "$@"\n`, { mode: 0o755 });
  return limited;
}

test('every limit at its greatest: served', async () => {
  const names = [...fs.readFileSync('server/config_limits.def', 'utf8').matchAll(/^LIMIT\((\w+),/gm)].map((match) => match[1]);
  const config = file('greatest.yaml'), limited = withFiles(1000);
  assert.ok(names.length > 20);
  fs.writeFileSync(config, `limits: {${names.map((name) => `${name}: ${name === 'query_threads' ? 64 : 4294967295}`).join(', ')}}\n`);
  const server = await serve(file('greatest'), ['--config', config], limited);
  try {
    assert.match(server.log(), /at most 500 connections: the limit on open files is 1000\n/);
    const statuses = await Promise.all(Array.from({ length: 150 }, async (_, i) => {
      const body = JSON.stringify({ v: 1, site: 'shop', view: (i + 1).toString(16).padStart(16, '0'), url: 'https://shop.example/' });
      return (await fetch(`${server.url}/beacon`, { method: 'POST', body })).status;
    }));
    assert.deepEqual([...new Set(statuses)], [204]);
    assert.equal(await server.query('SELECT count() FROM pageviews'), '150\n');
  } finally {
    assert.equal(await server.end(), 0);
  }
});

test('few open files: connections have half of them at most, and fewer where so configured', async () => {
  const config = file('few.yaml');
  fs.writeFileSync(config, 'limits: {connections: 100}\n');
  const server = await serve(file('few'), ['--config', config], withFiles(400));
  await server.end();
  assert.doesNotMatch(server.log(), /connections: the limit on open files/);
  const standard = await serve(file('few'), [], withFiles(400));
  await standard.end();
  assert.match(standard.log(), /at most 200 connections: the limit on open files is 400\n/);
});

const wrong = [
  ['an unknown key', 'data: x\nlimitz: {}\n', /drum\.yaml line 2: unknown key limitz, maybe you meant: limits$/m],
  ['an unknown limit', 'limits:\n  queris: 4\n', /line 2: unknown key queris in limits, maybe you meant: queries$/m],
  ['a word as a number', 'limits:\n  queries: many\n', /line 2: limits\.queries: expected a whole number .*'many'/],
  ['a negative limit', 'limits:\n  queries: -1\n', /line 2: limits\.queries: .*'-1'/],
  ['an unknown role', 'listeners:\n  - address: ":80"\n    roles: [publik]\n', /line 3: .*roles: expected one of public, private, got 'publik'/],
  ['half a certificate', 'certificate: a.pem\n', /certificate and certificate_key go together/],
  ['an address without port', 'listeners:\n  - address: 127.0.0.1\n', /drum\.yaml line 2: listeners\[0\]\.address: expected ADDR:PORT/],
  ['a port too high', 'listeners:\n  - address: 127.0.0.1:70000\n', /line 2: .*a port from 0 to 65535, got '127\.0\.0\.1:70000'/],
  ['a host name', 'listeners:\n  - address: shop.example:80\n', /line 2: .*shop\.example:80/],
  ['a tab', 'data: x\nsites:\n\t- key: a\n', /line 3: .*tab/],
  ['no roles', 'listeners:\n  - address: ":80"\n    roles: []\n', /line 3: listeners\[0\]\.roles: expected public, private or both, got an empty list/],
  ['a listener that is there twice', 'listeners:\n  - address: ":80"\n  - address: "[::1]:0"\n  - address: "[::1]:0"\n  - address: ":80"\n', /line 5: listeners\[3\]\.address: ':80' is there already, on line 2/],
  ['a site that is there twice', 'sites:\n  - key: a\n  - key: a\n', /line 3: sites\[1\]\.key: the site 'a' is there already, on line 2/],
  ['more threads than a query has', 'limits:\n  query_threads: 65\n', /line 2: limits\.query_threads: expected at most 64, got 65/],
  ['certificates that are not there', 'certificate: /none/a.pem\ncertificate_key: /none/b.pem\n', /certificate \/none\/a\.pem: No such file or directory/],
  ['a program', Buffer.from('\x7fELF\x02\x01\x01\x00'), /line 1: this is no UTF-8 text/],
];

for (const [name, yaml, reason] of wrong) {
  test(`refused: ${name}`, () => {
    const { status, stdout, stderr } = check(yaml);
    assert.equal(status, 1);
    assert.equal(stdout, '');
    assert.match(stderr, /^drum: [^\n]*\n$/);
    assert.match(stderr, reason);
  });
}

test('a GeoIP file that is not there is a warning', () => {
  const { status, stderr } = check('geoip: [/none/city.mmdb]\n');
  assert.equal(status, 0);
  assert.match(stderr, /^drum: warning: geoip\[0\]: \/none\/city\.mmdb: No such file or directory\n$/);
});

test('commands say what they lack', () => {
  fs.writeFileSync(file('longest.token'), `${'x'.repeat(512)}\r\n`);
  fs.writeFileSync(file('long.token'), `${'x'.repeat(600)}\n`);
  for (const [args, code, reason] of [
    [['generate', '--views', 'many'], 2, /^drum: --views cannot be 'many'\nusage: /],
    [['generate', '--days', '0'], 2, /^drum: --days cannot be '0'\nusage: /],
    [['serve', 'x'], 2, /^drum: 'x' is one argument too many\nusage: drum serve /],
    [['token', 'x'], 2, /^drum: 'x' is one argument too many\nusage: drum token /],
    [['generate', '9'], 2, /^drum: '9' is one argument too many\nusage: drum generate /],
    [['query', '--data', '/none/data', 'SELECT 1'], 1, /^drum: \/none\/data: No such file or directory\n$/],
    [['query', '--data', directory, 'SELECT 1'], 1, /^drum: \S+ has no MANIFEST: it is no store\n$/],
    [['token', '--role', 'reader'], 2, /^drum: --role cannot be 'reader'\nusage: /],
    [['token', '--data', path.join(directory, 'typo')], 1, /^drum: no data directory .*typo: name the server's, or make it first\n$/],
    [['query', '--token', 'x'.repeat(513), 'SELECT 1'], 1, /^drum: a token has at most 512 bytes\n$/],
    [['query', '--token-file', file('longest.token'), '--url', 'http://127.0.0.1:1', 'SELECT 1'], 1, /Could not connect|Failed to connect|refused|connect/],
    [['query', '--token-file', file('long.token'), 'SELECT 1'], 1, /^drum: token file .*long\.token: its line is too long; --token, .*\n$/],
    [['query', '--token', 'x', '--url', `http://${'x'.repeat(2048)}`, 'SELECT 1'], 1, /^drum: --url has at most 2047 bytes\n$/],
    [['import', ...Array(17).fill(['--geoip', '/none/a.mmdb']).flat(), '--data', directory, '-'], 2, /^drum: --geoip: at most 16 files\n$/],
    [['query', '--token-file', '/none/token', 'SELECT 1'], 1, /^drum: token file \/none\/token: No such file or directory; --token, .*\n$/],
  ]) {
    const { DRUM_TOKEN: _, ...env } = process.env;
    const { status, stderr } = spawnSync(DRUM, args, { encoding: 'utf8', timeout: 120000, env });
    assert.equal(status, code);
    assert.match(stderr, reason);
  }
  assert.ok(!fs.existsSync(path.join(directory, 'typo')));
});

/* A build with sanitizers looks for leaks as a debugger does, which no process may be looked at by that has changed its user. */
const withoutLeaks = { ...process.env, ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:detect_leaks=0` };

// As the service's user it is served; root makes a token, imports and erases, as an operator does.
test('what root writes in the data directory of another, that one can open', { skip: process.getuid() !== 0 && 'needs root' }, async () => {
  const home = path.join(directory, 'home'), data = path.join(home, 'data'), user = 65534;
  const [binary, binaryAsUser, beacons] = ['drum', 'drum-as-user', 'beacons'].map((name) => path.join(home, name));
  fs.chmodSync(directory, 0o711);
  fs.mkdirSync(home);
  fs.mkdirSync(data, { mode: 0o700 });
  fs.chownSync(data, user, user);
  fs.copyFileSync(DRUM, binary);
  fs.writeFileSync(binaryAsUser, `#!/bin/sh\nexec setpriv --reuid ${user} --regid ${user} --clear-groups ${binary} "$@"\n`, { mode: 0o755 });
  const drum = (...args) => {
    const { status, stdout, stderr } = spawnSync(DRUM, args, { encoding: 'utf8', timeout: 120000, env: withoutLeaks });
    assert.equal(status, 0, stderr);
    return stdout;
  };
  fs.writeFileSync(beacons, drum('generate', '--views', '50', '--days', '2'));
  const own = path.join(home, 'own'); // nobody but root comes there
  fs.mkdirSync(own, { mode: 0o700 });
  const secret = path.join(own, 'secret'), moved = path.join(data, 'moved');
  fs.writeFileSync(secret, 'of root', { mode: 0o600 });
  fs.copyFileSync(beacons, path.join(own, 'beacons'));
  fs.writeFileSync(path.join(own, 'no beacon'), '{}\n', { mode: 0o600 });
  drum('import', '--data', data, beacons); // before the first start
  fs.symlinkSync(secret, path.join(data, 'symlink'));
  fs.linkSync(secret, path.join(data, 'link'));
  fs.writeFileSync(moved, 'of root, in a directory of the owner before'); // who may move it
  for (let i = 0; i < 2; i++) {
    const server = await serve(data, [], binaryAsUser);
    assert.equal(await server.query('SELECT count() > 0 FROM pageviews'), '1\n');
    assert.equal(await server.end(), 0);
    drum('token', '--data', data, '--role', 'import');
    fs.chmodSync(home, 0o700); // as /var/lib/private is
    drum('import', '--data', data, '--state', path.join(own, `state${i}`), '--rejects', path.join(own, 'rejects'), path.join(own, i ? 'no beacon' : 'beacons'));
    drum('erase', '--data', data, '--site', 'blog');
    fs.chmodSync(home, 0o711);
  }
  for (const name of ['secret', 'state0', 'state1', 'rejects']) assert.equal(fs.statSync(path.join(own, name)).uid, 0, name);
  assert.equal(fs.readFileSync(path.join(own, 'rejects'), 'utf8'), '{}\n');
  assert.equal(fs.statSync(moved).uid, 0);
});

test('root follows no link that the data directory of another has to a file', { skip: process.getuid() !== 0 && 'needs root' }, () => {
  const data = file('of-another'), secret = file('of-root'), beacons = file('some');
  fs.mkdirSync(data);
  fs.writeFileSync(secret, 'of root', { mode: 0o600 });
  fs.writeFileSync(beacons, spawnSync(DRUM, ['generate', '--views', '5']).stdout);
  fs.symlinkSync(secret, path.join(data, 'tokens'));
  fs.mkdirSync(file('wal-of-root'));
  fs.symlinkSync(file('wal-of-root'), path.join(data, 'wal'));
  fs.chownSync(data, 65534, 65534);
  for (const args of [['token', '--data', data], ['import', '--data', data, beacons]]) {
    const { status, stdout, stderr } = spawnSync(DRUM, args, { encoding: 'utf8', timeout: 120000, env: withoutLeaks });
    assert.equal(status, 1, stdout);
    assert.match(stderr, /Permission denied/);
  }
  assert.equal(fs.readFileSync(secret, 'utf8'), 'of root');
  assert.deepEqual(fs.readdirSync(file('wal-of-root')), []);
});

test('help names every format', () => {
  const { stdout } = spawnSync(DRUM, ['query', '--help'], { encoding: 'utf8' });
  const [, list] = /--format NAME +([^-]*?)\n +--/.exec(stdout);
  const names = [...fs.readFileSync('server/format.def', 'utf8').matchAll(/^FORMAT\(\w+,\s*"(\w+)"/gm)].map((match) => match[1]);
  assert.ok(names.length > 20);
  assert.deepEqual(list.split(/,\s+/), names);
});

test('help COMMAND is COMMAND --help', () => {
  for (const command of ['serve', 'query', 'check']) {
    const [help, option] = [['help', command], [command, '--help']].map((args) => spawnSync(DRUM, args, { encoding: 'utf8' }));
    assert.equal(help.status, 0);
    assert.match(help.stdout, new RegExp(`^usage: drum ${command} `));
    assert.equal(help.stdout, option.stdout);
  }
  const { status, stderr } = spawnSync(DRUM, ['help', 'nosuch'], { encoding: 'utf8' });
  assert.equal(status, 2);
  assert.match(stderr, /^drum: unknown command nosuch\n/);
});

test('output that cannot be written is an error', () => {
  const full = fs.openSync('/dev/full', 'w');

  for (const args of [['version'], ['--help'], ['serve', '--help'], ['generate', '--views', '1'], ['token', '--data', directory]]) {
    const { status, stderr } = spawnSync(DRUM, args, { encoding: 'utf8', timeout: 120000, stdio: ['ignore', full, 'pipe'] });
    assert.equal(status, 1, args.join(' '));
    assert.match(stderr, /^drum: cannot write.*: No space left on device\n$/, args.join(' '));
  }
  fs.closeSync(full);
  for (const closed of ['>&-', '<&- >&-', '>&- 2>&-']) assert.equal(spawnSync('sh', ['-c', `${DRUM} version ${closed}`]).status, 1, closed);
});

test('descriptors that were closed become nothing else', async () => {
  const port = await freePort();
  const data = path.join(directory, 'closed');
  const child = execFile('sh', ['-c', `exec ${DRUM} serve --data ${data} --http 127.0.0.1:${port} --https 127.0.0.1:0 <&- >&- 2>&-`]);
  try {
    await until('the server', () => fetch(`http://127.0.0.1:${port}/readyz`).then((answer) => answer.ok, () => false));
    for (const fd of [0, 1, 2]) assert.equal(fs.readlinkSync(`/proc/${child.pid}/fd/${fd}`), '/dev/null');
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  }
});

test('a flag with a wrong address is named', () => {
  const { status, stderr } = run('--http', 'localhost');
  assert.equal(status, 2);
  assert.match(stderr, /^drum: --http: expected ADDR:PORT.*'localhost'\nusage: /);
});

test('a file that is not there is named', () => {
  const { status, stderr } = run('--config', path.join(directory, 'none.yaml'), '--check-config');
  assert.equal(status, 1);
  assert.match(stderr, /none\.yaml: No such file or directory\n$/);
});

test('a port that another server has is refused', async () => {
  const first = await serve(path.join(directory, 'first'));
  try {
    const port = new URL(first.url).port;
    for (const host of ['127.0.0.1', '0.0.0.0']) {
      const { status, stderr } = run('--data', path.join(directory, 'second'),
        '--http', `${host}:${port}`, '--https', '127.0.0.1:0');
      assert.equal(status, 1, stderr);
      assert.match(stderr, new RegExp(`cannot listen on ${host}:${port}: Address already in use: .*--http ADDR:PORT or listeners`));
    }
    assert.equal(await first.query('SELECT 1'), '1\n');
  } finally {
    assert.equal(await first.end(), 0);
  }
});

test('SIGTERM does not wait for idle connections', async () => {
  const server = await serve(path.join(directory, 'idle'));
  const socket = net.connect(Number(new URL(server.url).port), '127.0.0.1');
  const closed = once(socket, 'close');
  let text = '';
  socket.on('data', (chunk) => (text += chunk));
  socket.write('GET /ping HTTP/1.1\r\nHost: a\r\n\r\n');
  await until('the answer', () => text.endsWith('Ok.\n'));
  const began = performance.now(), ended = server.end();
  await closed;
  assert.ok(performance.now() - began < 6000, 'it has been shut at the end of the drain, which is 8 s');
  assert.equal(await ended, 0);
});

test('the own certificate is trusted when it is named, and the message says so', async () => {
  const data = path.join(directory, 'https'), server = await serve(data);
  try {
    const url = (await server.https).replace('127.0.0.1', 'localhost');
    const query = (...args) => new Promise((resolve) => execFile(DRUM, ['query', '--url', url, '--token', TOKEN, ...args, 'SELECT 1 AS one'],
      { timeout: 120000 }, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr })));
    const refused = await query();
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /--cacert DATA\/certificate\.pem\)\n$/);
    assert.deepEqual(await query('--cacert', path.join(data, 'certificate.pem')), { code: 0, stdout: 'one\n1\n', stderr: '' });
  } finally {
    assert.equal(await server.end(), 0);
  }
});

test('an import is refused whole when its array is cut short', async () => {
  const server = await serve(path.join(directory, 'import'));
  const beacon = JSON.stringify({ v: 1, site: 'a', view: '0000000000000001', url: 'https://a.example/' });
  const post = async (body) => {
    const answer = await fetch(`${server.url}/import`, { method: 'POST', body, headers: { Authorization: `Bearer ${TOKEN}` } });
    return `${answer.status} ${await answer.text()}`;
  };
  try {
    assert.match(await post(`[${beacon},`), /^400 byte \d+: the text ends too early\n$/);
    assert.equal(await server.query('SELECT count() FROM pageviews'), '0\n');
    assert.match(await post(`[${beacon}]`), /^200 {"stored":1,/);
  } finally {
    assert.equal(await server.end(), 0);
  }
});

test('a data directory with files of others is told, until it is a store', async () => {
  const data = file('others');
  fs.mkdirSync(data);
  fs.writeFileSync(path.join(data, 'letter.txt'), '');
  for (const told of [true, false]) {
    const server = await serve(data);
    assert.equal(await server.end(), 0);
    assert.equal(/others has other files, such as letter\.txt: a store is made beside them/.test(server.log()), told);
  }
});

test('what a start that was cut off leaves is ours', async () => {
  const data = file('cut');
  fs.mkdirSync(data);
  for (const name of ['certificate.pem.new', 'certificate-key.pem.new', 'MANIFEST.tmp', 'audit.jsonl.1']) fs.writeFileSync(path.join(data, name), '');
  const server = await serve(data);
  assert.equal(await server.end(), 0);
  assert.doesNotMatch(server.log(), /other files/);
});
