// @ts-check
/** <wave-thumb>: a track's outline in its row. It asks for it only when it is seen. */

import { analysisOf } from "./analyses.js";
import { drawBars, surface } from "./wave-draw.js";

/** @import { Track } from "./types.js" */

const BANDS = ["low", "mid", "high"];

class WaveThumb extends HTMLElement {
  #canvas = document.createElement("canvas");
  #seen = new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) void this.#draw();
  });
  /** @type {Track | null} */
  track = null;

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
    let analysis;
    try {
      analysis = await analysisOf(this.track);
    } catch {
      return; // A row without its picture is still a row; playing it tells what is wrong.
    }
    if (!this.isConnected) return;
    const { context, width, height } = surface(this.#canvas);
    const style = getComputedStyle(this);
    const colours = BANDS.map((band) => [band, style.getPropertyValue(`--wave-${band}`)]);
    drawBars(context, analysis.waveform, { width, height }, Object.fromEntries(colours));
  }
}

customElements.define("wave-thumb", WaveThumb);
export { WaveThumb };
