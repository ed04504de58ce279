/*
 * Goal: /metrics is what Prometheus's parser takes: HELP and TYPE once before a
 * metric's samples, counters end with _total, histograms add up, no name twice.
 * Method: the text of a server that has had beacons and queries, read by the
 * rules of the exposition format.
 */
import assert from 'node:assert';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';

import { serve } from '../serve.mjs';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'drum-metrics-'));
after(() => fs.rmSync(directory, { recursive: true }));

/** { name: { type, samples: [[suffix with labels, value]] } } */
function parse(text) {
  const families = new Map();
  let current;
  assert.ok(text.endsWith('\n'));
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-z_]+) (.+)$/.exec(line);
    const type = /^# TYPE ([a-z_]+) (counter|gauge|histogram)$/.exec(line);
    const sample = /^([a-z_]+)(\{le="([^"]+)"\})? (-?\d+(?:\.\d+)?(?:e[+-]\d+)?)$/.exec(line);
    if (help) {
      assert.ok(!families.has(help[1]), `${help[1]} twice`);
      families.set(help[1], (current = { name: help[1], samples: [] }));
    } else if (type) {
      assert.equal(type[1], current.name);
      assert.equal(current.samples.length, 0);
      current.type = type[2];
    } else {
      assert.ok(sample, line);
      assert.ok(sample[1].startsWith(current.name), line);
      current.samples.push([sample[1].slice(current.name.length), sample[3], Number(sample[4])]);
    }
  }
  return families;
}

test('the text is well-formed and its numbers fit', async () => {
  const began = Date.now() / 1000, server = await serve(path.join(directory, 'data'));
  try {
    for (let i = 1; i <= 5; i++) await fetch(`${server.url}/beacon`, { method: 'POST', body: JSON.stringify({ v: 1, site: 'a', view: i.toString(16).padStart(16, '0'), url: 'https://a.example/' }) });
    await server.query('SELECT count() FROM pageviews');
    const families = parse(await (await fetch(`${server.url}/metrics`)).text());
    for (const { name, type, samples } of families.values()) {
      assert.ok(type, name);
      assert.equal(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`);
      if (type !== 'histogram') {
        assert.deepEqual(samples.map(([suffix]) => suffix), [''], name);
        continue;
      }
      const buckets = samples.filter(([suffix]) => suffix === '_bucket');
      assert.equal(buckets.at(-1)[1], '+Inf', name);
      for (let i = 1; i < buckets.length; i++) assert.ok(buckets[i][2] >= buckets[i - 1][2], name);
      for (let i = 1; i < buckets.length - 1; i++) assert.ok(Number(buckets[i][1]) > Number(buckets[i - 1][1]), name);
      assert.equal(samples.find(([suffix]) => suffix === '_count')[2], buckets.at(-1)[2], name);
      assert.ok(samples.find(([suffix]) => suffix === '_sum')[2] >= 0, name);
    }
    const value = (name, suffix = '') => families.get(`drum_${name}`).samples.find(([found]) => found === suffix)[2];
    assert.equal(value('beacon_duration_seconds', '_count'), 5);
    assert.equal(value('query_duration_seconds', '_count'), 1);
    assert.equal(value('sync_duration_seconds', '_count'), value('groups_total'));
    assert.ok(value('last_stored_timestamp_seconds') > began - 2 && value('last_stored_timestamp_seconds') <= Date.now() / 1000);
    assert.ok(value('memtable_age_seconds') <= Date.now() / 1000 - began);
  } finally {
    assert.equal(await server.end(), 0);
  }
});

test('what sampling leaves nothing of is not counted as stored', async () => {
  const config = path.join(directory, 'sampled.yaml');
  fs.writeFileSync(config, 'sampling: [{site: none, keep: 0}]\n');
  const server = await serve(path.join(directory, 'sampled'), ['--config', config]);
  const stored = async () => ['drum_beacons_stored_total', 'drum_last_stored_timestamp_seconds'].map((name) => new RegExp(`^${name} (.*)$`, 'm').exec(text)[1]);
  let text;
  try {
    for (const site of ['none', 'some']) {
      const beacon = JSON.stringify({ v: 1, site, view: '00000000000000ab', url: 'https://shop.example/' });
      assert.equal((await fetch(`${server.url}/beacon`, { method: 'POST', body: beacon })).status, 204);
      text = await (await fetch(`${server.url}/metrics`)).text();
      const [count, time] = await stored();
      assert.equal(count, site === 'some' ? '1' : '0');
      assert.equal(Number(time) > 0, site === 'some');
    }
    assert.equal((await fetch(`${server.url}/metrics`, { headers: { 'X-Forwarded-For': '192.0.2.1' } })).status, 401, 'not through a proxy');
  } finally {
    assert.equal(await server.end(), 0);
  }
});
