/*
 * Long animation frames: how long each view was blocked by them.
 */
import { observe } from './tools.js';
import { views } from './view.js';

/** @type {PerformanceObserver | undefined} */
let frames;

/** To the view that was there when the frame began. @param {any} frame */
const addFrame = (frame) => {
	const owner = views.findLast((v) => v._start <= frame.startTime);
	if (owner) owner._blocking += frame.blockingDuration;
};

export const watchFrames = () => {
	frames = observe('long-animation-frame', addFrame);
};

/** Also those that the browser has not handed over yet. */
export const takeFrames = () => frames?.takeRecords().forEach(addFrame);
