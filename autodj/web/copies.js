// @ts-check
/** The copy of a track that every browser plays, for where the original does not. */

import { Problem, renditions } from "./api.js";

/** @import { Track } from "./types.js" */

const NAME = "playback";
const AGAIN_MS = 1500;

/**
 * Whether there is one, after the time that it takes to make it. `tell` is called before a wait;
 * `goesOn` ends it early.
 * @param {() => Track | null} track as it is known at the time of asking
 * @param {() => boolean} goesOn @param {() => void} tell
 */
export async function copyInTime(track, goesOn, tell) {
  for (let isTold = false; ; isTold = true) {
    const now = track();
    const copy = now ? await copyOf(now).catch(() => "none") : "none";
    if (copy !== "making" || !goesOn()) return copy === "ready";
    if (!isTold) tell();
    await new Promise((passed) => setTimeout(passed, AGAIN_MS));
    if (!goesOn()) return false;
  }
}

/**
 * "none" also when it could not be made. A track that was not analysed yet may still get one.
 * @param {Track} track @returns {Promise<"ready" | "making" | "none">}
 */
async function copyOf(track) {
  const copy = (await renditions(track.id)).find(({ name }) => name === NAME);
  if (!copy) return track.analysis.state === "pending" ? "making" : "none";
  if (copy.ready) return "ready";
  return copy.state === "failed" ? "none" : "making";
}

/** What to do about a track that did not play. @param {string} kind its media type
 * @param {boolean} isPlayable whether the browser takes that kind */
export function verdict(kind, isPlayable) {
  return isPlayable
    ? new Problem({
        title: "The track could not be read",
        hint: "Press play to try again; `autodj doctor` tells whether its store answers.",
      })
    : new Problem({
        title: `This browser cannot play ${kind}`,
        hint: "There is no copy of it that plays everywhere: have one made through the API, or export the track as MP3, M4A (AAC) or FLAC and add it again.",
      });
}
