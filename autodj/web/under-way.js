// @ts-check
/** The list of what is under way, which is there while it has a line. */

import { find } from "./dom.js";
import { leading } from "./focus.js";

const FINISHED = ":is([data-state=done], [data-state=refused], [data-state=cancelled])";

export class UnderWay {
  #list = find("#uploads", HTMLUListElement);

  constructor() {
    find("#clear-uploads", HTMLButtonElement).addEventListener("click", () => {
      this.#list.querySelectorAll(FINISHED).forEach((line) => this.remove(line));
    });
  }

  /** @param {Element} line */
  add(line) {
    this.#list.append(line);
    this.#show();
  }

  /** @param {Element} line */
  remove(line) {
    const remove = () => {
      line.remove();
      this.#show();
    };
    leading(remove, () => (this.#isEmpty() ? document.querySelector("[data-pick]") : this.#list));
  }

  #isEmpty() {
    return this.#list.childElementCount === 0;
  }

  #show() {
    find("#upload-panel", HTMLElement).hidden = this.#isEmpty();
  }
}
