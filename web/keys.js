/*
 * The keyboard, and the page that explains it and the terms.
 */
import { byId, h, replace } from './dom.js';
import { vital } from './format.js';
import { TABS, go, state } from './state.js';
import { RANGE_KEYS } from './sql.js';
import { PERCENTILES, RATINGS, VITALS, VITAL_KEYS } from './vitals.js';

const OFF = 'drum.shortcuts'; // 'off' in localStorage: for those whom single keys get in the way

let enabled = true;

try {
	enabled = localStorage.getItem(OFF) !== 'off';
} catch {
	// Storage is blocked: shortcuts are on.
}

function enable(on) {
	enabled = on;
	try {
		localStorage.setItem(OFF, on ? 'on' : 'off');
	} catch {
		// as above
	}
}

const next = (list, value) => list[(list.indexOf(value) + 1) % list.length];

const KEYS = [
	[`1 – ${TABS.length}`, 'the tabs'],
	['v', 'next vital'],
	['p', 'next percentile'],
	['t', 'next period'],
	['/', 'add a filter'],
	['x', 'drop the last filter'],
	['r', 'refresh'],
	['Space', 'pause and resume'],
	['?', 'this page'],
];

function help() {
	const dialog = byId('help');
	replace(dialog,
		h('h2', { id: 'help-title' }, 'Keys'),
		h('dl', { class: 'keys' }, KEYS.map(([key, what]) => [h('dt', null, h('kbd', null, key)), h('dd', null, what)])),
		h('p', null, h('label', { class: 'check' },
			h('input', { type: 'checkbox', id: 'shortcuts', checked: enabled, onchange: (event) => enable(event.target.checked) }), ' single keys act')),
		h('h2', null, 'Vitals'),
		h('table', null,
			h('thead', null, h('tr', null, ['', 'Name', 'good', 'poor'].map((x, i) => h('th', { scope: 'col', class: i > 1 ? 'number' : null }, x)))),
			h('tbody', null, VITAL_KEYS.map((key) => h('tr', null, h('th', { scope: 'row' }, VITALS[key].label), h('td', null, VITALS[key].name),
				h('td', { class: 'number' }, `≤ ${vital(key, VITALS[key].good)}`), h('td', { class: 'number' }, `> ${vital(key, VITALS[key].poor)}`))))),
		h('h2', null, 'Terms'),
		h('p', null, `${Object.values(RATINGS).map(({ glyph, word }) => `${glyph} ${word}`).join(', ')}: by the threshold of each vital. `,
			'p75 is the value that three of four views do not exceed. ',
			'Impact is views times what the percentile exceeds good by: tables are sorted by it. ',
			'± is half of the 95 % confidence interval; “within chance” means that the difference is smaller. ',
			'Every panel shows its SQL.'),
		h('p', null, h('button', { type: 'button', onclick: () => dialog.close() }, 'Close')));
	if (!dialog.open) dialog.showModal();
}

/** `actions`: refresh(), togglePause(). */
export function build({ refresh, togglePause }) {
	byId('help-open').addEventListener('click', help);
	const act = {
		v: () => go({ metric: next(VITAL_KEYS, state().metric) }),
		p: () => go({ p: next(PERCENTILES, state().p) }),
		t: () => go({ range: next(RANGE_KEYS, state().range) }),
		'/': () => byId('filter-value')?.focus(),
		x: () => go({ filters: state().filters.slice(0, -1) }),
		r: refresh,
		' ': togglePause,
		'?': help,
	};
	TABS.forEach((tab, i) => (act[i + 1] = () => go({ tab, error: '' })));
	addEventListener('keydown', (event) => {
		if (!enabled || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || byId('help').open) return;
		/* Until the next frame the focus may still be in the closed page of help. */
		const target = byId('help').contains(event.target) ? document.body : event.target;
		if (target.closest('input, select, textarea, [contenteditable]')) return;
		if (event.key === ' ' && target !== document.body && target.id !== 'main') return;
		const action = Object.hasOwn(act, event.key) && act[event.key];
		if (!action) return;
		event.preventDefault();
		action();
	});
}
