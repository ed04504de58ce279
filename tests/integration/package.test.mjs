/*
 * Goal: what is installed fits the program: a package with everything in its
 * place, a service that is shut off from the rest of the machine, manual pages
 * without faults that tell every option and key. Method: `make deb`, unpacked
 * and run; systemd's own judgement of the unit; groff's warnings. Tools that are
 * not there skip their test.
 */
import assert from 'node:assert';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';

import { DRUM } from '../serve.mjs';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-package-'));
after(() => fs.rmSync(directory, { recursive: true }));

const missing = (tool) => (spawnSync('sh', ['-c', `command -v ${tool}`]).status === 0 ? false : `there is no ${tool}`);
const run = (command, ...args) => execFileSync(command, args, { encoding: 'utf8' });

test('the unit is at most 1.2 exposed', { skip: missing('systemd-analyze') }, () => {
  const { stdout, stderr } = spawnSync('systemd-analyze', ['security', '--offline=yes', '--no-pager', 'server/package/drum.service'], { encoding: 'utf8' });
  const match = /Overall exposure level for drum\.service: ([\d.]+)/.exec(stdout);
  assert.ok(match, stderr);
  assert.ok(Number(match[1]) <= 1.2, match[1]);
});

test('the sockets are the listeners that the program has by itself', () => {
  const sockets = [...fs.readFileSync('server/package/drum.socket', 'utf8').matchAll(/^ListenStream=(.+)$/gm)].map((match) => match[1]);
  const [row] = /^\| `listeners` .*$/m.exec(fs.readFileSync('server/API.md', 'utf8'));
  assert.equal(sockets.length, 2);
  for (const address of sockets) assert.ok(row.includes(`\`${address}\``), address);
});

test('manual pages: no faults, every option and key', { skip: missing('groff') }, () => {
  run('node', 'server/package/man.mjs', '1.2.3', directory);
  const shown = {};
  for (const page of ['drum.1', 'drum.yaml.5']) {
    const { stdout, stderr } = spawnSync('groff', ['-man', '-Tutf8', '-ww', '-P-c', '-rLL=300n', path.join(directory, page)], { encoding: 'utf8' });
    assert.equal(stderr, '', page);
    shown[page] = stdout.replace(/.\x08/g, '').replaceAll('‐', '-').replaceAll('−', '-');
    assert.ok(shown[page].includes('drum 1.2.3'));
  }
  for (const [, command] of run(DRUM, '--help').matchAll(/^  (\w+)  /gm)) {
    const [, usage] = /^usage: (drum .*?)(?: {2,}.*)?$/m.exec(run(DRUM, command, '--help')) ?? [null, 'drum version'];
    assert.match(shown['drum.1'], new RegExp(`^ +${usage.replace(/[|[\]]/g, '\\$&')}$`, 'm'));
    if (command !== 'version') for (const [, option] of run(DRUM, command, '--help').matchAll(/^  (--[a-z-]+)/gm)) {
      if (option !== '--help') assert.ok(shown['drum.1'].includes(option), `${command} ${option}`);
    }
  }
  assert.doesNotMatch(shown['drum.1'] + shown['drum.yaml.5'], /build\/drum/);
  for (const key of ['sampling[].max_per_second', 'limits.connections', 'privacy.opt_out', 'sites[].origins', 'retention_days.errors']) assert.ok(shown['drum.yaml.5'].includes(key), key);
});

test('make deb: unpacked, it runs', { skip: missing('dpkg-deb') || (DRUM !== 'build/drum' && 'one build is enough') }, () => {
  const made = run('make', '--no-print-directory', 'deb').trim().split('\n').at(-1);
  const root = path.join(directory, 'root');
  run('dpkg-deb', '-x', made, root);
  run('dpkg-deb', '-e', made, path.join(directory, 'DEBIAN'));
  const drum = path.join(root, 'usr/bin/drum');
  assert.equal(run(drum, 'version'), run(DRUM, 'version'));
  for (const [, page] of fs.readFileSync('README.md', 'utf8').matchAll(/\]\((\w[\w/]*\.md)\)/g))
    assert.ok(fs.existsSync(path.join(root, 'usr/share/doc/drum', page)), page);
  assert.equal(run(drum, 'serve', '--config', path.join(root, 'etc/drum/drum.yaml'), '--check-config'), 'configuration is valid\n');
  for (const name of ['lib/systemd/system/drum.service', 'lib/systemd/system/drum.socket', 'usr/share/man/man1/drum.1', 'usr/share/man/man5/drum.yaml.5', 'usr/share/doc/drum/LICENSE'])
    assert.ok(fs.statSync(path.join(root, name)).size > 100, name);
  for (const script of ['postinst', 'prerm', 'postrm']) run('sh', '-n', path.join(directory, 'DEBIAN', script));
  const control = fs.readFileSync(path.join(directory, 'DEBIAN/control'), 'utf8');
  assert.match(control, /^Depends: .*libc6, .*libh2o-evloop0\.13, .*libssl3/m);
  assert.equal(fs.readFileSync(path.join(directory, 'DEBIAN/conffiles'), 'utf8'), '/etc/drum/drum.yaml\n');
});
