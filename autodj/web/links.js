// @ts-check
/** What a link to audio means for who plays it. Pure. */

/** @import { AudioLink } from "./types.js" */

const MARGIN_S = 45;
const SOONEST_S = 1;

/** Kinds whose names are not those of their media types. */
const KINDS = new Map([
  ["audio/mpeg", "MP3"],
  ["audio/mp4", "M4A"],
  ["audio/ogg", "Ogg"],
  ["audio/x-wavpack", "WavPack"],
]);

/**
 * Seconds until a new link is worth asking for, and before which everybody is given the same
 * one; never for a link without an end. A short life keeps half of itself as its margin.
 * @param {{life_s: number, renew_s: number}} link as `audioLink` gives it
 */
export function renewal_s({ life_s, renew_s }) {
  const wanted = life_s - Math.min(MARGIN_S, life_s / 2);
  return life_s === Infinity ? Infinity : Math.max(wanted, Math.min(renew_s, life_s), SOONEST_S);
}

/** "WAV" for "audio/wav". @param {string} content_type */
export function kindWord(content_type) {
  return KINDS.get(content_type) ?? content_type.replace(/^audio\/(x-)?/, "").toUpperCase();
}

/**
 * What is played of the track, in a few words and in a sentence.
 * @param {Pick<AudioLink, "rendition" | "content_type">} link
 */
export function playedWords({ rendition, content_type }) {
  const kind = kindWord(content_type);
  switch (rendition) {
    case "playback":
      return {
        words: `${kind === "M4A" ? "AAC" : kind} copy`,
        hint: "A copy of the track that every browser plays; the original is kept",
      };
    case "lossless":
      return { words: `Lossless copy, ${kind}`, hint: "Every sample of the original, in less room" };
    case "preview":
      return { words: "Preview", hint: "A part of the track" };
    default:
      return { words: `Original, ${kind}`, hint: "The file as it was added" };
  }
}
