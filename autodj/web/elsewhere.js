// @ts-check
/**
 * What was ordered elsewhere and goes on: addresses that are fetched, many tracks that are
 * measured again. Each has its line for as long, where it can be called back.
 */

import { callBack } from "./fetching.js";
import { addressWords, jobWords, lateWords, runWords } from "./format.js";
import { complain } from "./toast.js";
import { UploadItem } from "./upload-item.js";

/** @import { FetchOrder, Job } from "./types.js" */
/** @import { UnderWay } from "./under-way.js" */

const NO_RETRY =
  "Its address is not shown whole, for it may hold a key: order it again where you have it.";

export class Elsewhere {
  #underWay;
  #again;
  /** @type {Map<string, UploadItem>} by job */
  #items = new Map();
  /** @type {Set<string>} jobs of which nothing more is shown here, whatever comes late */
  #left = new Set();

  /** @param {UnderWay} underWay @param {(order: FetchOrder) => void} again fetch it once more */
  constructor(underWay, again) {
    this.#underWay = underWay;
    this.#again = again;
  }

  /** @param {Job} job */
  hear(job) {
    if (job.kind === "process" || this.#left.has(job.id)) return;
    const words = job.kind === "fetch" ? jobWords(job) : runWords(job);
    if (job.state === "queued" || job.state === "running") {
      (this.#items.get(job.id) ?? this.#begin(job)).sending(words, job.progress);
      return;
    }
    const item = this.#forget(job.id);
    if (!item) return;
    if (job.state === "failed") item.fail(job, job.order?.url_is_whole === false ? NO_RETRY : "");
    else if (item.isCancelling) item.finish(lateWords(job));
    else if (job.kind === "fetch") this.#underWay.remove(item.element);
    else item.finish(words);
  }

  /** Another line tells of it. @param {string} id of the job */
  leave(id) {
    const item = this.#forget(id);
    if (item) this.#underWay.remove(item.element);
  }

  /** @param {string} id */
  #forget(id) {
    const item = this.#items.get(id);
    this.#left.add(id);
    this.#items.delete(id);
    return item;
  }

  /** @param {Job} job */
  #begin(job) {
    const { id, order } = job;
    const retry = () => {
      if (order) this.#again(order);
      this.#underWay.remove(item.element);
    };
    const item = new UploadItem(order ? addressWords(order) : "Measuring again", "", {
      cancel: () => void this.#cancel(item, id),
      retry: order?.url_is_whole ? retry : undefined,
    });
    this.#items.set(id, item);
    this.#underWay.add(item.element);
    return item;
  }

  /** @param {UploadItem} item @param {string} id */
  async #cancel(item, id) {
    item.cancelling();
    try {
      this.hear(await callBack(id));
    } catch (error) {
      complain(error, "Cancelling");
      item.goOn();
    }
  }
}
