/* What the demo page's buttons do. */

const say = (words) => {
	document.getElementById('status').textContent = words;
};

const actions = {
	slow() {
		const end = performance.now() + 200;
		while (performance.now() < end);
		say('The main thread was busy for 200 ms.');
	},
	shift() {
		// Later than 500 ms after the click: shifts sooner count as expected.
		setTimeout(() => {
			const banner = document.createElement('p');
			banner.className = 'banner';
			banner.textContent = 'A late banner pushed the buttons down.';
			document.getElementById('late').append(banner);
		}, 600);
		say('Wait for it.');
	},
	error() {
		say('An error was thrown.');
		throw new TypeError('the demo shop has no checkout');
	},
	rejection() {
		say('A promise was rejected.');
		Promise.reject(new Error('the payment was refused'));
	},
	event() {
		window.drum?.('event', 'checkout_complete', { category: 'business', value: 99.5 });
		say('The event checkout_complete was noted.');
	},
};

for (const id in actions) document.getElementById(id).addEventListener('click', actions[id]);
