// @ts-check
/** <wave-thumb>: a track's outline in its row. It asks for it only when it is seen. */

import { analysisOf, keyOf } from "./analyses.js";
import { drawBars, surface } from "./wave-draw.js";

/** @import { Track, Waveform } from "./types.js" */

const BANDS = ["low", "mid", "high"];

class WaveThumb extends HTMLElement {
  #canvas = document.createElement("canvas");
  #seen = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) void this.#draw();
  });
  /** @type {Track | null} */
  track = null;

  /** Whether it shows the same outline. @param {WaveThumb} other */
  isLike({ track }) {
    return outlineOf(this.track) === outlineOf(track);
  }

  connectedCallback() {
    this.append(this.#canvas);
    this.#seen.observe(this);
    document.addEventListener("autodj:theme", this.#redraw);
  }

  disconnectedCallback() {
    this.#seen.disconnect();
    document.removeEventListener("autodj:theme", this.#redraw);
  }

  #redraw = () => void this.#draw();

  async #draw() {
    if (!this.track?.analysis.url || !this.clientWidth) return;
    let waveform;
    try {
      const { overview } = this.track;
      waveform = overview ? unpacked(overview) : (await analysisOf(this.track)).waveform;
    } catch {
      return; // A row without its picture is still a row; playing it tells what is wrong.
    }
    if (!this.isConnected) return;
    const { context, width, height } = surface(this.#canvas);
    const style = getComputedStyle(this);
    const colours = BANDS.map((band) => [band, style.getPropertyValue(`--wave-${band}`)]);
    drawBars(context, waveform, { width, height }, Object.fromEntries(colours));
  }
}

/** What an outline is drawn from. @param {Track | null} track */
function outlineOf(track) {
  return track && (track.overview ?? keyOf(track));
}

/** What came with the row: the bands in a hundred parts, one after the other.
 * @param {string} overview @returns {Waveform} */
function unpacked(overview) {
  const values = Uint8Array.from(atob(overview), (letter) => letter.charCodeAt(0));
  const part = values.length / BANDS.length;
  const bands = BANDS.map((band, index) => [band, values.slice(index * part, (index + 1) * part)]);
  return { points_per_s: 0, peak: [], ...Object.fromEntries(bands) };
}

customElements.define("wave-thumb", WaveThumb);
export { WaveThumb };
