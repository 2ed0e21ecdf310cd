// @ts-check
/** <wave-view>: the track's outline as a slider, with its grid, cues, sections and an overview. */

import { clock, spokenPlace } from "./format.js";
import { cuesOf, gridOf, indexAt } from "./grid.js";
import { drawBars, drawBlank, drawCurves, drawGrid, surface, visible } from "./wave-draw.js";
import { keyTarget } from "./wave-keys.js";
import { drawCues, drawLine, drawPointer, drawSections, drawShade, drawWindow } from "./wave-marks.js";

/** @import { Analysis } from "./types.js" */
/** @import { Colours, View } from "./wave-draw.js" */

const COLOURS = [
  ...["low", "mid", "high", "beat", "bar", "phrase", "label", "head", "shade", "window"],
  ...["cue", "on-cue", "part", "on-part", "plate"],
];
const SHORTEST_VIEW_S = 4;
const LAST_S = 0.05;

/** Fires "seek" with `detail` in seconds, and "zoom". */
class WaveView extends HTMLElement {
  #main = document.createElement("canvas");
  #strip = document.createElement("canvas");
  #map = document.createElement("canvas");
  #whole = document.createElement("canvas");
  #wholeIsOf = "";
  #resized = new ResizeObserver(() => this.#forget());
  #stillMotion = matchMedia("(prefers-reduced-motion: reduce)");
  /** @type {Colours} */
  #colours = {};
  /** @type {Analysis | null} */
  #analysis = null;
  #grid = gridOf(null);
  #cues = cuesOf(null);
  #duration = 0;
  #at = 0;
  #zoom = 1;
  #spokenSecond = -1;
  #drawnHead = NaN;
  #frame = 0;
  /** @type {{from: number, to: number} | null} the stretch under a held pointer */
  #held = null;
  /** @type {number | null} seconds under the pointer */
  #hover = null;

  connectedCallback() {
    this.#main.className = "wave-main";
    this.#strip.className = "wave-strip";
    this.#map.className = "wave-map";
    this.append(this.#main, this.#strip, this.#map);
    this.setAttribute("role", "slider");
    this.setAttribute("aria-valuemin", "0");
    this.tabIndex = 0;
    this.#resized.observe(this);
    document.addEventListener("autodj:theme", this.#forget);
    this.addEventListener("keydown", this.#onKey);
    this.#main.addEventListener("pointerdown", this.#grab);
    this.#main.addEventListener("pointermove", this.#move);
    this.#main.addEventListener("pointerup", this.#release);
    this.#main.addEventListener("pointerleave", this.#leave);
    this.#main.addEventListener("pointercancel", this.#leave);
    this.#main.addEventListener("wheel", this.#wheel, { passive: false });
    this.#strip.addEventListener("click", this.#toSection);
    this.#map.addEventListener("click", this.#jump);
    this.show(0, null);
  }

  disconnectedCallback() {
    this.#resized.disconnect();
    document.removeEventListener("autodj:theme", this.#forget);
  }

  /** Take another track. @param {number} duration_s @param {Analysis | null} analysis */
  show(duration_s, analysis) {
    this.#duration = duration_s;
    this.#analysis = analysis;
    this.#grid = gridOf(analysis);
    this.#cues = cuesOf(analysis);
    this.zoomBy(1);
    this.setAttribute("aria-valuemax", duration_s.toFixed(1));
    this.toggleAttribute("data-parted", this.#sections.length > 0);
    const parts = this.#sections.map(({ label, start_s }) => `${label} from ${clock(start_s)}`);
    this.setAttribute("aria-description", parts.join(", "));
    this.#forget();
    this.at = this.#at;
    this.#speak();
  }

  get at() {
    return this.#at;
  }

  /** Where the music is. @param {number} seconds */
  set at(seconds) {
    const before = this.#at;
    this.#at = Math.min(Math.max(0, seconds), this.#duration);
    // Every new value of a slider that has the focus is read out: there only jumps are told.
    const isJump = this.#at < before || this.#at > before + 1;
    const isSaid = Math.floor(this.#at) === this.#spokenSecond;
    if (!isSaid && (isJump || document.activeElement !== this)) this.#speak();
    if (this.#headPixel() !== this.#drawnHead) this.#redraw();
  }

  get beats() {
    return this.#grid.beats;
  }

  get bars() {
    return this.#grid.bars;
  }

  get cues() {
    return this.#cues;
  }

  get #sections() {
    return this.#analysis?.sections ?? [];
  }

  get zoom() {
    return this.#zoom;
  }

  /** @param {number} factor above 1 looks closer */
  zoomBy(factor) {
    this.#zoom = Math.min(Math.max(1, this.#zoom * factor), this.deepest);
    this.toggleAttribute("data-zoomed", this.#zoom > 1);
    this.#redraw();
    this.dispatchEvent(new Event("zoom"));
  }

  get deepest() {
    return 2 ** Math.floor(Math.log2(Math.max(1, this.#duration / SHORTEST_VIEW_S)));
  }

  #speak() {
    this.#spokenSecond = Math.floor(this.#at);
    this.setAttribute("aria-valuenow", this.#at.toFixed(1));
    this.setAttribute("aria-valuetext", spokenPlace(this.#at, this.#duration, this.bars));
  }

  /** @param {number} seconds */
  #seek(seconds) {
    this.at = Math.min(seconds, this.#duration - LAST_S);
    this.#speak();
    this.dispatchEvent(new CustomEvent("seek", { detail: this.#at }));
  }

  /** @param {KeyboardEvent} event */
  #onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const place = { at: this.#at, duration: this.#duration, grid: this.#grid };
    const target = keyTarget(event, place);
    if (target === null) return;
    this.#seek(target);
    event.preventDefault();
    event.stopPropagation();
  };

  /** @param {PointerEvent} event */
  #grab = (event) => {
    if (event.button !== 0 || !this.#duration) return;
    this.#held = this.#stretch();
    this.#main.setPointerCapture(event.pointerId);
    this.#move(event);
  };

  /** @param {PointerEvent} event */
  #move = (event) => {
    const { from, to } = this.#held ?? this.#stretch();
    this.#hover = from + (event.offsetX / this.#main.clientWidth) * (to - from);
    this.#redraw();
  };

  /** @param {PointerEvent} event */
  #release = (event) => {
    if (!this.#held) return;
    this.#move(event);
    this.#held = null;
    this.#seek(this.#hover ?? this.#at);
    if (event.pointerType !== "mouse") this.#leave();
  };

  #leave = () => {
    this.#held = null;
    this.#hover = null;
    this.#redraw();
  };

  /** @param {WheelEvent} event */
  #wheel = (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.zoomBy(event.deltaY < 0 ? 2 : 0.5);
  };

  /** @param {MouseEvent} event */
  #jump = (event) => {
    this.#seek((event.offsetX / this.#map.clientWidth) * this.#duration);
  };

  /** To where the section under the pointer begins. @param {MouseEvent} event */
  #toSection = (event) => {
    const { from, to } = this.#stretch();
    const at = from + (event.offsetX / this.#strip.clientWidth) * (to - from);
    const starts = this.#sections.map(({ start_s }) => start_s);
    this.#seek(starts[indexAt(starts, at)] ?? at);
  };

  /** Pixels of the screen from the start of the track: less than one is no other picture. */
  #headPixel() {
    return Math.round((this.#at / this.#duration) * this.#zoom * this.#main.width);
  }

  #stretch() {
    return visible(this.#duration, this.#zoom, this.#at, this.#stillMotion.matches);
  }

  #forget = () => {
    this.#wholeIsOf = "";
    this.#colours = {};
    this.#redraw();
  };

  #redraw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (this.clientWidth) this.#draw();
    });
  }

  #draw() {
    if (!this.#colours.low) this.#readColours();
    const { context, width, height } = surface(this.#main);
    const view = { ...(this.#held ?? this.#stretch()), width, height };
    const close = this.#zoom > 1 ? this.#analysis : null;
    if (close) drawCurves(context, close.waveform, view, this.#colours);
    else context.drawImage(this.#drawWhole(this.#main), 0, 0, width, height);
    drawShade(context, view, this.#at, this.#colours);
    if (close) drawGrid(context, this.#grid, view, this.#colours);
    drawLine(context, view, this.#at, this.#colours);
    drawCues(context, this.#cues, view, this.#colours);
    if (this.#hover !== null) drawPointer(context, view, this.#hover, this.#colours);
    if (this.#sections.length > 0) this.#drawStrip(view);
    if (this.#zoom > 1) this.#drawMap(view);
    this.#drawnHead = this.#headPixel();
  }

  /** @param {View} main what the large picture shows */
  #drawStrip({ from, to }) {
    const { context, width, height } = surface(this.#strip);
    const view = { from, to, width, height };
    drawSections(context, this.#sections, this.#duration, view, this.#colours);
    drawLine(context, view, this.#at, this.#colours);
  }

  /** The unmoving picture of the whole track, drawn once for each size.
   * @param {HTMLCanvasElement} canvas */
  #drawWhole({ clientWidth, clientHeight }) {
    const is = `${clientWidth}x${clientHeight}@${devicePixelRatio}`;
    if (this.#wholeIsOf !== is) {
      this.#wholeIsOf = is;
      const { context, width, height } = surface(this.#whole, clientWidth, clientHeight);
      const waveform = this.#analysis?.waveform;
      if (waveform) drawBars(context, waveform, { width, height }, this.#colours);
      else drawBlank(context, { width, height }, this.#colours);
    }
    return this.#whole;
  }

  /** @param {View} main what the large picture shows */
  #drawMap(main) {
    const { context, width, height } = surface(this.#map);
    const view = { from: 0, to: this.#duration, width, height };
    context.drawImage(this.#drawWhole(this.#map), 0, 0, width, height);
    drawWindow(context, view, main, this.#colours);
    drawLine(context, view, this.#at, this.#colours);
  }

  #readColours() {
    const style = getComputedStyle(this);
    for (const name of COLOURS) this.#colours[name] = style.getPropertyValue(`--wave-${name}`);
  }
}

customElements.define("wave-view", WaveView);
export { WaveView };
