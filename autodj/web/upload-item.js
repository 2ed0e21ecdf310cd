// @ts-check
/** One line of the list of what is coming in. */

import { find, icon, make } from "./dom.js";

export class UploadItem {
  element;

  /** @param {string} name @param {string} size @param {(item: UploadItem) => Promise<void>} work
   * @param {(item: UploadItem) => void} retry */
  constructor(name, size, work, retry) {
    this.work = () => work(this);
    const again = () => {
      this.#show("waiting", "Waiting");
      retry(this);
    };
    this.element = make(
      "li",
      { class: "upload", "data-state": "waiting" },
      make("span", { class: "upload-name", title: name }, name),
      make("span", { class: "upload-size" }, size),
      make("progress", { max: 1, value: 0, "aria-label": `Progress of ${name}` }),
      make("span", { class: "upload-words" }, "Waiting"),
      make("button", { class: "plain", "data-act": "retry", onclick: again }, icon("retry"), "Retry"),
    );
  }

  /** @param {string} name */
  rename(name) {
    find(".upload-name", HTMLElement, this.element).textContent = name;
  }

  /** @param {string} words @param {number} share 0 to 1 */
  progress(words, share) {
    this.#show("busy", words);
    find("progress", HTMLProgressElement, this.element).value = share;
  }

  /** @param {string} words */
  finish(words) {
    this.#show("done", words);
    this.#announce(words);
  }

  /** @param {string} message what happened @param {string} hint what to do about it */
  refuse(message, hint) {
    const words = hint ? `${message.replace(/\.$/, "")}. ${hint}` : message;
    this.#show("refused", words);
    this.#announce(words);
  }

  /** Ends are spoken; every percent would be noise. @param {string} words */
  #announce(words) {
    const name = find(".upload-name", HTMLElement, this.element).textContent;
    find("#upload-news", HTMLElement).textContent = `${name}: ${words}`;
  }

  /** @param {"waiting" | "busy" | "done" | "refused"} state @param {string} words */
  #show(state, words) {
    this.element.dataset.state = state;
    find(".upload-words", HTMLElement, this.element).textContent = words;
  }
}
