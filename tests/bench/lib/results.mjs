/*
 * What a benchmark has to say: Markdown to stdout, and into the file that the
 * environment's RESULTS names, where it replaces the section of the same title.
 * The file's section "All targets" has the targets of all sections.
 */
import fs from 'node:fs';
import os from 'node:os';

export const shown = (n, digits = 1) => n.toLocaleString('en-US', { maximumFractionDigits: digits });
export const verdict = (met) => (met ? 'met' : '**not met**');

/* Lines of a table from rows of cells; numbers are aligned right. */
export function table(head, rows) {
  const numeric = head.map((_, i) => rows.every((row) => /^[-–+\d,. :]*$/.test(row[i])));
  return [head, head.map((_, i) => (numeric[i] ? '---:' : '---')), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

const TARGETS = ['measured', 'target', 'drum', 'peer', 'ratio', 'verdict'];
const ALL = 'All targets';

/** A list of targets: add() one after the other, table() for the report. */
export function targets() {
  const rows = [];
  return {
    add: (what, target, drum, met, peer = '–', ratio = '–') => rows.push([what, target, drum, peer, ratio, verdict(met)].map(String)),
    table: () => table(TARGETS, rows),
  };
}

/* The rows of the section's tables of targets. */
function targetsIn(section) {
  const rows = [];
  let within = false;
  for (const line of section.split('\n')) {
    const cells = line.split('|').slice(1, -1).map((cell) => cell.trim());
    if (cells.length === 0) within = false;
    else if (cells.join() === TARGETS.join()) within = true;
    else if (within && !/^[-:]+$/.test(cells[0])) rows.push(cells);
  }
  return rows;
}

function allTargets(sections) {
  const rows = sections.flatMap((section) => targetsIn(section).map((cells) => [/^## (.*)/.exec(section)?.[1] ?? '', ...cells]));
  const met = rows.filter((cells) => cells.at(-1) === verdict(true)).length;
  return `## ${ALL}\n\n${met} of ${rows.length} are met; the sections below have the figures that they come from.\n\n${table(['section', ...TARGETS], rows)}`;
}

const began = { date: new Date(), load: os.loadavg()[0] };

function machine() {
  const kernel = `${os.type()} ${os.release()}`;
  const busy = [began.load, os.loadavg()[0]].map((load) => shown(load)).join(' at the beginning, ');
  return `${os.cpus()[0].model.trim()}, ${os.cpus().length} cores, ${shown(os.totalmem() / 2 ** 30, 0)} GiB, ${kernel}, Node ${process.versions.node}; ` +
    `${began.date.toISOString().slice(0, 16).replace('T', ' ')} UTC; load average ${busy} at the end.`;
}

/** `command` is what a reader types to have the same. */
export function report(title, command, parts) {
  const section = `## ${title}\n\n\`${command}\`\n\n${machine()}\n\n${parts.join('\n\n')}\n`;
  console.log(`\n${section}`);
  const file = process.env.RESULTS;
  if (!file) return;
  const [head, ...old] = (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '# Results of the benchmarks').split(/\n(?=## )/);
  const sections = old.filter((text) => !text.startsWith(`## ${ALL}\n`));
  const at = sections.findIndex((text) => text.startsWith(`## ${title}\n`));
  if (at < 0) sections.push(section);
  else sections[at] = section;
  fs.writeFileSync(file, `${[head, allTargets(sections), ...sections].map((text) => text.trim()).join('\n\n')}\n`);
}
