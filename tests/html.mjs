/*
 * What reports of runs are made of: one HTML page that asks for nothing.
 */
export const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);

export const table = (head, rows) => `<table><tr>${head.map((cell) => `<th>${escape(cell)}</th>`).join('')}</tr>${rows.map((row) => `<tr>${row.map((cell) => `<td>${escape(cell)}</td>`).join('')}</tr>`).join('')}</table>`;

/** A whole page: `body` is markup, `style` is added to the common one. */
export const page = ({ title, verdict, body, style = '' }) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>${escape(title)}</title><style>
body { font: 14px/1.45 system-ui, sans-serif; max-width: 960px; margin: 2em auto; padding: 0 1em; color: #222; background: #fff }
h1 { font-size: 1.4em } h2 { font-size: 1em; margin: 1.6em 0 0 } p { margin: .2em 0 } p span { margin-right: 1em }
table { border-collapse: collapse; margin: 1em 0; font-variant-numeric: tabular-nums } td, th { padding: .15em .8em .15em 0; text-align: left; border-bottom: 1px solid #eee }
.verdict { font-weight: 600 }
${style}</style><h1>${escape(title)}</h1><p class="verdict">${escape(verdict)}</p>${body}</html>
`;
