// @ts-check
/** The grid of a track: its beats, bars and phrases, and the places on it that have a name. Pure. */

/** @import { Analysis, Cues, Section } from "./types.js" */

const USUAL_METRE = 4;
const BARS_PER_PHRASE = 8;
const CLOSE = 0.1;

/**
 * Times in seconds, rising. `phrases` are the indices of the bars that begin one.
 * @typedef {object} Grid
 * @property {ArrayLike<number>} beats
 * @property {number[]} bars
 * @property {Set<number>} phrases
 * @property {number} beat_s from beat to beat where they are close
 * @property {number} bar_s
 */

/**
 * A cue as it is shown; `number` is its key.
 * @typedef {object} Cue
 * @property {number} number
 * @property {string} name
 * @property {number} at seconds
 */

/** @type {readonly (readonly [keyof Cues, string])[]} in the order of their keys */
const CUES = [
  ["cue_in", "In"],
  ["intro_end", "Intro end"],
  ["drop", "Drop"],
  ["outro_start", "Outro"],
  ["cue_out", "Out"],
];

/** Without downbeats the first beat is taken for one, and bars for 4 beats if nothing says more.
 * @param {Analysis | null} analysis @returns {Grid} */
export function gridOf(analysis) {
  const beats = analysis?.beats_s ?? [];
  const found = analysis?.downbeats_s ?? [];
  const metre = analysis?.metre ?? USUAL_METRE;
  const bars = found.length > 0 ? found : beats.filter((_, index) => index % metre === 0);
  const phrases = phrasesOf(bars.length, analysis?.sections ?? []);
  return { beats, bars, phrases, beat_s: closeness(beats), bar_s: closeness(bars) };
}

/** Seconds from line to line in the quickest part, be that a tenth of the track. On average they
 * would seem further apart than they are there: tempi change, and some bars are silent.
 * @param {number[]} lines */
function closeness(lines) {
  const steps = lines.slice(1).map((line, index) => line - lines[index]);
  return steps.sort((one, other) => one - other)[Math.floor(CLOSE * steps.length)] ?? 0;
}

/** Those that the track has. @param {Analysis | null} analysis @returns {Cue[]} */
export function cuesOf(analysis) {
  return CUES.flatMap(([field, name], index) => {
    const at = analysis?.cues?.[field] ?? null;
    return at === null ? [] : [{ number: index + 1, name, at }];
  });
}

/** The index of the last time at or before another, -1 for none.
 * @param {ArrayLike<number>} times @param {number} at */
export function indexAt(times, at) {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= at + 0.001) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The bar that sounds at a time, from 1; null before the first downbeat or without bars.
 * @param {number[]} bars @param {number} at */
export function barAt(bars, at) {
  const index = indexAt(bars, at);
  return index < 0 ? null : index + 1;
}

/** Phrases of 8 bars, counted anew from where each section begins.
 * @param {number} count of bars @param {Section[]} sections */
function phrasesOf(count, sections) {
  const starts = new Set(sections.map(({ bar }) => bar - 1));
  /** @type {Set<number>} */
  const phrases = new Set();
  let begun = 0;
  for (let bar = 0; bar < count; bar += 1) {
    if (starts.has(bar)) begun = bar;
    if ((bar - begun) % BARS_PER_PHRASE === 0) phrases.add(bar);
  }
  return phrases;
}
