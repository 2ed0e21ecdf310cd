// @ts-check
/** One file on its way in: any number of tries under one key, and the way back. */

import * as api from "./api.js";
import { freshKey, sendFile } from "./send-file.js";

/** @import { Track } from "./types.js" */

/** What a browser has handed on may have arrived before it says so. */
const ON_ITS_WAY_BYTES = 1024 * 1024;

export class Sending {
  #file;
  #removed;
  #key = freshKey();
  #stop = new AbortController();
  /** Whether the server may have the whole file, from this try or one before. */
  #mayHaveArrived = false;
  #isUnwanted = false;

  /** @param {File} file @param {(id: string) => void} removed told of a track that was deleted */
  constructor(file, removed) {
    this.#file = file;
    this.#removed = removed;
  }

  /** Whether it ends at once: what may have arrived is sent to its end, and then deleted. */
  cancel() {
    this.#isUnwanted = true;
    if (!this.#mayHaveArrived) this.#stop.abort();
    return !this.#mayHaveArrived;
  }

  /** Want it, again. What was cancelled is another request. */
  renew() {
    if (this.#stop.signal.aborted) this.#forget();
    this.#isUnwanted = false;
  }

  /**
   * @param {(share: number) => void} onProgress 0 to 1, while it is wanted
   * @returns {Promise<{track: Track, created: boolean} | null>} null: cancelled, nothing is left
   */
  async send(onProgress) {
    const { size } = this.#file;
    const sent = (/** @type {number} */ count) => {
      this.#mayHaveArrived ||= size - count <= ON_ITS_WAY_BYTES;
      if (!this.#isUnwanted) onProgress(size ? count / size : 1);
    };
    sent(0);
    const how = { key: this.#key, signal: this.#stop.signal, onProgress: sent };
    let answer = null;
    try {
      answer = await sendFile(this.#file, how);
    } catch (error) {
      if (!this.#isUnwanted || !isRefusal(error)) throw error;
    }
    if (!this.#isUnwanted) return answer;
    if (answer?.created) {
      await api.remove(answer.track.id);
      this.#removed(answer.track.id);
    }
    this.#forget();
    return null;
  }

  #forget() {
    this.#key = freshKey();
    this.#stop = new AbortController();
    this.#mayHaveArrived = false;
  }
}

/** Whether nothing was taken in, for certain. @param {unknown} error */
function isRefusal(error) {
  if (!(error instanceof api.Problem)) return true;
  return error.status >= 400 && error.status < 500 && error.status !== 409;
}
