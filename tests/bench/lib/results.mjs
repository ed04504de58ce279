/*
 * What a benchmark has to say: Markdown to stdout, and into the file that the
 * environment's RESULTS names, where it replaces the section of the same title.
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
  const sections = (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '').split(/\n(?=## )/);
  const at = sections.findIndex((text) => text.startsWith(`## ${title}\n`));
  if (at < 0) sections.push(section);
  else sections[at] = section;
  fs.writeFileSync(file, `${sections.map((text) => text.trim()).join('\n\n')}\n`);
}
