// Makes the C table of useragent_table.h from uap-core's regexes.yaml and isbot's list.
// Usage: node useragent_table.mjs REGEXES.yaml OUT.c
import { readFileSync, writeFileSync } from 'node:fs';
import { list as bots } from 'isbot';
import yaml from 'js-yaml';

const [source, target] = process.argv.slice(2);
const lists = yaml.load(readFileSync(source, 'utf8'));

// The longest run of plain characters that every match must contain: only
// outside groups and classes, and not before a quantifier that allows none.
// A top-level alternation has no such run.
function literal(regex) {
  let best = '', run = '', depth = 0;
  const end = () => { if (run.length > best.length) best = run; run = ''; };
  for (let i = 0; i < regex.length; i++) {
    let c = regex[i], plain = depth === 0 && !'^$.|?*+()[]{}\\'.includes(c);
    if (c === '\\') {
      c = regex[++i];
      plain = depth === 0 && !/[A-Za-z0-9]/.test(c);
    } else if (c === '[') {
      for (i++; i < regex.length && (regex[i] !== ']' || regex[i - 1] === '['); i++) if (regex[i] === '\\') i++;
    } else if (c === '(') depth++;
    else if (c === ')') depth--;
    else if (c === '|' && depth === 0) return '';
    if (!plain) {
      if ((c === '?' || c === '*' || c === '{') && depth === 0) run = run.slice(0, -1);
      end();
      if (c === '{') while (i < regex.length && regex[i] !== '}') i++;
      continue;
    }
    run += c;
  }
  end();
  return best.length >= 3 ? best.toLowerCase() : '';
}

// What a match must contain, one of several words; null when nothing is known. A
// small reader of regexes: alternatives of sequences of atoms. An atom is a
// string that it is exactly, or words of which it has one, or nothing known.
const WORDS_MAX = 400;
const shortest = (words) => Math.min(...words.map((word) => word.length));
// Long words are rarer; a few characters make up for many words.
const better = (a, b) => (a === null ? b : b === null ? a : shortest(b) - Math.log2(b.length) > shortest(a) - Math.log2(a.length) ? b : a);

function words(regex) {
  let at = 0;
  const escape = () => {
    const c = regex[at++];
    if (!/[A-Za-z0-9]/.test(c)) return { exact: c };
    if (c === 'b' || c === 'B') return { exact: '' };
    if (/[xupPkcgQE0-9]/.test(c)) throw new Error(`\\${c} in ${regex}`);
    return {};
  };
  const atom = () => {
    const c = regex[at++];
    if (c === '\\') return escape();
    if (c === '.') return {};
    if (c === '^' || c === '$') return { exact: '' };
    if (c === '[') {
      const begin = at;
      for (at += regex[at] === '^'; regex[at] !== ']' || at === begin; ) at += regex[at] === '\\' ? 2 : 1;
      const letters = new Set(regex.slice(begin, at++).toLowerCase());
      return letters.size === 1 && /[a-z]/.test([...letters][0]) ? { exact: [...letters][0] } : {}; // [Bb]
    }
    if (c !== '(') return c < '\x80' ? { exact: c } : {};
    const special = /^\?(?:[:!=]|<[!=])/.exec(regex.slice(at));
    if (regex[at] === '?' && special === null) throw new Error(`${regex.slice(at, at + 3)} in ${regex}`);
    at += special?.[0].length ?? 0;
    const inside = alternatives();
    at++;
    return special && special[0] !== '?:' ? { exact: '' } : inside; // has no width
  };
  const optional = () => {
    const quantifier = /^(?:[*+?]|\{(\d+)(?:,\d*)?\})[?+]?/.exec(regex.slice(at));
    if (quantifier === null) return undefined;
    at += quantifier[0].length;
    return !(quantifier[0][0] === '+' || Number(quantifier[1]) > 0);
  };
  const sequence = () => {
    let best = null, run = '', exact = true;
    const end = () => { if (run.length >= 3) best = better(best, [run]); run = ''; };
    while (at < regex.length && regex[at] !== '|' && regex[at] !== ')') {
      const got = atom(), loose = optional();
      if (got.exact !== undefined && loose === undefined) run += got.exact.toLowerCase();
      else {
        if (got.exact !== undefined && loose === false) run += got.exact.toLowerCase(); // once at least
        end();
        exact = false;
        if (loose !== true && got.words) best = better(best, got.words);
      }
    }
    if (exact) return { exact: run };
    end();
    return { words: best };
  };
  const alternatives = () => {
    const all = [sequence()];
    while (regex[at] === '|') { at++; all.push(sequence()); }
    if (all.length === 1) return all[0];
    const each = all.map((one) => (one.exact === undefined ? one.words : one.exact.length >= 3 ? [one.exact] : null));
    const union = each.includes(null) || each.includes(undefined) ? null : [...new Set(each.flat())];
    return { words: union !== null && union.length <= WORDS_MAX ? union : null };
  };
  const found = alternatives();
  if (at !== regex.length) throw new Error(`cannot read ${regex}`);
  return found.exact === undefined ? found.words : found.exact.length >= 3 ? [found.exact] : null;
}

const text = (s) => s === undefined ? 'NULL' : JSON.stringify(String(s)).replace(/\?\?/g, '?\\?');

function table(name, entries, fields) {
  const rows = entries.map((entry) => {
    const [family, major, minor] = fields.map((field) => text(entry[field]));
    const flag = entry.regex_flag === 'i' ? 1 : 0;
    return `\t{${text(entry.regex)}, ${text(literal(entry.regex))}, ${text((words(entry.regex) ?? []).map((word) => `${word}\n`).join(''))}, ${family}, ${major}, ${minor}, ${flag}},`;
  });
  return `const struct useragent_regex useragent_table_${name}[] = {\n${rows.join('\n')}\n};\n` +
    `const size_t useragent_table_${name}_count = ${rows.length};\n`;
}

writeFileSync(target, '/* Generated from uap-core\'s regexes.yaml (Apache-2.0) and isbot\'s list (Unlicense). */\n' +
  '#include "server/useragent_table.h"\n' +
  table('browsers', lists.user_agent_parsers, ['family_replacement', 'v1_replacement', 'v2_replacement']) +
  table('systems', lists.os_parsers, ['os_replacement', 'os_v1_replacement', 'os_v2_replacement']) +
  table('devices', lists.device_parsers, ['device_replacement', 'brand_replacement', 'model_replacement']) +
  // JavaScript takes [\d-.] for three things, PCRE2 for a range.
  table('bots', bots.map((regex) => ({ regex: regex.replace(/(\\[dws])-(?!\])/g, '$1\\-'), regex_flag: 'i' })), ['none', 'none', 'none']));
