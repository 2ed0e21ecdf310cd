// @ts-check
/** What lies over and under a drawn waveform: shade, playhead, pointer, cues, sections, the part that is
 * looked at. */

import { clock } from "./format.js";

/** @import { Cue } from "./grid.js" */
/** @import { Section } from "./types.js" */
/** @import { Colours, View } from "./wave-draw.js" */

const FLAG_PX = 16;
const FLAG_PADDING_PX = 4;
const FAINTEST = 0.25;

/** Over what was played. @param {CanvasRenderingContext2D} context @param {View} view
 * @param {number} at seconds @param {Colours} colours */
export function drawShade(context, view, at, colours) {
  context.fillStyle = colours.shade;
  context.fillRect(0, 0, place(view, at), view.height);
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
  context.fillStyle = colours.plate;
  context.fillRect(left, view.height - 18, room, 18);
  context.fillStyle = colours.label;
  context.fillText(text, left + 6, view.height - 5);
}

/**
 * A line for each cue, and a flag at its foot: number and name, or only what there is room for.
 * @param {CanvasRenderingContext2D} context @param {Cue[]} cues rising @param {View} view
 * @param {Colours} colours
 */
export function drawCues(context, cues, view, colours) {
  let room = view.width;
  const places = Map.groupBy(cues, ({ at }) => Math.round(place(view, at)));
  for (const [x, those] of [...places].toReversed()) {
    if (x < 0 || x > view.width) continue;
    context.fillStyle = colours.cue;
    context.fillRect(x, 0, 2, view.height);
    room = drawFlag(context, those, { x, room }, view, colours);
  }
}

/**
 * Left of its line where the picture ends. Gives where the next flag to the left must end.
 * @param {CanvasRenderingContext2D} context @param {Cue[]} cues in one place
 * @param {{x: number, room: number}} line @param {View} view @param {Colours} colours
 */
function drawFlag(context, cues, { x, room }, view, colours) {
  const long = cues.map(({ number, name }) => `${number} ${name}`).join(" · ");
  const short = cues.map(({ number }) => number).join(" ");
  const [flag] = [long, short].flatMap((text) => {
    const width = Math.ceil(context.measureText(text).width) + 2 * FLAG_PADDING_PX;
    const left = x + width > view.width ? x + 2 - width : x;
    return left + width <= room ? [{ text, width, left }] : [];
  });
  if (!flag) return Math.min(room, x);
  const top = view.height - FLAG_PX;
  context.fillStyle = colours.cue;
  context.fillRect(flag.left, top, flag.width, FLAG_PX);
  context.fillStyle = colours["on-cue"];
  context.fillText(flag.text, flag.left + FLAG_PADDING_PX, top + 12);
  return Math.min(flag.left, x);
}

/**
 * The sections as a strip, the fuller the more energy they have, with their names.
 * @param {CanvasRenderingContext2D} context @param {Section[]} sections @param {number} duration
 * @param {View} view @param {Colours} colours
 */
export function drawSections(context, sections, duration, view, colours) {
  sections.forEach(({ label, start_s, energy }, index) => {
    const from = Math.max(0, place(view, start_s));
    const to = Math.min(view.width, place(view, sections[index + 1]?.start_s ?? duration));
    if (to <= from) return;
    context.globalAlpha = FAINTEST + (1 - FAINTEST) * Math.min(1, Math.max(0, energy));
    context.fillStyle = colours.part;
    context.fillRect(from, 0, Math.max(1, to - from - 1), view.height);
    context.globalAlpha = 1;
    if (context.measureText(label).width + 10 > to - from) return;
    context.fillStyle = colours["on-part"];
    context.fillText(label, from + 5, view.height - 4);
  });
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
