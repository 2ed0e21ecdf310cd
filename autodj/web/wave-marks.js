// @ts-check
/** What lies over a drawn waveform: the playhead, the pointer, the part that is looked at. */

import { clock } from "./format.js";

/** @import { Colours, View } from "./wave-draw.js" */

/**
 * Shade what was played, and draw the playhead.
 * @param {CanvasRenderingContext2D} context @param {View} view @param {number} at seconds
 * @param {Colours} colours
 */
export function drawHead(context, view, at, colours) {
  const x = place(view, at);
  context.fillStyle = colours.shade;
  context.fillRect(0, 0, x, view.height);
  drawLine(context, view, at, colours);
}

/** @param {CanvasRenderingContext2D} context @param {View} view @param {number} at seconds
 * @param {Colours} colours */
export function drawLine(context, view, at, colours) {
  context.fillStyle = colours.head;
  context.fillRect(Math.round(place(view, at)) - 1, 0, 2, view.height);
}

/** The time under the pointer. @param {CanvasRenderingContext2D} context @param {View} view
 * @param {number} at seconds @param {Colours} colours */
export function drawPointer(context, view, at, colours) {
  const x = place(view, at);
  const text = clock(at);
  const room = context.measureText(text).width + 12;
  const left = x + room > view.width ? x - room : x;
  context.fillStyle = colours.head;
  context.fillRect(Math.round(x), 0, 1, view.height);
  context.fillStyle = colours.shade;
  context.fillRect(left, view.height - 18, room, 18);
  context.fillStyle = colours.label;
  context.fillText(text, left + 6, view.height - 5);
}

/** The part of the overview that the large picture shows.
 * @param {CanvasRenderingContext2D} context @param {View} view
 * @param {{from: number, to: number}} part seconds @param {Colours} colours */
export function drawWindow(context, view, part, colours) {
  const from = place(view, part.from);
  context.fillStyle = colours.window;
  context.fillRect(from, 0, place(view, part.to) - from, view.height);
}

/** @param {View} view @param {number} seconds */
function place(view, seconds) {
  return ((seconds - view.from) * view.width) / (view.to - view.from || 1);
}
