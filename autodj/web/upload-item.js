// @ts-check
/** One line of the list of what is coming in. */

import { find, icon, make } from "./dom.js";
import { isSeen, leading } from "./focus.js";

export class UploadItem {
  element;

  /** @param {string} name @param {string} size @param {(item: UploadItem) => Promise<void>} work
   * @param {{retry: () => void, cancel: () => void}} hands */
  constructor(name, size, work, { retry, cancel }) {
    this.work = () => work(this);
    const again = () => {
      this.#show("waiting", "Waiting");
      retry();
    };
    this.element = make(
      "li",
      { class: "upload", "data-state": "waiting" },
      make("span", { class: "upload-name", title: name, dir: "auto" }, name),
      make("span", { class: "upload-size" }, size),
      make("progress", { max: 1, value: 0, "aria-label": `Progress of ${name}` }),
      make("span", { class: "upload-words" }, "Waiting"),
      make("button", { class: "plain", "data-act": "retry", onclick: again }, icon("retry"), "Retry"),
      make(
        "button",
        { class: "quiet", "data-act": "cancel", "aria-label": `Cancel ${name}`, onclick: cancel },
        icon("close"),
      ),
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

  /** As progress, of what can be called back. @param {string} words @param {number} share */
  sending(words, share) {
    if (this.element.dataset.state === "cancelling") return;
    this.progress(words, share);
    this.#show("sending", words);
  }

  /** It is too late to break it off: what came of it will be deleted. */
  cancelling() {
    this.#show("cancelling", "Cancelling");
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

  /** @param {"done" | "refused" | "cancelled"} state @param {string} words */
  end(state, words) {
    this.#show(state, words);
    this.#announce(words);
  }

  /** Ends are spoken; every percent would be noise. @param {string} words */
  #announce(words) {
    const name = find(".upload-name", HTMLElement, this.element).textContent;
    find("#upload-news", HTMLElement).textContent = `${name}: ${words}`;
  }

  /** Whoever pressed a button that goes is led to the one that comes, or to the list.
   * @param {string} state @param {string} words */
  #show(state, words) {
    const change = () => {
      this.element.dataset.state = state;
      find(".upload-words", HTMLElement, this.element).textContent = words;
    };
    const buttons = [...this.element.querySelectorAll("button")];
    leading(change, () => buttons.find(isSeen) ?? this.element.closest("ul"));
  }
}
