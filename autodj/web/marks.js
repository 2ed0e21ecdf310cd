// @ts-check
/** The small signs of a track: cover, key badge, tempo, source and state. */

import { byCode, harmony, tempoChange } from "./camelot.js";
import { icon, make } from "./dom.js";
import { jobWords, keyHint, tempo, tempoHint, trust } from "./format.js";

/** @import { Job, Track } from "./types.js" */

const TONES = 6;
const MIXABLE_CHANGE = 0.06;

/** Why an analysis failed, by its code, in words that help. */
const FAILURES = new Map([
  ["too_long", "the track is longer than the analysis takes"],
  ["truncated", "the file ends too early"],
  ["undecodable", "the audio could not be decoded to its end"],
]);

/** A cover, or a tile that always looks the same for the same track.
 * @param {HTMLElement} place @param {Track} track */
export function paintCover(place, track) {
  place.className = "cover";
  place.dataset.tone = String(Number.parseInt(track.id.slice(0, 4), 16) % TONES);
  if (track.cover_url) {
    place.replaceChildren(make("img", { src: track.cover_url, alt: "", loading: "lazy" }));
  } else {
    place.replaceChildren(icon("disc"));
  }
}

/** @param {HTMLElement} place @param {string | null} code @param {string} hint */
export function paintKey(place, code, hint) {
  const key = code ? byCode(code) : undefined;
  place.hidden = !key;
  if (!key) return;
  place.className = "key";
  place.dataset.hour = String(key.hour);
  place.dataset.ring = key.ring;
  place.textContent = key.code;
  place.title = hint;
}

/** @param {Track} track */
export function tempoMark(track) {
  const level = track.bpm_corrected ? "set" : trust(track.bpm_confidence);
  const spoken = track.bpm_corrected ? "set by you" : `${level} confidence`;
  if (track.bpm === null) return make("span", { class: "none", title: tempoHint(track) }, "–");
  return make(
    "span",
    { class: "tempo", title: tempoHint(track) },
    tempo(track.bpm),
    make("span", { class: "trust", "data-level": level }),
    make("span", { class: "sr-only" }, spoken),
  );
}

/** @param {Track} track @param {Track | null} playing the track to mix from */
export function keyMark(track, playing) {
  const badge = make("span");
  paintKey(badge, track.camelot, keyHint(track));
  const name = make("span", { class: "key-name" }, track.key ?? "–");
  const fit = playing && playing.id !== track.id ? fits(playing, track) : null;
  const mark = fit && make("span", { class: "fits", title: fit }, icon("fits"), spoken(fit));
  return make("span", { class: "key-cell" }, badge, name, mark);
}

/** @param {Track} track */
export function sourceMark(track) {
  const s3 = track.file_source === "s3";
  const moving = track.file_state === "copying";
  const title = s3 ? "Plays from S3 through the CDN" : "Plays from this server's disk";
  return make(
    "span",
    { class: "source", "data-source": track.file_source, title },
    icon(s3 ? "cloud" : "disk"),
    s3 ? "S3" : moving ? "Local → S3" : "Local",
  );
}

/** @param {Track} track @param {Job | undefined} job */
export function stateMark(track, job) {
  if (job && (job.state === "queued" || job.state === "running")) {
    return make(
      "span",
      { class: "state", "data-state": "busy" },
      make("progress", { max: 1, value: job.progress, "aria-label": "Progress" }),
      jobWords(job),
    );
  }
  if (job?.state === "failed" && job.problem) {
    const { detail, title, hint } = job.problem;
    return failureMark("Failed", `${(detail || title).replace(/\.$/, "")}. ${hint ?? ""}`.trim());
  }
  const { state, failure } = track.analysis;
  if (state === "failed") {
    const why = FAILURES.get(failure ?? "") ?? failure ?? "the audio could not be measured";
    return failureMark("Not analysed", `Plays, but has no tempo and key: ${why}`);
  }
  return state === "done"
    ? make("span", { class: "state", "data-state": "ready" }, icon("check"), make("span", {}, "Ready"))
    : make("span", { class: "state", "data-state": "waiting" }, icon("clock"), "Waiting");
}

/** What went wrong, and why for who points at it or has it read out.
 * @param {string} words @param {string} why */
function failureMark(words, why) {
  const told = { class: "state", "data-state": "failed", title: why };
  return make("span", told, icon("alert"), words, spoken(`. ${why}`));
}

/** Why a track can follow another, or null. @param {Track} from @param {Track} to */
function fits(from, to) {
  const key = harmony(from.camelot, to.camelot);
  const change = tempoChange(from.bpm, to.bpm);
  if (!key || change === null || Math.abs(change) > MIXABLE_CHANGE) return null;
  const shift = `${change < 0 ? "−" : "+"}${Math.abs(change * 100).toFixed(1)} %`;
  return `Mixes with what plays: ${key}, tempo ${shift}`;
}

/** @param {string} text */
function spoken(text) {
  return make("span", { class: "sr-only" }, text);
}
