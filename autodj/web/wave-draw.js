// @ts-check
/** Drawing a waveform and its beat grid. Knows a canvas, not the page. */

/** @import { Grid } from "./grid.js" */
/** @import { Waveform } from "./types.js" */

/**
 * A stretch of time on a strip of pixels.
 * @typedef {object} View
 * @property {number} from seconds at the left edge
 * @property {number} to seconds at the right edge
 * @property {number} width
 * @property {number} height
 */

/** @typedef {Record<string, string>} Colours by what they are for: low, mid, high, beat, ... */

const BANDS = /** @type {const} */ (["low", "mid", "high"]);
const FULL_SCALE = 255;
const HEADROOM = 0.96;
const BAR_PX = 3;
const BAR_GAP_PX = 1;
const MIN_GAP_PX = 6;
const LABEL_GAP_PX = 44;
const PLATE_PX = 14;
const NUMBERED = [1, 4, 8, 16, 64];

/**
 * The stretch that is visible: the whole track, or a part of it around the playhead. `paged`
 * turns pages instead of scrolling.
 * @param {number} duration @param {number} zoom @param {number} at @param {boolean} paged
 */
export function visible(duration, zoom, at, paged) {
  const span = duration / zoom;
  const wanted = paged ? Math.floor(at / span) * span : at - span / 2;
  const from = Math.min(Math.max(0, wanted), duration - span);
  return { from, to: from + span };
}

/**
 * A cleared canvas to draw on in CSS pixels, sharp on dense screens.
 * @param {HTMLCanvasElement} canvas @param {number} width @param {number} height
 */
export function surface(canvas, width = canvas.clientWidth, height = canvas.clientHeight) {
  const wide = Math.round(width * devicePixelRatio);
  const high = Math.round(height * devicePixelRatio);
  if (canvas.width !== wide || canvas.height !== high) {
    canvas.width = wide;
    canvas.height = high;
  }
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  return { context, width, height };
}

/**
 * The whole track as bars, the three bands over each other. A bar covers seconds, in which the
 * largest value is nearly always full scale; the effective value shows where it is loud.
 * @param {CanvasRenderingContext2D} context @param {Waveform} waveform
 * @param {{width: number, height: number}} size @param {Colours} colours
 */
export function drawBars(context, waveform, { width, height }, colours) {
  const count = Math.max(1, Math.floor(width / (BAR_PX + BAR_GAP_PX)));
  const levels = BANDS.map((band) => effective(waveform[band], count));
  const loudest = Math.max(1, ...levels.flat());
  const middle = height / 2;
  BANDS.forEach((band, index) => {
    context.fillStyle = colours[band];
    context.beginPath();
    levels[index].forEach((level, bar) => {
      const reach = Math.max(0.5, (level / loudest) * middle * HEADROOM);
      context.roundRect(bar * (BAR_PX + BAR_GAP_PX), middle - reach, BAR_PX, 2 * reach, 1.5);
    });
    context.fill();
  });
}

/**
 * A part of the track as curves, mirrored at the middle line.
 * @param {CanvasRenderingContext2D} context @param {Waveform} waveform @param {View} view
 * @param {Colours} colours
 */
export function drawCurves(context, waveform, view, colours) {
  const middle = view.height / 2;
  const points = outline(waveform, view);
  for (const band of BANDS) {
    const reach = (/** @type {Record<string, number>} */ point) => point[band] * middle * HEADROOM;
    context.beginPath();
    context.moveTo(0, middle);
    for (const point of points) context.lineTo(point.x, middle - reach(point));
    context.lineTo(view.width, middle);
    for (const point of points.toReversed()) context.lineTo(point.x, middle + reach(point));
    context.fillStyle = colours[band];
    context.fill();
  }
}

/** Dots where the waveform will be. @param {CanvasRenderingContext2D} context
 * @param {{width: number, height: number}} size @param {Colours} colours */
export function drawBlank(context, { width, height }, colours) {
  context.fillStyle = colours.beat;
  for (let x = 0; x < width; x += 4) context.fillRect(x, height / 2 - 1, 2, 2);
}

/**
 * Lines at beats, bars and phrases, as many as there is room for, and the numbers of bars.
 * @param {CanvasRenderingContext2D} context @param {Grid} grid @param {View} view
 * @param {Colours} colours
 */
export function drawGrid(context, { beats, bars, phrases, beat_s, bar_s }, view, colours) {
  const scale = view.width / (view.to - view.from);
  const bar_px = bar_s * scale;
  if (beat_s * scale >= MIN_GAP_PX) {
    for (const beat of Array.from(beats)) drawTick(context, beat, 0.1, view, colours.beat);
  }
  const numbered = NUMBERED.find((count) => count * bar_px >= LABEL_GAP_PX) ?? Infinity;
  bars.forEach((bar, index) => {
    const kind = phrases.has(index) ? "phrase" : "bar";
    if (kind === "bar" && bar_px < MIN_GAP_PX) return;
    const x = drawTick(context, bar, 0.5, view, colours[kind]);
    if (x === null || index % numbered > 0) return;
    drawNumber(context, index + 1, x, colours);
  });
}

/** On a plate: what is loud would reach up to it. @param {CanvasRenderingContext2D} context
 * @param {number} bar @param {number} x @param {Colours} colours */
function drawNumber(context, bar, x, colours) {
  const text = String(bar);
  context.fillStyle = colours.plate;
  context.fillRect(x + 1, 0, context.measureText(text).width + 6, PLATE_PX);
  context.fillStyle = colours.label;
  context.fillText(text, x + 4, 11);
}

/** A line from either edge; where it is, or null when that is out of view.
 * @param {CanvasRenderingContext2D} context @param {number} at seconds
 * @param {number} share of the height, from each edge @param {View} view @param {string} colour */
function drawTick(context, at, share, view, colour) {
  if (at < view.from || at > view.to) return null;
  const x = Math.round(((at - view.from) * view.width) / (view.to - view.from));
  const length = share * view.height;
  context.fillStyle = colour;
  context.fillRect(x, 0, 1, length);
  context.fillRect(x, view.height - length, 1, length);
  return x;
}

/**
 * The largest value of each band about every pixel. The groups begin at fixed places of the
 * track, so that a scrolling picture does not flicker.
 * @param {Waveform} waveform @param {View} view
 */
function outline(waveform, view) {
  const per_s = waveform.points_per_s;
  const scale = view.width / (view.to - view.from);
  const group = Math.max(1, Math.ceil(per_s / scale));
  const first = Math.max(0, Math.floor((view.from * per_s) / group) * group);
  const last = Math.min(waveform.peak.length, Math.ceil(view.to * per_s) + group);
  const points = [];
  for (let start = first; start < last; start += group) {
    const stop = Math.min(start + group, last);
    const x = ((start + group / 2) / per_s - view.from) * scale;
    const [low, mid, high] = BANDS.map((band) => largest(waveform[band], start, stop));
    points.push({ x, low, mid, high });
  }
  return points;
}

/** As a share of full scale. @param {ArrayLike<number>} values @param {number} start
 * @param {number} stop */
function largest(values, start, stop) {
  let found = 0;
  for (let index = start; index < stop; index += 1) {
    if (values[index] > found) found = values[index];
  }
  return found / FULL_SCALE;
}

/** The root of the mean square in each of `count` equal parts. @param {ArrayLike<number>} values
 * @param {number} count */
function effective(values, count) {
  return Array.from({ length: count }, (_, part) => {
    const from = Math.floor((part * values.length) / count);
    const to = Math.max(from + 1, Math.floor(((part + 1) * values.length) / count));
    let squares = 0;
    for (let index = from; index < to; index += 1) squares += (values[index] ?? 0) ** 2;
    return Math.sqrt(squares / (to - from));
  });
}
