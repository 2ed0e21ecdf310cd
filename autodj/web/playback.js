// @ts-check
/**
 * One <audio> element that never strands its listener. It plays through links that end: a new
 * one is asked for before the old one is over, and when the store refuses or the connection
 * breaks it goes on from the same place.
 */

import { Problem, UNREACHABLE, audioLink } from "./api.js";
import { copyInTime, verdict } from "./copies.js";
import { renewal_s } from "./links.js";

/** @import { AudioLink, Track } from "./types.js" */

/** @typedef {Awaited<ReturnType<typeof audioLink>>} Link */

const ORIGINAL = "original";
const ASK_AGAIN_MS = 5000;
const LONGEST_TIMER_MS = 2 ** 31 - 1;
const STALL_MS = 6000;
const MAX_TRIES = 3;
const RETRY_MS = 600;
const SETTLED_S = 1;
const BEING_MADE = "A copy that this browser can play is being made; it starts by itself";
const UNANSWERED = "autodj does not answer; the music goes on as soon as it does";

/**
 * Times are on the original's timeline, whichever file of the track sounds. Fires "change" for
 * any new state, "ended", "news" with a text and "trouble" with an error in `detail`.
 */
export class Playback extends EventTarget {
  /** @type {Track | null} */
  track = null;
  /** @type {AudioLink | null} what plays */
  link = null;
  #audio;
  /** Whether the listener wants to hear something, whatever the element is doing. */
  #wanted = false;
  /** Seconds; where the music is, or shall go on. */
  #place = 0;
  #opening = 0;
  #tries = 0;
  #triedAt = 0;
  #ready = false;
  /** Whether the listener knows that nobody answers. */
  #isTold = false;
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
    audio.addEventListener("pause", () => this.#paused());
    for (const name of ["playing", "canplay", "seeked"]) {
      audio.addEventListener(name, () => this.#change());
    }
    audio.addEventListener("ended", () => {
      this.#wanted = false;
      this.#change();
      this.dispatchEvent(new Event("ended"));
    });
  }

  get at() {
    const isKnown = this.#ready && !this.#audio.error;
    return isKnown ? this.#audio.currentTime + this.#offset_s : this.#place;
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
    this.link = null;
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
    else if (this.#ready) this.#goToPlace();
    this.#change();
  }

  stop() {
    this.#opening += 1;
    this.#wanted = false;
    this.track = null;
    this.link = null;
    this.#ready = false;
    clearTimeout(this.#renewal);
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
      if (opening !== this.#opening) return;
      if (this.#wanted && isUnreachable(error)) this.#outlast(opening);
      else this.#fail(error);
      return;
    }
    if (opening === this.#opening) await this.#use(link);
  }

  /** A new link before the old one is over. The same one again, or none, disturbs nobody. */
  async #renew() {
    const track = /** @type {Track} */ (this.track);
    const opening = this.#opening;
    try {
      const link = await audioLink(track);
      if (opening !== this.#opening) return;
      if (link.url === this.link?.url) this.#expect(link);
      else await this.#use(link);
    } catch {
      // The one that plays is still good; when it no longer is, its refusal is told.
      if (opening === this.#opening) this.#planRenewal(ASK_AGAIN_MS);
    }
  }

  /** @param {Link} link */
  async #use(link) {
    if (this.#isSettled()) this.#place = this.at;
    this.#opening += 1;
    this.#ready = false;
    this.#isTold = false;
    this.link = link;
    this.#expect(link);
    this.#audio.src = link.source === "local" ? onThisHost(link.url) : link.url;
    this.#change();
    if (this.#wanted) await this.#sound();
  }

  /** @param {Link} link */
  #expect(link) {
    const wait_ms = renewal_s(link) * 1000;
    this.#goodUntil_ms = Date.now() + wait_ms;
    this.#planRenewal(wait_ms);
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
    if (this.#place > this.#offset_s) this.#goToPlace();
    this.#ready = true;
    this.#change();
  }

  #goToPlace() {
    this.#audio.currentTime = Math.max(0, this.#place - this.#offset_s);
  }

  get #offset_s() {
    return this.link?.start_offset_s ?? 0;
  }

  /** Whether the element knows where the music is. */
  #isSettled() {
    return this.#ready && !this.#audio.error && !this.#audio.seeking;
  }

  #advance() {
    if (!this.#isSettled()) return;
    this.#place = this.at;
    if (this.#place > this.#triedAt + SETTLED_S) this.#tries = 0;
  }

  #broken() {
    if (!this.track || !this.#audio.getAttribute("src")) return;
    // An element that failed still knows where it was, to the sample.
    if (this.#ready && !this.#audio.seeking) {
      this.#place = this.#audio.currentTime + this.#offset_s;
    }
    this.#ready = false;
    const opening = this.#opening;
    if (this.#tries >= MAX_TRIES) {
      void this.#resort();
      return;
    }
    const again = () => opening === this.#opening && void this.#open();
    if (this.#tries === 0) again();
    else setTimeout(again, this.#tries * RETRY_MS);
    this.#tries += 1;
    this.#triedAt = this.#place;
  }

  /** What does not play may have a copy that does, or get one soon. */
  async #resort() {
    const opening = this.#opening;
    const goesOn = () => opening === this.#opening && this.#wanted;
    const news = new CustomEvent("news", { detail: BEING_MADE });
    const isThere = await copyInTime(() => this.track, goesOn, () => this.dispatchEvent(news));
    if (!goesOn()) return;
    if (isThere && this.link?.rendition === ORIGINAL) {
      void this.#open();
    } else {
      const kind = this.link?.content_type ?? "";
      this.#fail(verdict(kind, this.#audio.canPlayType(kind) !== ""));
    }
  }

  /** Systems pause what plays, for a call or when headphones are pulled out. */
  #paused() {
    const { paused, ended, error } = this.#audio;
    if (this.#ready && paused && !ended && !error) this.#wanted = false;
    this.#change();
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

  /** What is buffered to its end or paused can wait for the next touch.
   * @param {number} wait_ms */
  #planRenewal(wait_ms) {
    clearTimeout(this.#renewal);
    if (!Number.isFinite(wait_ms)) return;
    this.#renewal = setTimeout(() => {
      if (this.#wanted && !this.#audio.error && !this.#isBuffered()) void this.#renew();
    }, Math.min(wait_ms, LONGEST_TIMER_MS));
  }

  #isOver() {
    return Date.now() >= this.#goodUntil_ms;
  }

  #isBuffered() {
    const { buffered, duration } = this.#audio;
    return buffered.length > 0 && buffered.end(buffered.length - 1) >= duration - 0.5;
  }

  /** Silent until somebody answers, then on from the place. @param {number} opening */
  #outlast(opening) {
    this.#silence();
    if (!this.#isTold) this.dispatchEvent(new CustomEvent("news", { detail: UNANSWERED }));
    this.#isTold = true;
    setTimeout(() => {
      if (opening === this.#opening && this.#wanted) void this.#open();
    }, ASK_AGAIN_MS);
  }

  /** Nothing sounds by itself when the store is back; what is in the element is used no more. */
  #silence() {
    this.#goodUntil_ms = 0;
    this.#audio.pause();
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#wanted = false;
    this.#silence();
    this.#change();
    this.dispatchEvent(new CustomEvent("trouble", { detail: error }));
  }

  #change() {
    this.dispatchEvent(new Event("change"));
  }
}

/** @param {unknown} error */
function isUnreachable(error) {
  return error instanceof Problem && error.code === UNREACHABLE.code;
}

/** Our own links by the address that this page was opened at. @param {string} url */
function onThisHost(url) {
  const { pathname, search } = new URL(url, location.href);
  return pathname + search;
}
