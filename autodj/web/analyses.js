// @ts-check
/** Analysis documents, the latest ones kept, few asked for at once. */

import * as api from "./api.js";

/** @import { Analysis, Track, Waveform } from "./types.js" */

const KEPT = 60;
const AT_ONCE = 2;
const BANDS = /** @type {const} */ (["peak", "low", "mid", "high"]);

/** @type {Map<string, Promise<Analysis>>} the longest unused first */
const kept = new Map();
/** @type {(() => void)[]} */
const waiting = [];
let free = AT_ONCE;

/** The document of a track that has one. @param {Track} track @returns {Promise<Analysis>} */
export function analysisOf(track) {
  const key = keyOf(track);
  const known = kept.get(key) ?? read(track);
  kept.delete(key);
  kept.set(key, known);
  known.catch(() => kept.delete(key));
  if (kept.size > KEPT) kept.delete(/** @type {string} */ (kept.keys().next().value));
  return known;
}

/** What the document of a track says changes with this. @param {Track} track */
export function keyOf({ analysis, corrections }) {
  return `${analysis.url} ${analysis.version} ${JSON.stringify(corrections ?? null)}`;
}

/** @param {Track} track */
async function read(track) {
  if (free === 0) await new Promise((go) => waiting.push(() => go(null)));
  else free -= 1;
  try {
    const document = await api.analysis(track.analysis.url ?? "");
    return { ...document, waveform: packed(document.waveform) };
  } finally {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  }
}

/** The same values in a byte each. @param {Waveform} waveform @returns {Waveform} */
function packed(waveform) {
  const bands = BANDS.map((band) => [band, Uint8Array.from(waveform[band])]);
  return { points_per_s: waveform.points_per_s, ...Object.fromEntries(bands) };
}
