// @ts-check
/** One line of the list of what is under way. */

import { Problem } from "./api.js";
import { find, icon, make } from "./dom.js";
import { isSeen, leading, offer } from "./focus.js";
import { runWords } from "./format.js";

/** @import { Job } from "./types.js" */

/**
 * @typedef {object} Hands
 * @property {() => void} cancel
 * @property {() => void} [retry] where it is known how
 */

/** @typedef {"done" | "refused" | "cancelled"} End */

export class UploadItem {
  element;
  #name;
  #cancel;

  /** @param {string} name @param {string} size @param {Hands} hands
   * @param {(item: UploadItem) => Promise<void>} [work] what its turn in the queue is for */
  constructor(name, size, { cancel, retry }, work = async () => {}) {
    this.work = () => work(this);
    this.#name = make("span", { class: "upload-name", title: name, dir: "auto" }, name);
    this.#cancel = make(
      "button",
      { class: "quiet", "data-act": "cancel", "aria-label": `Cancel ${name}` },
      icon("close"),
    );
    this.#cancel.addEventListener("click", () => this.isCancelling || cancel());
    this.element = make(
      "li",
      { class: "upload", "data-state": "waiting" },
      this.#name,
      make("span", { class: "upload-size" }, size),
      make("progress", { max: 1, value: 0, "aria-label": `Progress of ${name}` }),
      make("span", { class: "upload-words" }, "Waiting"),
      retry ? this.#retryButton(retry) : null,
      this.#cancel,
    );
  }

  get isCancelling() {
    return this.element.dataset.state === "cancelling";
  }

  /** @param {string} name */
  rename(name) {
    this.#name.textContent = name;
  }

  /** @param {string} words @param {number} share 0 to 1 */
  progress(words, share) {
    this.#show("busy", words);
    find("progress", HTMLProgressElement, this.element).value = share;
  }

  /** As progress, of what can be called back. @param {string} words @param {number} share */
  sending(words, share) {
    if (this.isCancelling) return;
    find("progress", HTMLProgressElement, this.element).value = share;
    this.#show("sending", words);
  }

  /** It has been called back, and does not end at once. */
  cancelling() {
    this.#show("cancelling", "Cancelling");
    this.#announce("Cancelling");
  }

  /** It could not be called back, and goes on. */
  goOn() {
    if (this.isCancelling) this.#show("sending", "Not cancelled");
  }

  /** @param {string} words */
  finish(words) {
    this.end("done", words);
  }

  /** @param {string} message what happened @param {string} hint what to do about it */
  refuse(message, hint) {
    const words = hint ? `${message.replace(/\.$/, "")}. ${hint}` : message;
    this.end("refused", words);
  }

  /** @param {Job} job that has failed, or was cancelled @param {string} [more] to say of it */
  fail(job, more = "") {
    const problem = new Problem(job.problem ?? { title: "It failed" });
    if (problem.code !== "cancelled") {
      return this.refuse(problem.message, [problem.hint, more].filter(Boolean).join(" "));
    }
    const words = more || (job.kind === "fetch" ? "" : runWords(job));
    this.end("cancelled", words ? `Cancelled. ${words}` : "Cancelled");
  }

  /** @param {End} state @param {string} words */
  end(state, words) {
    this.#show(state, words);
    this.#announce(words);
  }

  /** @param {() => void} retry */
  #retryButton(retry) {
    const again = () => {
      this.#show("waiting", "Waiting");
      retry();
    };
    return make(
      "button",
      { class: "plain", "data-act": "retry", onclick: again },
      icon("retry"),
      "Retry",
    );
  }

  /** Ends are spoken; every percent would be noise. @param {string} words */
  #announce(words) {
    find("#upload-news", HTMLElement).textContent = `${this.#name.textContent}: ${words}`;
  }

  /** Whoever pressed a button that goes is led to the one that comes, or to the list.
   * @param {End | "waiting" | "busy" | "sending" | "cancelling"} state @param {string} words */
  #show(state, words) {
    const change = () => {
      this.element.dataset.state = state;
      offer(this.#cancel, state !== "cancelling");
      find(".upload-words", HTMLElement, this.element).textContent = words;
    };
    const buttons = [...this.element.querySelectorAll("button")];
    leading(change, () => buttons.find(isSeen) ?? this.element.closest("ul"));
  }
}
