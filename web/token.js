/*
 * The token: it comes in the URL's fragment (`#token=T`), which no server sees,
 * and moves to sessionStorage and out of the URL at once.
 */

const KEY = 'drum.token';

let token = null;

try {
	token = sessionStorage.getItem(KEY);
} catch {
	// Storage is blocked: the token lives as long as this page.
}

export const get = () => token;

/** As a header can carry it: what is no ASCII is no token, and the server says so. */
export const header = () => String(token).replace(/[^\x21-\x7e]/g, '?');

export function set(value) {
	token = value || null;
	try {
		if (token) sessionStorage.setItem(KEY, token);
		else sessionStorage.removeItem(KEY);
	} catch {
		// as above
	}
}

/** Takes the fragment's token; whether there was one. */
export function take() {
	const fragment = location.hash.slice(1);
	if (!fragment) return false;
	const found = fragment.startsWith('token=') ? fragment.slice('token='.length) : '';
	history.replaceState(null, '', location.pathname + location.search);
	if (!found) return false;
	try {
		set(decodeURIComponent(found));
	} catch {
		set(found);
	}
	return true;
}
