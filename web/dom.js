/*
 * Making elements. Texts become text nodes and never markup: what a stranger's
 * beacon said is shown as it was said.
 */

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, props, children) {
	for (const [name, value] of Object.entries(props ?? {})) {
		if (value == null || value === false) continue;
		if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
		else if (name === 'vars') for (const [key, v] of Object.entries(value)) element.style.setProperty(key, v);
		else element.setAttribute(name, value === true ? '' : value);
	}
	element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
	return element;
}

/** `h('td', { class: 'number', onclick: f, vars: { '--share': '40%' } }, 'text', child)`; nothing for null and false. */
export const h = (tag, props, ...children) => fill(document.createElement(tag), props, children);

export const s = (tag, props, ...children) => fill(document.createElementNS(SVG, tag), props, children);

export const byId = (id) => document.getElementById(id);

/** Replaces the content; focus stays on what has the same data-key. */
export function replace(parent, ...children) {
	const focused = parent.contains(document.activeElement) ? document.activeElement : null;
	const key = focused?.dataset?.key;
	parent.replaceChildren(...children.flat(Infinity).filter((child) => child != null && child !== false));
	if (key) [...parent.querySelectorAll('[data-key]')].find((e) => e.dataset.key === key)?.focus({ preventScroll: true });
}

/** Puts the text on the clipboard, or selects `element` where that is refused; tells which. */
export async function copy(value, element) {
	try {
		await navigator.clipboard.writeText(value);
		return 'Copied.';
	} catch {
		getSelection().selectAllChildren(element);
		return 'Selected: press Ctrl+C or ⌘C.';
	}
}
