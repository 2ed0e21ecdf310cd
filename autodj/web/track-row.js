// @ts-check
/** One row of the library. */

import { icon, make } from "./dom.js";
import { clock, loudness } from "./format.js";
import { keyMark, paintCover, sourceMark, stateMark, tempoMark } from "./marks.js";
import { WaveThumb } from "./wave-thumb.js";

/** @import { Job, Track } from "./types.js" */

/**
 * What a row shows beside its track.
 * @typedef {object} Around
 * @property {Job | undefined} job
 * @property {Track | null} current the track in the player
 * @property {boolean} playing whether that one sounds
 */

/** @param {Track} track @param {Around} around */
export function trackRow(track, { job, current, playing }) {
  const isCurrent = current?.id === track.id;
  return make(
    "tr",
    { "data-id": track.id, class: "track", "aria-current": isCurrent ? "true" : null },
    make("th", { scope: "row", class: "c-track" }, titleCell(track, isCurrent && playing)),
    cell("c-wave", thumb(track)),
    cell("c-bpm", tempoMark(track)),
    cell("c-key", keyMark(track, current)),
    cell("c-lufs", loudnessMark(track)),
    cell("c-length", clock(track.duration_s)),
    cell("c-source", sourceMark(track)),
    cell("c-state", stateMark(track, job), ...again(track, job)),
    cell("c-acts", act("edit", "pencil", track, "Edit"), act("delete", "bin", track, "Delete")),
  );
}

/**
 * Make a row say what another one says. What stays the same is left where it is: while a track is
 * worked on its row changes twice a second, and a button that is taken away under a press hears
 * no click.
 * @param {HTMLTableRowElement} row @param {HTMLTableRowElement} wanted
 */
export function renew(row, wanted) {
  row.ariaCurrent = wanted.ariaCurrent;
  const after = [...wanted.cells];
  [...row.cells].forEach((cell, place) => {
    if (!isSame(cell, after[place])) cell.replaceWith(after[place]);
  });
}

/** @param {HTMLTableCellElement} cell @param {HTMLTableCellElement} wanted */
function isSame(cell, wanted) {
  const [picture, other] = [cell, wanted].map((each) => each.querySelector("wave-thumb"));
  return picture instanceof WaveThumb && other instanceof WaveThumb
    ? picture.isLike(other)
    : cell.isEqualNode(wanted);
}

/** @param {Track} track @param {boolean} sounding */
function titleCell(track, sounding) {
  const cover = make("span");
  paintCover(cover, track);
  const label = `${sounding ? "Pause" : "Play"} ${track.title}`;
  const overlay = make("span", { class: "over" }, icon(sounding ? "pause" : "play"));
  cover.append(overlay);
  return make(
    "div",
    { class: "title-cell" },
    make("button", { class: "play-cover", "data-act": "play", "aria-label": label }, cover),
    make(
      "span",
      { class: "names" },
      make("span", { class: "title", title: track.title, dir: "auto" }, track.title),
      make("span", { class: "artist", dir: "auto" }, artistAndAlbum(track)),
    ),
  );
}

/** @param {Track} track */
function thumb(track) {
  const element = new WaveThumb();
  element.track = track;
  return element;
}

/** @param {Track} track */
function artistAndAlbum(track) {
  return [track.artist ?? "Unknown artist", track.album].filter(Boolean).join(" · ");
}

/** @param {Track} track */
function loudnessMark(track) {
  if (track.integrated_lufs === null) return make("span", { class: "none" }, "–");
  const peak = track.true_peak_dbtp;
  const title = peak === null ? null : `True peak ${loudness(peak)} dBTP`;
  return make("span", { title }, loudness(track.integrated_lufs), make("small", {}, " LUFS"));
}

/** @param {string} name @param {...(Node | string)} children */
function cell(name, ...children) {
  return make("td", { class: name }, ...children);
}

/** For what could not be measured, unless it is tried just now.
 * @param {Track} track @param {Job | undefined} job */
function again(track, job) {
  const isTried = job?.state === "queued" || job?.state === "running";
  const isFailed = track.analysis.state === "failed" && !isTried;
  return isFailed ? [act("measure", "retry", track, "Measure again:")] : [];
}

/** @param {string} what @param {string} picture @param {Track} track @param {string} word */
function act(what, picture, track, word) {
  const label = `${word} ${track.title}`;
  return make("button", { class: "quiet", "data-act": what, "aria-label": label }, icon(picture));
}
