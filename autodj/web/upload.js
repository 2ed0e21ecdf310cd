// @ts-check
/** Adding music: files and addresses, each followed until its track is ready. */

import * as api from "./api.js";
import { find } from "./dom.js";
import { bytes, jobWords, percent } from "./format.js";
import { bindDrop, bindPickers } from "./intake.js";
import { freshKey, sendFile } from "./send-file.js";
import { complain } from "./toast.js";
import { UploadItem } from "./upload-item.js";

/** @import { Job, Track } from "./types.js" */

const AT_ONCE = 2;

export class Uploads {
  #added;
  #list = find("#uploads", HTMLUListElement);
  /** @type {UploadItem[]} */
  #waiting = [];
  #running = 0;
  /** @type {Map<string, UploadItem>} by the job that tells the rest */
  #followed = new Map();
  /** @type {Map<string, Job>} heard before the answer that names them */
  #early = new Map();

  /** @param {(track: Track) => void} added */
  constructor(added) {
    this.#added = added;
    const take = (/** @type {File[]} */ files) => files.forEach((file) => this.#addFile(file));
    bindPickers(take);
    bindDrop(take);
    const form = find("#add-url", HTMLFormElement);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#addUrl(find("input", HTMLInputElement, form).value.trim());
      form.reset();
    });
    find("#clear-uploads", HTMLButtonElement).addEventListener("click", () => this.#clear());
  }

  /** @param {Job} job */
  hear(job) {
    const item = this.#followed.get(job.id);
    if (item && (job.state === "failed" || job.state === "done")) this.#followed.delete(job.id);
    if (!item) {
      if (this.#running > 0) this.#early.set(job.id, job);
    } else if (job.state === "failed") {
      const { title, detail, hint } = job.problem ?? { title: "It failed" };
      item.refuse(detail || title, hint ?? "");
    } else if (job.state === "done") {
      const known = job.kind === "fetch" && job.result?.created === false;
      item.finish(known ? "Already in your library, nothing was added" : "Ready");
      if (job.kind === "fetch" && job.track_id) void this.#fetched(job.track_id, item);
    } else {
      item.progress(jobWords(job), job.progress);
    }
  }

  /** @param {File} file */
  #addFile(file) {
    const key = freshKey();
    this.#enqueue(file.name, bytes(file.size), async (item) => {
      const onProgress = (/** @type {number} */ share) =>
        item.progress(share < 1 ? `Sending ${percent(share)}` : "Checking the audio", share);
      onProgress(0);
      const { track, created } = await sendFile(file, { key, onProgress });
      item.rename(track.title);
      this.#added(track);
      if (created && track.job_id) this.#follow(item, track.job_id);
      else item.finish(created ? "Ready" : "Already in your library, nothing was added");
    });
  }

  /** @param {string} url */
  #addUrl(url) {
    this.#enqueue(url, "", async (item) => {
      item.progress("Asking", 0);
      this.#follow(item, (await api.addUrl(url)).id);
    });
  }

  /** @param {string} name @param {string} size @param {(item: UploadItem) => Promise<void>} work */
  #enqueue(name, size, work) {
    const queue = (/** @type {UploadItem} */ item) => {
      this.#waiting.push(item);
      this.#next();
    };
    const item = new UploadItem(name, size, work, queue);
    this.#list.append(item.element);
    queue(item);
  }

  #next() {
    this.#showPanel();
    while (this.#running < AT_ONCE) {
      const item = this.#waiting.shift();
      if (!item) return;
      this.#running += 1;
      void this.#run(item);
    }
  }

  /** @param {UploadItem} item */
  async #run(item) {
    try {
      await item.work();
    } catch (error) {
      if (error instanceof api.Problem) item.refuse(error.message, error.hint);
      else item.refuse("The file could not be read", "Choose it again.");
    }
    this.#running -= 1;
    if (this.#running === 0) this.#early.clear();
    this.#next();
  }

  /** @param {UploadItem} item @param {string} job */
  #follow(item, job) {
    this.#followed.set(job, item);
    item.progress("Waiting", 0);
    const early = this.#early.get(job);
    if (early) this.hear(early);
  }

  /** @param {string} id @param {UploadItem} item */
  async #fetched(id, item) {
    try {
      const track = await api.track(id);
      item.rename(track.title);
      this.#added(track);
    } catch (error) {
      complain(error);
    }
  }

  #clear() {
    for (const element of this.#list.querySelectorAll("[data-state=done], [data-state=refused]")) {
      element.remove();
    }
    this.#showPanel();
  }

  #showPanel() {
    find("#upload-panel", HTMLElement).hidden = this.#list.childElementCount === 0;
  }
}
