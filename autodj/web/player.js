// @ts-check
/** The player at the foot of the page. */

import { analysisOf, keyOf } from "./analyses.js";
import { find, make } from "./dom.js";
import { showFacts } from "./facts-view.js";
import { offer } from "./focus.js";
import { clock, keyHint, tempo, tempoHint, writePlace } from "./format.js";
import { barAt } from "./grid.js";
import { playedWords } from "./links.js";
import { bindMediaSession, describeMedia, placeMedia } from "./media-session.js";
import { paintCover, paintKey } from "./marks.js";
import { Playback } from "./playback.js";
import { complain, say } from "./toast.js";
import { bindVolume } from "./volume.js";
import { WaveView } from "./wave-view.js";

/** @import { Track } from "./types.js" */

const RESTART_S = 3;

/**
 * @typedef {object} Order what comes before and after a track
 * @property {(track: Track, step: 1 | -1) => Promise<Track | null>} beside
 * @property {(track: Track | null, playing: boolean) => void} changed
 */

export class Player {
  #root = find("#player", HTMLElement);
  #wave = find("wave-view", WaveView, this.#root);
  #time = find("#time", HTMLElement);
  #audio = find("#audio", HTMLAudioElement);
  #playback = new Playback(this.#audio);
  #order;
  #ticking = 0;
  /** @type {string | null} the analysis that is shown */
  #shown = null;

  /** @param {Order} order */
  constructor(order) {
    this.#order = order;
    this.#playback.addEventListener("change", () => this.#refresh());
    this.#playback.addEventListener("ended", () => void this.step(1));
    this.#playback.addEventListener("trouble", (event) => {
      complain(/** @type {CustomEvent} */ (event).detail, "Playing");
    });
    this.#playback.addEventListener("news", (event) => {
      say(/** @type {CustomEvent<string>} */ (event).detail);
    });
    this.#wave.addEventListener("seek", (event) => {
      this.#playback.seek(/** @type {CustomEvent<number>} */ (event).detail);
    });
    this.#wave.addEventListener("zoom", () => this.#showZoom());
    bindMediaSession(this.#playback, { previous: () => void this.step(-1), next: () => void this.step(1) });
    this.#bindButtons();
    new ResizeObserver(() => this.#makeRoom()).observe(this.#root);
    bindVolume(this.#audio);
  }

  get track() {
    return this.#playback.track;
  }

  get playing() {
    return this.#playback.playing;
  }

  /** Play a track, or pause it when it is the one that plays. @param {Track} track */
  choose(track) {
    if (track.id === this.track?.id) this.#playback.toggle();
    else this.open(track, { play: true });
  }

  /** @param {Track} track @param {{at?: number, play?: boolean}} how */
  open(track, how) {
    void this.#playback.load(track, how);
    this.#wave.at = how.at ?? 0;
    this.#describe(track);
  }

  /** Facts have changed: a correction, or an analysis that has come. @param {Track} track */
  update(track) {
    if (track.id !== this.track?.id) return;
    this.#playback.track = track;
    this.#describe(track);
  }

  /** @param {string} id */
  forget(id) {
    if (this.track?.id !== id) return;
    this.#playback.stop();
    this.#root.hidden = true;
    document.title = "autodj";
    describeMedia(null);
  }

  /** Where a track plays, null when it is not the one. @param {string} id */
  placeOf(id) {
    return id === this.track?.id ? this.#playback.at : null;
  }

  toggle() {
    this.#playback.toggle();
  }

  /** @param {number} seconds */
  seek(seconds) {
    this.#wave.at = seconds;
    this.#playback.seek(seconds);
  }

  /** @param {number} seconds */
  seekBy(seconds) {
    this.seek(this.#playback.at + seconds);
  }

  /** To a cue, if the track has it. @param {number} number */
  cue(number) {
    const cue = this.#wave.cues.find((each) => each.number === number);
    if (cue) this.seek(cue.at);
  }

  /** The track before or after; early in a track, back means its start. @param {1 | -1} step */
  async step(step) {
    const { track } = this;
    if (!track) return;
    const restart = step < 0 && this.#playback.at > RESTART_S;
    const beside = restart ? null : await this.#order.beside(track, step);
    if (this.track?.id !== track.id) return;
    if (beside) this.open(beside, { play: true });
    else if (step < 0) this.seek(0);
  }

  mute() {
    this.#audio.muted = !this.#audio.muted;
  }

  /** @param {number} factor */
  zoomBy(factor) {
    this.#wave.zoomBy(factor);
  }

  /** @param {Track} track */
  #describe(track) {
    this.#root.hidden = false;
    find("#now-title", HTMLElement).textContent = track.title;
    find("#now-artist", HTMLElement).textContent = track.artist ?? "Unknown artist";
    const bpm = find("#now-bpm", HTMLElement);
    bpm.textContent = track.bpm === null ? "" : `${tempo(track.bpm)} BPM`;
    bpm.title = tempoHint(track);
    paintKey(find("#now-key", HTMLElement), track.camelot, keyHint(track));
    paintCover(find("#now-cover", HTMLElement), track);
    document.title = `${track.title} · autodj`;
    describeMedia(track);
    void this.#showWave(track);
  }

  /** @param {Track} track */
  async #showWave(track) {
    const wanted = `${track.id} ${keyOf(track)}`;
    if (wanted === this.#shown) return;
    const isSame = this.#shown?.startsWith(`${track.id} `) && track.analysis.url !== null;
    this.#shown = wanted;
    if (!isSame) this.#showNothing(track);
    if (track.analysis.url === null) return;
    try {
      const analysis = await analysisOf(track);
      if (this.#shown !== wanted) return;
      this.#wave.show(track.duration_s, analysis);
      this.#showCues();
      showFacts(track, analysis);
      this.#root.toggleAttribute("data-plain", false);
      this.#tick();
    } catch (error) {
      complain(error, "Reading the waveform");
    }
  }

  /** @param {Track} track */
  #showNothing(track) {
    this.#wave.show(track.duration_s, null);
    this.#showCues();
    showFacts(track, null);
    this.#root.toggleAttribute("data-plain", true);
  }

  /** The page ends above the player, however high it is. */
  #makeRoom() {
    const { style } = document.documentElement;
    style.setProperty("--player-height", `${this.#root.offsetHeight}px`);
  }

  #showCues() {
    const buttons = this.#wave.cues.map(({ number, name, at }) =>
      make(
        "button",
        { class: "cue", "data-cue": number, "aria-keyshortcuts": number },
        make("span", { class: "cue-number", "aria-hidden": "true" }, String(number)),
        name,
        " ",
        make("span", { class: "cue-time" }, clock(at)),
      ),
    );
    const group = find("#cues", HTMLElement);
    group.replaceChildren(...buttons);
    group.hidden = buttons.length === 0;
  }

  #showForm() {
    const { link } = this.#playback;
    const form = find("#now-form", HTMLElement);
    form.hidden = link === null;
    if (link === null) return;
    const { words, hint } = playedWords(link);
    form.textContent = words;
    form.title = hint;
  }

  #refresh() {
    const { playing, waiting, track } = this.#playback;
    this.#showForm();
    const button = find("[data-act=toggle]", HTMLButtonElement, this.#root);
    button.setAttribute("aria-label", playing ? "Pause" : "Play");
    this.#root.dataset.state = playing ? (waiting ? "waiting" : "playing") : "paused";
    this.#order.changed(track, playing);
    placeMedia(this.#playback);
    this.#tick();
  }

  #tick = () => {
    const { track, at, playing } = this.#playback;
    if (!track) return;
    this.#wave.at = at;
    const bar = barAt(this.#wave.bars, at);
    const text = `${clock(at)} / ${clock(track.duration_s)}${bar === null ? "" : ` · bar ${bar}`}`;
    if (this.#time.textContent !== text) this.#time.textContent = text;
    cancelAnimationFrame(this.#ticking);
    if (playing) this.#ticking = requestAnimationFrame(this.#tick);
  };

  #bindButtons() {
    /** @type {Record<string, () => void>} */
    const acts = {
      toggle: () => this.toggle(),
      previous: () => void this.step(-1),
      next: () => void this.step(1),
      closer: () => this.zoomBy(2),
      wider: () => this.zoomBy(0.5),
      mute: () => this.mute(),
      link: () => void this.#copyPlace(),
    };
    this.#root.addEventListener("click", (event) => {
      const button = event.target instanceof Element && event.target.closest("[data-act]");
      if (button instanceof HTMLElement) acts[button.dataset.act ?? ""]?.();
      const cue = event.target instanceof Element && event.target.closest("[data-cue]");
      if (cue instanceof HTMLElement) this.cue(Number(cue.dataset.cue));
    });
    this.#showZoom();
  }

  #showZoom() {
    const { zoom, deepest } = this.#wave;
    offer(find("[data-act=wider]", HTMLButtonElement, this.#root), zoom > 1);
    offer(find("[data-act=closer]", HTMLButtonElement, this.#root), zoom < deepest);
    find("#zoom", HTMLElement).textContent = `${zoom}×`;
  }

  async #copyPlace() {
    if (!this.track) return;
    const place = writePlace(this.track.id, this.#playback.at);
    history.replaceState(null, "", place);
    try {
      await navigator.clipboard.writeText(location.href);
      say(`Copied a link to ${clock(this.#playback.at)}`);
    } catch {
      say("The link to this place is in the address bar");
    }
  }
}
