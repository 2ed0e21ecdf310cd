// @ts-check
/** Setting a track's beat grid right while it plays: what is pressed holds at once. */

import { make } from "./dom.js";
import { gridOf, hasSetGrid } from "./edited.js";
import { offer } from "./focus.js";
import { say } from "./toast.js";

/** @import { Edited } from "./edited.js" */
/** @import { Track } from "./types.js" */

const NUDGES_MS = [-5, -1, 1, 5];
const METRES = [2, 3, 4, 5, 6, 7];
const USUAL_METRE = 4;
const SAME = 1e-4;
const MINUS = "\u2212";

/**
 * Buttons for the grid of a track. `place` tells where it plays, null when another one does.
 * @param {Edited} edited @param {() => number | null} place
 */
export function gridTools(edited, place) {
  const metre = metreSelect();
  const said = make("output", { class: "grid-said" });
  const adjust = (/** @type {() => Record<string, unknown>} */ changes) => () => void edited.adjust(changes);
  const undo = button("Undo", "Take the last change of the grid back", () => void edited.undo());
  const measured = () => (hasSetGrid(edited.track) ? nothingSet() : {});
  const reset = button("Reset grid", "Back to the beats and bars that were measured", adjust(measured));
  const tools = make(
    "div",
    { class: "grid-tools", role: "group", "aria-label": "Beat grid" },
    make("span", { class: "grid-name", "aria-hidden": "true" }, "Beat grid"),
    tempoButtons(edited, adjust),
    nudgeButtons(edited),
    button("Downbeat here", "The beat that plays now begins a bar (while this track plays)", () => {
      const at = place();
      if (at === null) say("Play this track, and press where a bar begins");
      else void edited.adjust(() => ({ downbeat_s: Math.min(at, edited.track.duration_s) }));
    }),
    make("label", { class: "metre" }, make("span", {}, "Beats in a bar"), metre),
    undo,
    reset,
    said,
  );
  metre.addEventListener("change", adjust(() => ({ metre: Number(metre.value) })));
  const show = () => {
    const { track } = edited;
    metre.value = String(track.metre ?? USUAL_METRE);
    offer(undo, edited.canUndo);
    offer(reset, hasSetGrid(track));
    said.textContent = gridWords(track);
  };
  edited.addEventListener("change", show);
  show();
  return tools;
}

/** What people have set of the grid. @param {Track} track */
export function gridWords(track) {
  const { bpm, grid_shift_ms, downbeat_s, metre } = gridOf(track);
  const parts = [
    bpm !== null && `${Number(bpm).toFixed(2)} BPM`,
    grid_shift_ms !== null && signed(Number(grid_shift_ms)),
    downbeat_s !== null && "bars moved",
    metre !== null && `${metre} beats in a bar`,
  ].filter(Boolean);
  return parts.length > 0 ? `Set by you: ${parts.join(", ")}` : "As measured";
}

/**
 * The change that leads to another tempo: by a step where it is one, so that uneven beats stay.
 * @param {number | null} now @param {number} wanted
 */
export function tempoChange(now, wanted) {
  const ratio = now === null ? 0 : wanted / now;
  if (Math.abs(ratio - 2) < SAME) return { tempo: "double" };
  if (Math.abs(ratio - 0.5) < SAME) return { tempo: "half" };
  return { bpm: wanted };
}

function nothingSet() {
  return { bpm: null, anchor_s: null, grid_shift_ms: null, downbeat_s: null, metre: null };
}

/** @param {Edited} edited @param {(changes: () => Record<string, unknown>) => () => void} adjust */
function tempoButtons(edited, adjust) {
  const { bpm, bpm_alternative: other } = edited.track;
  return make(
    "span",
    { class: "joined" },
    button("÷2", "Half the tempo", adjust(() => ({ tempo: "half" }))),
    button("×2", "Double the tempo", adjust(() => ({ tempo: "double" }))),
    other !== null &&
      other !== bpm &&
      button(other.toFixed(2), "Use the other likely tempo", adjust(() => tempoChange(edited.track.bpm, other))),
  );
}

/** Presses that come while another is on its way are sent together. @param {Edited} edited */
function nudgeButtons(edited) {
  let waiting_ms = 0;
  const taken = () => {
    const nudge_ms = waiting_ms;
    waiting_ms = 0;
    return nudge_ms === 0 ? {} : { nudge_ms };
  };
  const nudge = (/** @type {number} */ ms) => () => {
    const isFirst = waiting_ms === 0;
    waiting_ms += ms;
    if (isFirst) void edited.adjust(taken);
  };
  const words = (/** @type {number} */ ms) => `All beats ${Math.abs(ms)} ms ${ms < 0 ? "earlier" : "later"}`;
  const buttons = NUDGES_MS.map((ms) => button(signed(ms), words(ms), nudge(ms)));
  return make("span", { class: "joined" }, ...buttons);
}

function metreSelect() {
  const options = METRES.map((beats) => make("option", { value: beats }, String(beats)));
  return make("select", { name: "metre" }, ...options);
}

/** @param {number} ms */
function signed(ms) {
  return `${ms < 0 ? MINUS : "+"}${Math.abs(ms)} ms`;
}

/** @param {string} text @param {string} title @param {() => void} onclick */
function button(text, title, onclick) {
  return make("button", { type: "button", class: "plain", title, onclick }, text);
}
