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

const text = (s) => s === undefined ? 'NULL' : JSON.stringify(String(s)).replace(/\?\?/g, '?\\?');

function table(name, entries, fields) {
  const rows = entries.map((entry) => {
    const [family, major, minor] = fields.map((field) => text(entry[field]));
    const flag = entry.regex_flag === 'i' ? 1 : 0;
    return `\t{${text(entry.regex)}, ${text(literal(entry.regex))}, ${family}, ${major}, ${minor}, ${flag}},`;
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
