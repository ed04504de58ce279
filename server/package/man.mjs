/*
 * Manual pages from server/API.md: drum(1) from its command line, drum.yaml(5)
 * from its configuration, so that there is one text for both.
 *
 *   node server/package/man.mjs VERSION OUT_DIR
 */
import fs from 'node:fs';

const [version, out] = process.argv.slice(2);
const api = fs.readFileSync('server/API.md', 'utf8').replaceAll('build/drum ', 'drum '); // who reads them has it installed

/** The section under a heading, up to the next one of its level. */
function section(heading) {
  const from = api.indexOf(`\n${heading}\n`);
  if (from < 0) throw new Error(`server/API.md has no ${heading}`);
  const level = heading.split(' ')[0];
  const rest = api.slice(from + heading.length + 2);
  const end = rest.search(new RegExp(`\n#{1,${level.length}} `));
  return rest.slice(0, end < 0 ? undefined : end).trim();
}

/** Bytes that roff would take for its own. */
const plain = (text) => text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replaceAll("'", '\\(aq').replaceAll('`', '\\(ga').replaceAll('…', '...').replaceAll('√', 'sqrt ').replaceAll('Σ', 'sum ').replaceAll('−', '\\-').replaceAll('·', '*').replaceAll('²', '^2')
  .replace(/[^\x00-\x7f]/g, (c) => `\\[u${c.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}]`);

/** Backticks are bold, links are their text. */
function inline(text) {
  return text.replace(/\[([^\]]+)\]\([^)]+\)/g, '$1').split(/(`[^`]+`)/).map((part) =>
    part.startsWith('`') && part.length > 1 ? `\\fB${plain(part.slice(1, -1))}\\fR` : plain(part)).join('');
}

/** A line that begins with a dot would be a request. */
const guarded = (line) => (/^[.']/.test(line) ? `\\&${line}` : line);

function table(lines) {
  const rows = lines.map((line) => line.replaceAll('\\|', '\0').split('|').slice(1, -1).map((cell) => cell.replaceAll('\0', '|').trim()));
  const [head, , ...body] = rows;
  return body.map(([first, ...cells]) => {
    const texts = cells.map((cell, i) => (cell === '' ? '' : head[i + 1] === 'default' && cell !== 'required' ? `default ${cell}` : cell)).filter(Boolean);
    const last = texts.pop() ?? '';
    return `.TP\n${guarded(inline(first))}\n${guarded(inline(`${texts.length > 0 ? `(${texts.join(', ')}) ` : ''}${last}`))}`;
  }).join('\n');
}

function roff(markdown, level) {
  const blocks = [];
  const lines = markdown.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i];
    if (line.startsWith('```')) {
      const code = [];
      for (i++; !lines[i].startsWith('```'); i++) code.push(lines[i]);
      blocks.push(`.PP\n.RS 4\n.EX\n${code.map((text) => guarded(plain(text))).join('\n')}\n.EE\n.RE`);
    } else if (line.startsWith('|')) {
      const rows = [];
      for (; i < lines.length && lines[i].startsWith('|'); i++) rows.push(lines[i]);
      i--;
      blocks.push(table(rows));
    } else if (line.startsWith('#')) {
      const title = line.replace(/^#+ /, '');
      blocks.push(line.split(' ')[0].length <= level ? `.SH ${plain(title.toUpperCase())}` : `.SS ${plain(title)}`);
    } else if (line.trim() !== '') {
      const text = [];
      for (; i < lines.length && lines[i].trim() !== '' && !/^(\||#|```)/.test(lines[i]); i++) text.push(lines[i]);
      i--;
      blocks.push(`.PP\n${text.map((part) => guarded(inline(part))).join('\n')}`);
    }
  }
  return blocks.join('\n');
}

const day = new Date(Number(process.env.SOURCE_DATE_EPOCH ?? Date.UTC(2026, 0, 1) / 1000) * 1000).toISOString().slice(0, 10);
const page = (name, number, ...parts) => [
  `.TH ${name.toUpperCase()} ${number} ${day} "drum ${version}" "drum manual"`, ...parts].join('\n') + '\n';

/* What follows a command's name, as its --help has it. */
const sources = fs.readdirSync('server').filter((name) => /^cli_\w+\.c$/.test(name)).map((name) => fs.readFileSync(`server/${name}`, 'utf8')).join('');
const usages = new Map([...sources.matchAll(/"usage: drum (\w+) (.*?)(?: {2,}.*)?\\n/g)].map(([, command, rest]) => [command, ` ${rest}`]));
const commands = [...section('## Command line').matchAll(/^### drum (\w+)$/gm)].map((match) => match[1]);

fs.mkdirSync(out, { recursive: true });
fs.writeFileSync(`${out}/drum.1`, page('drum', 1,
  '.SH NAME\ndrum \\- real user monitoring: collects beacons from browsers, answers SQL',
  `.SH SYNOPSIS\n${commands.map((command) => `\\fBdrum ${command}\\fR${plain(usages.get(command) ?? '')}\n.br`).join('\n')}`,
  '.SH DESCRIPTION\n.B drum\nis one program that takes beacons from browsers over HTTP, keeps them in a columnar store of its own, and answers\nSQL over HTTP.\n.B drum serve\nis the server; the other commands talk to it, or work on the files of a stopped one.',
  '.SH COMMANDS', roff(section('## Command line'), 1),
  '.SH SIGNALS\n.TP\n\\fBSIGTERM\\fR, \\fBSIGINT\\fR\nends the server: what has arrived is answered, rows are written to segments.\n.TP\n\\fBSIGHUP\\fR\nreads configuration, tokens, certificate and GeoIP files again, without dropping a connection.',
  '.SH ENVIRONMENT\n.TP\n\\fBDRUM_TOKEN\\fR\nof the server: a token with the role admin; of the other commands: the token they use.\n.TP\n\\fBNOTIFY_SOCKET\\fR, \\fBWATCHDOG_USEC\\fR, \\fBLISTEN_FDS\\fR\nset by systemd: readiness, watchdog, sockets.',
  '.SH FILES\n.TP\n\\fI/etc/drum/drum.yaml\\fR\nconfiguration of the packaged service.\n.TP\n\\fI/var/lib/drum\\fR\nits data directory.',
  '.SH "SEE ALSO"\n.BR drum.yaml (5)'));
fs.writeFileSync(`${out}/drum.yaml.5`, page('drum.yaml', 5,
  '.SH NAME\ndrum.yaml \\- configuration of drum serve',
  '.SH DESCRIPTION', roff(section('## Configuration').replaceAll('\n### ', '\n# '), 1),
  '.SH "SEE ALSO"\n.BR drum (1)'));
