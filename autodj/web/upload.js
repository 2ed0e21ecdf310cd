// @ts-check
/** Adding music: files and addresses, each followed until its track is ready. */

import * as api from "./api.js";
import { find } from "./dom.js";
import { Elsewhere } from "./elsewhere.js";
import { Fetching } from "./fetching.js";
import { KNOWN, bytes, jobWords, lateWords, percent } from "./format.js";
import { bindDrop, bindPickers } from "./intake.js";
import { Sending } from "./sending.js";
import { complain } from "./toast.js";
import { UnderWay } from "./under-way.js";
import { UploadItem } from "./upload-item.js";
import { UploadQueue } from "./upload-queue.js";

/** @import { Job, Track, Visibility } from "./types.js" */

export class Uploads {
  #heard;
  #underWay = new UnderWay();
  #elsewhere = new Elsewhere(this.#underWay, (order) => this.#addUrl(order));
  #queue = new UploadQueue();
  /** Orders whose jobs may be told of before they are answered. */
  #asking = 0;
  /** @type {Map<string, UploadItem>} by the job that tells the rest */
  #followed = new Map();

  /** @param {{added: (track: Track) => void, removed: (id: string) => void}} heard */
  constructor(heard) {
    this.#heard = heard;
    const take = (/** @type {File[]} */ files) => files.forEach((file) => this.#addFile(file));
    bindPickers(take);
    bindDrop(take);
    const form = find("#add-url", HTMLFormElement);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#addUrl({ url: find("input", HTMLInputElement, form).value.trim() });
      form.reset();
    });
  }

  /** @param {Job} job */
  hear(job) {
    const item = this.#followed.get(job.id);
    if (!item) {
      if (this.#asking === 0) this.#elsewhere.hear(job);
      return;
    }
    if (job.state === "failed" || job.state === "done") this.#followed.delete(job.id);
    if (job.state === "failed") item.fail(job);
    else if (job.state === "done") this.#finish(item, job);
    else if (job.kind === "fetch") item.sending(jobWords(job), job.progress);
    else item.progress(jobWords(job), job.progress);
  }

  /** @param {File} file */
  #addFile(file) {
    const sending = new Sending(file, this.#heard.removed);
    const work = async (/** @type {UploadItem} */ item) => {
      const answer = await sending.send((share) =>
        item.sending(share < 1 ? `Sending ${percent(share)}` : "Checking the audio", share),
      );
      if (answer === null) return item.end("cancelled", "Cancelled");
      const { track, created } = answer;
      item.rename(track.title);
      this.#heard.added(track);
      if (!created || !track.job_id) return item.finish(created ? "Ready" : KNOWN);
      item.progress("Waiting", 0);
      this.#follow(item, track.job_id);
    };
    const cancel = (/** @type {UploadItem} */ item) => {
      if (!sending.cancel()) item.cancelling();
      else if (this.#queue.drop(item)) item.end("cancelled", "Cancelled");
    };
    this.#enqueue(file.name, bytes(file.size), work, { renew: () => sending.renew(), cancel });
  }

  /** @param {{url: string, visibility?: Visibility}} order */
  #addUrl(order) {
    const fetching = new Fetching(order);
    const work = async (/** @type {UploadItem} */ item) => {
      item.sending("Asking", 0);
      this.#asking += 1;
      const ordered = fetching.order().finally(() => (this.#asking -= 1));
      const { id } = await ordered;
      item.sending("Waiting", 0);
      this.#follow(item, id);
    };
    const cancel = (/** @type {UploadItem} */ item) => {
      if (this.#queue.drop(item)) item.end("cancelled", "Cancelled");
      else void this.#callBack(item, fetching);
    };
    this.#enqueue(order.url, "", work, { renew: () => fetching.renew(), cancel });
  }

  /** @param {UploadItem} item @param {Fetching} fetching */
  async #callBack(item, fetching) {
    item.cancelling();
    try {
      const job = await fetching.cancel();
      if (job) this.hear(job);
    } catch (error) {
      complain(error, "Cancelling");
      item.goOn();
    }
  }

  /** @param {string} name @param {string} size @param {(item: UploadItem) => Promise<void>} work
   * @param {{renew: () => void, cancel: (item: UploadItem) => void}} way in, and back */
  #enqueue(name, size, work, { renew, cancel }) {
    const retry = () => {
      renew();
      this.#queue.add(item);
    };
    const item = new UploadItem(name, size, { retry, cancel: () => cancel(item) }, work);
    this.#underWay.add(item.element);
    this.#queue.add(item);
  }

  /** @param {UploadItem} item @param {string} id of the job */
  #follow(item, id) {
    this.#elsewhere.leave(id);
    this.#followed.set(id, item);
    // It may be over already: then nobody tells of it any more.
    api.job(id).then((job) => this.hear(job), complain);
  }

  /** @param {UploadItem} item @param {Job} job */
  #finish(item, job) {
    const isKnown = job.kind === "fetch" && job.result?.created === false;
    item.finish(item.isCancelling ? lateWords(job) : isKnown ? KNOWN : "Ready");
    if (job.kind === "fetch" && job.track_id) void this.#fetched(job.track_id, item);
  }

  /** @param {string} id @param {UploadItem} item */
  async #fetched(id, item) {
    try {
      const track = await api.track(id);
      item.rename(track.title);
      this.#heard.added(track);
    } catch (error) {
      complain(error);
    }
  }
}
