// @ts-check
/** What was measured of a track, beside what its file says of itself. Pure: no page needed. */

import { WHEEL } from "./camelot.js";
import { loudness, percent } from "./format.js";

/** @import { Analysis, FileTags, Track } from "./types.js" */

const SAME_BPM = 0.5;
const SAME_GAIN_DB = 1;
const SAME_PEAK_DB = 0.5;
const OPEN_KEY_OFFSET = 7;

/**
 * One line of the table. `sign` compares the file's word with ours, empty where it says nothing
 * that can be compared.
 * @typedef {object} Fact
 * @property {string} name
 * @property {string} measured
 * @property {string} more what stands behind it
 * @property {string} said by the file
 * @property {"agrees" | "differs" | "half" | "double" | ""} sign
 */

/** @param {Track} track @param {Analysis} analysis @returns {Fact[]} */
export function factsOf(track, analysis) {
  const tags = analysis.tags ?? {};
  const facts = [tempoFact(track, analysis, tags), keyFact(track, analysis, tags)];
  return [...facts, ...soundFacts(analysis, tags)].filter(({ measured, said }) => measured || said);
}

/** The few that fit in a line. @param {Track} track @param {Analysis} analysis */
export function briefFacts(track, analysis) {
  const lufs = analysis.integrated_lufs ?? track.integrated_lufs;
  const energy = analysis.energy ?? null;
  return [
    energy === null ? "" : `Energy ${energy}/10`,
    lufs === null ? "" : `${loudness(lufs)} LUFS`,
  ].filter(Boolean);
}

/** @param {Track} track @param {Analysis} analysis @param {FileTags} tags @returns {Fact} */
function tempoFact(track, analysis, tags) {
  const found = track.bpm_measured ?? track.bpm;
  const more = [
    track.bpm_corrected ? `you set ${bpm(track.bpm)}` : "",
    track.bpm_alternative === null ? "" : `could be ${bpm(track.bpm_alternative)}`,
    analysis.metre ? `${analysis.metre} beats a bar` : "",
    analysis.grid ? `${analysis.grid === "constant" ? "even" : "uneven"} beats` : "",
  ];
  const sign = found === null ? "" : tempoSign(found, Number.parseFloat(tags.bpm ?? ""));
  return fact("Tempo", found === null ? "" : `${bpm(found)} BPM`, more, tags.bpm, sign);
}

/** @param {Track} track @param {Analysis} analysis @param {FileTags} tags @returns {Fact} */
function keyFact(track, analysis, tags) {
  const found = track.key_measured ?? track.key;
  const ours = WHEEL.find(({ name }) => name === found);
  const open = ours ? openKey(ours.code) : "";
  const tuning = analysis.tuning_cents ?? null;
  const more = [
    track.key_corrected ? `you set ${track.key}` : "",
    track.key_confidence === null ? "" : `${percent(track.key_confidence)} sure`,
    tuning === null ? "" : tuned(tuning),
  ];
  const theirs = codeOf(tags.key ?? "");
  const sign = ours && theirs ? (ours.code === theirs ? "agrees" : "differs") : "";
  const measured = [found ?? "", ours?.code, open].filter(Boolean).join(" · ");
  return fact("Key", measured, more, tags.key, sign);
}

/** @param {Analysis} analysis @param {FileTags} tags @returns {Fact[]} */
function soundFacts(analysis, tags) {
  const { integrated_lufs: lufs = null, loudness_range_lu: range = null } = analysis;
  const { true_peak_dbtp: peak = null, replaygain_db: gain = null, energy = null } = analysis;
  const told_db = Number.parseFloat(tags.replaygain_track_gain ?? "");
  const told_peak_db = 20 * Math.log10(Number.parseFloat(tags.replaygain_track_peak ?? ""));
  return [
    fact("Loudness", lufs === null ? "" : `${loudness(lufs)} LUFS`, [], null, ""),
    fact("Range", range === null ? "" : `${range.toFixed(1)} LU`, [], null, ""),
    fact(
      "True peak",
      peak === null ? "" : `${loudness(peak)} dBTP`,
      [],
      Number.isFinite(told_peak_db) ? `${loudness(told_peak_db)} dB` : null,
      near(peak, told_peak_db, SAME_PEAK_DB),
    ),
    fact(
      "ReplayGain",
      gain === null ? "" : `${signed(gain, 1)} dB`,
      [],
      tags.replaygain_track_gain,
      near(gain, told_db, SAME_GAIN_DB),
    ),
    fact("Energy", energy === null ? "" : `${energy} of 10`, [], null, ""),
  ];
}

/**
 * The Camelot code of a key as taggers write it: "8A", "1m", "Am", "A minor", "F#maj"; null for
 * what is none.
 * @param {string} text
 */
export function codeOf(text) {
  const word = text.trim().replace("♭", "b").replace("♯", "#");
  const wheel = /^0?(\d{1,2})([abdm])$/i.exec(word);
  if (wheel) {
    const [hour, letter] = [Number(wheel[1]), wheel[2].toLowerCase()];
    const is_open = letter === "d" || letter === "m";
    const at = is_open ? ((hour + OPEN_KEY_OFFSET - 1) % 12) + 1 : hour;
    const ring = letter === "m" || letter === "a" ? "A" : "B";
    return hour >= 1 && hour <= 12 ? `${at}${ring}` : null;
  }
  const named = /^([a-g])([b#]?)\s*(m|min|minor|maj|major|)$/i.exec(word);
  if (!named) return null;
  // A small m is minor, a large one major.
  const minor = named[3] === "m" || /^min/i.test(named[3]);
  const steps = { c: 0, d: 2, e: 4, f: 5, g: 7, a: 9, b: 11 };
  const step = steps[/** @type {keyof typeof steps} */ (named[1].toLowerCase())];
  const sharp = named[2] === "#" ? 1 : named[2] === "b" ? -1 : 0;
  const fifths = ((step + sharp + 12 + (minor ? 3 : 0)) * 7) % 12;
  return `${((fifths + 7) % 12) + 1}${minor ? "A" : "B"}`;
}

/** @param {number} ours @param {number} theirs @returns {Fact["sign"]} */
export function tempoSign(ours, theirs) {
  if (!Number.isFinite(theirs) || theirs <= 0) return "";
  if (Math.abs(theirs - ours) < SAME_BPM) return "agrees";
  if (Math.abs(theirs * 2 - ours) < SAME_BPM) return "half";
  return Math.abs(theirs / 2 - ours) < SAME_BPM ? "double" : "differs";
}

/** @param {string} code of Camelot */
function openKey(code) {
  const hour = ((Number.parseInt(code, 10) - OPEN_KEY_OFFSET + 11) % 12) + 1;
  return `${hour}${code.endsWith("A") ? "m" : "d"}`;
}

/** @param {number | null} ours @param {number} theirs @param {number} most
 * @returns {Fact["sign"]} */
function near(ours, theirs, most) {
  if (ours === null || !Number.isFinite(theirs)) return "";
  return Math.abs(ours - theirs) <= most ? "agrees" : "differs";
}

/** @param {string} name @param {string} measured @param {string[]} more
 * @param {string | null | undefined} said @param {Fact["sign"]} sign @returns {Fact} */
function fact(name, measured, more, said, sign) {
  return { name, measured, more: more.filter(Boolean).join(", "), said: said ?? "", sign };
}

/** @param {number | null} value */
function bpm(value) {
  return value === null ? "" : value.toFixed(2);
}

/** @param {number} value @param {number} digits */
function signed(value, digits) {
  const text = value.toFixed(digits).replace("-", "\u2212");
  return value > 0 ? `+${text}` : text;
}

/** @param {number} cents */
function tuned(cents) {
  const whole = Math.round(cents);
  return whole === 0 ? "A = 440 Hz" : `${signed(whole, 0)} ${Math.abs(whole) === 1 ? "cent" : "cents"} from A = 440 Hz`;
}
