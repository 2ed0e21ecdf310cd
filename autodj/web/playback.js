// @ts-check
/**
 * One <audio> element that never strands its listener. It plays through links that end: a new
 * one is asked for before the old one is over, and when the store refuses or the connection
 * breaks it goes on from the same place.
 */

import { Problem, audioLink } from "./api.js";

/** @import { Track } from "./types.js" */

const MARGIN_S = 45;
const STALL_MS = 6000;
const MAX_TRIES = 3;
const RETRY_MS = 600;
const SETTLED_S = 1;

/** Fires "change" for any new state, "ended", and "trouble" with an error in `detail`. */
export class Playback extends EventTarget {
  /** @type {Track | null} */
  track = null;
  #audio;
  /** Whether the listener wants to hear something, whatever the element is doing. */
  #wanted = false;
  /** Seconds; where the music is, or shall go on. */
  #place = 0;
  #opening = 0;
  #tries = 0;
  #triedAt = 0;
  #ready = false;
  #goodUntil_ms = 0;
  #renewal = 0;
  #stall = 0;

  /** @param {HTMLAudioElement} audio */
  constructor(audio) {
    super();
    this.#audio = audio;
    // On every load without exception: a cached answer to a plain request has no CORS headers.
    audio.crossOrigin = "anonymous";
    audio.preload = "auto";
    audio.addEventListener("loadedmetadata", () => this.#begin());
    audio.addEventListener("timeupdate", () => this.#advance());
    audio.addEventListener("error", () => this.#broken());
    for (const name of ["waiting", "stalled"]) audio.addEventListener(name, () => this.#watch());
    for (const name of ["playing", "pause", "canplay", "seeked"]) {
      audio.addEventListener(name, () => this.#change());
    }
    audio.addEventListener("ended", () => {
      this.#wanted = false;
      this.#change();
      this.dispatchEvent(new Event("ended"));
    });
  }

  get at() {
    return this.#ready && !this.#audio.error ? this.#audio.currentTime : this.#place;
  }

  /** Whether it is meant to sound. */
  get playing() {
    return this.#wanted;
  }

  /** Whether it is meant to sound and does not yet. */
  get waiting() {
    return this.#wanted && this.#audio.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
  }

  /** @param {Track} track @param {{at?: number, play?: boolean}} [how] */
  async load(track, { at = 0, play = true } = {}) {
    this.track = track;
    this.#place = at;
    this.#wanted = play;
    this.#tries = 0;
    this.#audio.pause();
    await this.#open();
  }

  toggle() {
    if (this.#wanted) this.pause();
    else this.play();
  }

  play() {
    if (!this.track) return;
    this.#wanted = true;
    this.#tries = 0;
    if (this.#audio.ended) this.seek(0);
    if (this.#audio.error || this.#isOver()) void this.#open();
    else void this.#sound();
    this.#change();
  }

  pause() {
    this.#wanted = false;
    this.#audio.pause();
    this.#change();
  }

  /** @param {number} seconds */
  seek(seconds) {
    if (!this.track) return;
    this.#place = Math.min(Math.max(0, seconds), this.track.duration_s);
    this.#tries = 0;
    if (this.#audio.error || this.#isOver()) void this.#open();
    else if (this.#ready) this.#audio.currentTime = this.#place;
    this.#change();
  }

  stop() {
    this.#opening += 1;
    this.#wanted = false;
    this.track = null;
    this.#ready = false;
    this.#audio.removeAttribute("src");
    this.#audio.load();
    this.#change();
  }

  /** Ask for a link and put it in; playing goes on from the place. */
  async #open() {
    const track = /** @type {Track} */ (this.track);
    const opening = (this.#opening += 1);
    this.#ready = false;
    this.#change();
    let link;
    try {
      link = await audioLink(track);
    } catch (error) {
      if (opening === this.#opening) this.#fail(error);
      return;
    }
    if (opening !== this.#opening) return;
    this.#goodUntil_ms = Date.now() + (link.life_s - MARGIN_S) * 1000;
    this.#planRenewal();
    this.#audio.src = link.source === "local" ? onThisHost(link.url) : link.url;
    if (this.#wanted) await this.#sound();
  }

  async #sound() {
    try {
      await this.#audio.play();
    } catch (error) {
      // Browsers let nothing sound before the first click; then the button waits for it.
      if (error instanceof DOMException && error.name === "NotAllowedError") this.pause();
    }
  }

  #begin() {
    if (this.#place > 0) this.#audio.currentTime = this.#place;
    this.#ready = true;
    this.#change();
  }

  #advance() {
    if (!this.#ready || this.#audio.error || this.#audio.seeking) return;
    this.#place = this.#audio.currentTime;
    if (this.#place > this.#triedAt + SETTLED_S) this.#tries = 0;
  }

  #broken() {
    if (!this.track || !this.#audio.getAttribute("src")) return;
    this.#ready = false;
    if (this.#tries >= MAX_TRIES) {
      this.#fail(this.#verdict());
      return;
    }
    setTimeout(() => void this.#open(), this.#tries * RETRY_MS);
    this.#tries += 1;
    this.#triedAt = this.#place;
  }

  #verdict() {
    const kind = this.track?.content_type ?? "";
    return this.#audio.canPlayType(kind)
      ? new Problem({
          title: "The track could not be read",
          hint: "Press play to try again; `autodj doctor` tells whether its store answers.",
        })
      : new Problem({
          title: `This browser cannot play ${kind}`,
          hint: "Export the track as MP3, M4A (AAC) or FLAC and add it again.",
        });
  }

  /** Some refusals end in silence instead of an error; then time stands still. */
  #watch() {
    this.#change();
    clearTimeout(this.#stall);
    const place = this.at;
    this.#stall = setTimeout(() => {
      if (this.#wanted && !this.#audio.error && this.at === place && this.waiting) this.#broken();
    }, STALL_MS);
  }

  /** A new link in time. What is buffered to its end or paused can wait for the next touch. */
  #planRenewal() {
    clearTimeout(this.#renewal);
    const wait_ms = this.#goodUntil_ms - Date.now();
    if (!Number.isFinite(wait_ms)) return;
    this.#renewal = setTimeout(() => {
      if (this.#wanted && !this.#isBuffered()) void this.#open();
    }, Math.max(0, wait_ms));
  }

  #isOver() {
    return Date.now() >= this.#goodUntil_ms;
  }

  #isBuffered() {
    const { buffered, duration } = this.#audio;
    return buffered.length > 0 && buffered.end(buffered.length - 1) >= duration - 0.5;
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#wanted = false;
    this.#change();
    this.dispatchEvent(new CustomEvent("trouble", { detail: error }));
  }

  #change() {
    this.dispatchEvent(new Event("change"));
  }
}

/** Our own links by the address that this page was opened at. @param {string} url */
function onThisHost(url) {
  const { pathname, search } = new URL(url, location.href);
  return pathname + search;
}
