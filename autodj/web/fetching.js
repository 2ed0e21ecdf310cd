// @ts-check
/** One address on its way in: the server fetches it, and can be told to leave it. */

import * as api from "./api.js";
import { freshKey } from "./send-file.js";

/** @import { Job, Visibility } from "./types.js" */

const TOO_LATE = 409;

export class Fetching {
  #order;
  #key = freshKey();
  /** @type {string | null} the job, once there is one */
  #id = null;
  #isUnwanted = false;

  /** @param {{url: string, visibility?: Visibility}} order */
  constructor(order) {
    this.#order = order;
  }

  /** The job that fetches it, or the one that was ended because nobody wants it any more. */
  async order() {
    const job = await api.addUrl(this.#order, this.#key);
    this.#id = job.id;
    return this.#isUnwanted ? callBack(job.id) : job;
  }

  /** The job as it is then; null while there is none yet, which will not go on.
   * @returns {Promise<Job | null>} */
  cancel() {
    this.#isUnwanted = true;
    return this.#id === null ? Promise.resolve(null) : callBack(this.#id);
  }

  /** Want it, again. A job that has ended is not begun anew: it is another request. */
  renew() {
    if (this.#id !== null) this.#key = freshKey();
    this.#id = null;
    this.#isUnwanted = false;
  }
}

/** End the job, unless it is over by itself; as it is then. @param {string} id
 * @returns {Promise<Job>} */
export async function callBack(id) {
  try {
    return await api.cancel(id);
  } catch (error) {
    if (error instanceof api.Problem && error.status === TOO_LATE) return api.job(id);
    throw error;
  }
}
