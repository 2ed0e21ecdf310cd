// @ts-check
/** Values to words, and back. Pure: no page, no clock. */

import { barAt } from "./grid.js";

/** @import { FetchOrder, Job, Track } from "./types.js" */

export const KNOWN = "Already in your library, nothing was added";
const MINUS = "\u2212";

/** Seconds as "1:51" or "1:02:03". @param {number} seconds */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(Number.isFinite(seconds) ? seconds : 0));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** "1:51 of 3:00, bar 58". @param {number} at @param {number} duration @param {number[]} bars */
export function spokenPlace(at, duration, bars) {
  const bar = barAt(bars, at);
  return `${clock(at)} of ${clock(duration)}${bar === null ? "" : `, bar ${bar}`}`;
}

/** @param {number | null} bpm */
export function tempo(bpm) {
  return bpm === null ? "" : bpm.toFixed(1);
}

/** @param {number | null} lufs */
export function loudness(lufs) {
  return lufs === null ? "" : lufs.toFixed(1).replace("-", MINUS);
}

/** @param {number} share 0 to 1 */
export function percent(share) {
  return `${Math.round(Math.min(1, Math.max(0, share)) * 100)} %`;
}

/** @param {number} count */
export function bytes(count) {
  if (count < 1e6) return `${Math.max(1, Math.round(count / 1e3))} kB`;
  return count < 1e9 ? `${(count / 1e6).toFixed(1)} MB` : `${(count / 1e9).toFixed(2)} GB`;
}

/** @param {number | null} confidence 0 to 1 @returns {"high" | "medium" | "low"} */
export function trust(confidence) {
  if (confidence === null || confidence < 0.4) return "low";
  return confidence < 0.7 ? "medium" : "high";
}

/** What stands behind the tempo. @param {Track} track */
export function tempoHint(track) {
  if (track.bpm === null) return "No tempo was found";
  if (track.bpm_corrected) return `${track.bpm.toFixed(2)} BPM, set by you`;
  const sure = `${track.bpm.toFixed(2)} BPM, measured with ${percent(track.bpm_confidence ?? 0)} confidence`;
  return track.bpm_alternative === null
    ? sure
    : `${sure}; could also be ${track.bpm_alternative.toFixed(2)}`;
}

/** What stands behind the key. @param {Track} track */
export function keyHint(track) {
  if (track.key === null) return "No key was found";
  return track.key_corrected
    ? `${track.key}, set by you`
    : `${track.key}, measured with ${percent(track.key_confidence ?? 0)} confidence`;
}

const STEPS = new Map([
  ["fetch", "Fetching"],
  ["ingest", "Checking"],
  ["analyze", "Analysing"],
  ["publish", "Publishing"],
]);

/** What a job is doing, in a few words. @param {Job} job */
export function jobWords(job) {
  if (job.state === "done") return "Ready";
  if (job.state === "failed") return "Failed";
  const step = STEPS.get(job.step) ?? "Working";
  return job.state === "queued" ? "Waiting" : `${step} ${percent(job.progress)}`;
}

/** The address that is fetched, as far as it is told. @param {FetchOrder} order */
export function addressWords({ url, url_is_whole }) {
  return url_is_whole ? url : `${url}...`;
}

/** How far many tracks are that are measured again. @param {Job} job */
export function runWords(job) {
  const { tracks = 0, done = 0, failed = 0 } = job.result ?? {};
  const measured = `Measured ${done} of ${tracks} ${tracks === 1 ? "track" : "tracks"}`;
  return failed > 0 ? `${measured}, ${failed} failed` : measured;
}

/** Of a job that was done when it was called back. @param {Job} job */
export function lateWords(job) {
  if (job.kind === "reanalysis") return `Too late to cancel. ${runWords(job)}`;
  return job.result?.created === false ? KNOWN : "Too late to cancel, it is in your library";
}

/**
 * A place in the library from the address: "#track=ID&t=95" or "#t=95".
 * @param {string} hash @returns {{track: string | null, at: number | null}}
 */
export function readPlace(hash) {
  const words = new URLSearchParams(hash.replace(/^#/, ""));
  const at = Number.parseFloat(words.get("t") ?? "");
  return { track: words.get("track"), at: Number.isFinite(at) && at >= 0 ? at : null };
}

/** The reverse of {@link readPlace}. @param {string} track @param {number} at */
export function writePlace(track, at) {
  return `#track=${encodeURIComponent(track)}&t=${Math.floor(at)}`;
}
