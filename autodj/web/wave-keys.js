// @ts-check
/** Where a key on the waveform leads. Pure. */

import { indexAt } from "./grid.js";

/** @import { Grid } from "./grid.js" */

const BARS_PER_PAGE = 8;
const PAGE_S = 15;

/**
 * Seconds to go to, or null when the key means nothing here.
 * @param {{key: string, shiftKey: boolean}} pressed
 * @param {{at: number, duration: number, grid: Grid}} place
 */
export function keyTarget({ key, shiftKey }, { at, duration, grid }) {
  const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[key];
  if (step !== undefined) return shiftKey ? away(grid.beats, at, step, step) : at + step;
  if (key === "PageUp") return away(grid.bars, at, BARS_PER_PAGE, PAGE_S);
  if (key === "PageDown") return away(grid.bars, at, -BARS_PER_PAGE, -PAGE_S);
  if (key === "Home") return 0;
  return key === "End" ? duration : null;
}

/**
 * The same place after a line, some lines on. Outside the grid it is a step in seconds.
 * @param {ArrayLike<number>} lines @param {number} at @param {number} count
 * @param {number} otherwise_s
 */
function away(lines, at, count, otherwise_s) {
  const here = indexAt(lines, at);
  const there = lines[here + count];
  if (here < 0 || there === undefined) return at + otherwise_s;
  return there + (at - lines[here]);
}
