// @ts-check
/** What is to be sent: two at once, the rest in turn. */

import { Problem } from "./api.js";

/** @import { UploadItem } from "./upload-item.js" */

const AT_ONCE = 2;
/**
 * Between questions after a file that the server is still at from an earlier try. Each question
 * sends the file again. The server gives up a try that died after 45 seconds; one that lives may
 * take its time.
 */
const PAUSES_MS = [2_000, 5_000, 10_000, 20_000, 40_000, ...Array(9).fill(60_000)];
const askFirst = (/** @type {Event} */ event) => event.preventDefault();

export class UploadQueue {
  /** @type {UploadItem[]} */
  #waiting = [];
  #running = 0;
  /** @type {Map<UploadItem, number>} how often each was told to wait for its earlier try */
  #held = new Map();

  /** @param {UploadItem} item */
  add(item) {
    this.#waiting.push(item);
    this.#next();
  }

  /** Whether it was waiting here, and is no more. @param {UploadItem} item */
  drop(item) {
    const place = this.#waiting.indexOf(item);
    if (place >= 0) this.#waiting.splice(place, 1);
    this.#next();
    return place >= 0;
  }

  #next() {
    while (this.#running < AT_ONCE) {
      const item = this.#waiting.shift();
      if (!item) break;
      this.#running += 1;
      void this.#run(item);
    }
    // Nobody leaves half of a file behind without being asked; with none, nobody is asked.
    const isUnderWay = this.#running + this.#held.size > 0;
    (isUnderWay ? addEventListener : removeEventListener)("beforeunload", askFirst);
  }

  /** @param {UploadItem} item */
  async #run(item) {
    try {
      await item.work();
      this.#held.delete(item);
    } catch (error) {
      if (!isStillRunning(error) || !this.#hold(item)) {
        this.#held.delete(item);
        if (error instanceof Problem) item.refuse(error.message, error.hint);
        else item.refuse("The file could not be read", "Choose it again.");
      }
    }
    this.#running -= 1;
    this.#next();
  }

  /** Ask again later, if that is still to be hoped for. @param {UploadItem} item */
  #hold(item) {
    const tries = this.#held.get(item) ?? 0;
    const pause_ms = PAUSES_MS[tries];
    if (pause_ms === undefined) return false;
    this.#held.set(item, tries + 1);
    item.sending("The server is still at the first try, asking again", 1);
    setTimeout(() => this.add(item), pause_ms);
    return true;
  }
}

/** @param {unknown} error */
function isStillRunning(error) {
  return error instanceof Problem && error.code === "still_running";
}
