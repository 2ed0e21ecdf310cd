// @ts-check
/** Adding music: files and addresses, each followed until its track is ready. */

import * as api from "./api.js";
import { find } from "./dom.js";
import { leading } from "./focus.js";
import { bytes, jobWords, percent } from "./format.js";
import { bindDrop, bindPickers } from "./intake.js";
import { freshKey } from "./send-file.js";
import { Sending } from "./sending.js";
import { complain } from "./toast.js";
import { UploadItem } from "./upload-item.js";
import { UploadQueue } from "./upload-queue.js";

/** @import { Job, Track } from "./types.js" */

const FINISHED = ":is([data-state=done], [data-state=refused], [data-state=cancelled])";

export class Uploads {
  #heard;
  #list = find("#uploads", HTMLUListElement);
  #queue = new UploadQueue();
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
      this.#addUrl(find("input", HTMLInputElement, form).value.trim());
      form.reset();
    });
    find("#clear-uploads", HTMLButtonElement).addEventListener("click", () => this.#clear());
  }

  /** @param {Job} job */
  hear(job) {
    const item = this.#followed.get(job.id);
    if (!item) return;
    if (job.state === "failed" || job.state === "done") this.#followed.delete(job.id);
    if (job.state === "failed") {
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
    const sending = new Sending(file, this.#heard.removed);
    const work = async (/** @type {UploadItem} */ item) => {
      const answer = await sending.send((share) =>
        item.sending(share < 1 ? `Sending ${percent(share)}` : "Checking the audio", share),
      );
      if (answer === null) return item.end("cancelled", "Cancelled");
      const { track, created } = answer;
      item.rename(track.title);
      this.#heard.added(track);
      if (created && track.job_id) this.#follow(item, track.job_id);
      else item.finish(created ? "Ready" : "Already in your library, nothing was added");
    };
    this.#enqueue(file.name, bytes(file.size), work, sending);
  }

  /** @param {string} url */
  #addUrl(url) {
    const key = freshKey();
    this.#enqueue(url, "", async (item) => {
      item.progress("Asking", 0);
      this.#follow(item, (await api.addUrl(url, key)).id);
    });
  }

  /** @param {string} name @param {string} size @param {(item: UploadItem) => Promise<void>} work
   * @param {Sending} [sending] what can be called back once it has begun */
  #enqueue(name, size, work, sending) {
    const item = new UploadItem(name, size, work, {
      retry: () => {
        sending?.renew();
        this.#queue.add(item);
      },
      cancel: () => {
        const isOver = sending?.cancel() ?? true;
        if (!isOver) item.cancelling();
        else if (this.#queue.drop(item)) item.end("cancelled", "Cancelled");
      },
    });
    this.#list.append(item.element);
    this.#showPanel();
    this.#queue.add(item);
  }

  /** @param {UploadItem} item @param {string} id of the job */
  #follow(item, id) {
    this.#followed.set(id, item);
    item.progress("Waiting", 0);
    // It may be over already: then nobody tells of it any more.
    api.job(id).then((job) => this.hear(job), complain);
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

  #clear() {
    const clear = () => {
      this.#list.querySelectorAll(FINISHED).forEach((element) => element.remove());
      this.#showPanel();
    };
    leading(clear, () => document.querySelector("[data-pick]"));
  }

  #showPanel() {
    find("#upload-panel", HTMLElement).hidden = this.#list.childElementCount === 0;
  }
}
