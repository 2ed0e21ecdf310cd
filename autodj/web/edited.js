// @ts-check
/** A track while somebody corrects it: one change after the other, each upon the last. */

import * as api from "./api.js";
import { complain } from "./toast.js";

/** @import { Track } from "./types.js" */

/** @typedef {Record<string, unknown>} Changes */

const CHANGED_BY_OTHERS = 412;
const TOOLS = /** @type {const} */ (["bpm", "anchor_s", "grid_shift_ms", "downbeat_s", "metre"]);

/** Fires "change" when the track is another. */
export class Edited extends EventTarget {
  /** @type {Promise<unknown>} */
  #last = Promise.resolve();
  /** @type {Changes[]} what undoes each change of the grid, the newest at the end */
  #undoing = [];

  /** @param {Track} track */
  constructor(track) {
    super();
    this.track = track;
  }

  get canUndo() {
    return this.#undoing.length > 0;
  }

  /** Of this version only; raises what the server says. @param {Changes} changes */
  async save(changes) {
    await this.#last;
    try {
      this.#hold(await api.correct(this.track.id, this.track.version, changes));
    } catch (error) {
      // The fields stay, and saving again goes over the newer version.
      if (isOvertaken(error)) this.track = await api.track(this.track.id).catch(() => this.track);
      throw error;
    }
  }

  /** Change the grid when it is its turn, whatever else has changed meanwhile.
   * @param {() => Changes} changes asked for then */
  adjust(changes) {
    return this.#inTurn(async () => {
      const wanted = changes();
      if (Object.keys(wanted).length === 0) return;
      const before = gridOf(this.track);
      await this.#correct(wanted);
      this.#undoing.push(before);
      this.dispatchEvent(new Event("change"));
    });
  }

  undo() {
    return this.#inTurn(async () => {
      const before = this.#undoing.at(-1);
      if (!before) return;
      await this.#correct(before);
      this.#undoing.pop();
      this.dispatchEvent(new Event("change"));
    });
  }

  /** @param {Changes} changes */
  async #correct(changes) {
    try {
      this.track = await api.correct(this.track.id, this.track.version, changes);
    } catch (error) {
      if (!isOvertaken(error)) throw error;
      const { version } = await api.track(this.track.id);
      this.track = await api.correct(this.track.id, version, changes);
    }
  }

  /** @param {() => Promise<void>} act */
  #inTurn(act) {
    const turn = this.#last.then(act).catch((error) => complain(error, "The grid"));
    this.#last = turn;
    return turn;
  }

  /** @param {Track} track */
  #hold(track) {
    this.track = track;
    this.dispatchEvent(new Event("change"));
  }
}

/** What sets the grid of a track as it is. @param {Track} track @returns {Changes} */
export function gridOf({ corrections }) {
  return Object.fromEntries(TOOLS.map((name) => [name, corrections?.[name] ?? null]));
}

/** Whether people have set anything of the grid. @param {Track} track */
export function hasSetGrid(track) {
  return Object.values(gridOf(track)).some((value) => value !== null);
}

/** @param {unknown} error */
function isOvertaken(error) {
  return error instanceof api.Problem && error.status === CHANGED_BY_OTHERS;
}
