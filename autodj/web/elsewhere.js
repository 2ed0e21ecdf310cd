// @ts-check
/**
 * What was ordered elsewhere and goes on: addresses that are fetched, many tracks that are
 * measured again. Each has its line for as long, where it can be called back.
 */

import { callBack } from "./fetching.js";
import { jobWords, lateWords, runWords } from "./format.js";
import { complain } from "./toast.js";
import { UploadItem } from "./upload-item.js";

/** @import { Job } from "./types.js" */
/** @import { UnderWay } from "./under-way.js" */

export class Elsewhere {
  #underWay;
  /** @type {Map<string, UploadItem>} by job */
  #items = new Map();
  /** @type {Set<string>} jobs of which nothing more is shown here, whatever comes late */
  #left = new Set();

  /** @param {UnderWay} underWay */
  constructor(underWay) {
    this.#underWay = underWay;
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
    if (job.state === "failed") item.fail(job);
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
    const name = job.kind === "fetch" ? "A track from a link" : "Measuring again";
    const item = new UploadItem(name, "", { cancel: () => void this.#cancel(item, job.id) });
    this.#items.set(job.id, item);
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
