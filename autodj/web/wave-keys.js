// @ts-check
/** Where a key on the waveform leads. Pure. */

import { beatIndex } from "./format.js";

const BEATS_PER_PAGE = 32;
const PAGE_S = 15;

/**
 * Seconds to go to, or null when the key means nothing here.
 * @param {{key: string, shiftKey: boolean}} pressed
 * @param {{at: number, duration: number, beats: number[]}} place
 */
export function keyTarget({ key, shiftKey }, place) {
  const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[key];
  if (step !== undefined) return shiftKey ? beatsAway(step, step, place) : place.at + step;
  if (key === "PageUp") return beatsAway(BEATS_PER_PAGE, PAGE_S, place);
  if (key === "PageDown") return beatsAway(-BEATS_PER_PAGE, -PAGE_S, place);
  if (key === "Home") return 0;
  return key === "End" ? place.duration : null;
}

/**
 * The same place between two beats, some beats on. Outside the grid it is a step in seconds.
 * @param {number} count @param {number} otherwise_s
 * @param {{at: number, beats: number[]}} place
 */
function beatsAway(count, otherwise_s, { at, beats }) {
  const here = beatIndex(beats, at);
  const there = beats[here + count];
  if (here < 0 || there === undefined) return at + otherwise_s;
  return there + (at - beats[here]);
}
