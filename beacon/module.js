/*
 * The same for a bundler: import { start } from 'drum/beacon'.
 *
 *   const drum = start({ site: 'shop', endpoint: 'https://rum.example/beacon' });
 *
 * The options are the attributes of drum.js without data-, and `tags`.
 * drum.extra.js must be beside the endpoint if it is used.
 */
import { start as begin } from './start.js';

/** @param {import('./view.js').Options & { endpoint: string }} options */
export const start = (options) => begin(options, new URL(options.endpoint, location.href).href);
