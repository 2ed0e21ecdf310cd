// @ts-check
/** What the server tells as it happens, by one connection for all windows of a browser. */

import { EVENTS } from "./api.js";

const WORKER = new URL("./stream-worker.js", import.meta.url);

/** @typedef {EventSource | SharedStream} Stream */

/**
 * A stream for somebody, told apart by name: who logs in after them hears nothing of theirs.
 * @param {string} user @returns {Stream}
 */
export function openStream(user) {
  return "SharedWorker" in window ? new SharedStream(user) : new EventSource(EVENTS);
}

/** An EventSource whose connection other windows use too. */
class SharedStream extends EventTarget {
  /** @type {number} */
  readyState = EventSource.CONNECTING;
  #port;

  /** @param {string} user */
  constructor(user) {
    super();
    const worker = new SharedWorker(WORKER, { name: user, type: "module" });
    worker.addEventListener("error", () => this.#hear("error", EventSource.CLOSED));
    this.#port = worker.port;
    this.#port.addEventListener("message", ({ data: { type, state, text } }) =>
      this.#hear(type, state, text),
    );
    this.#port.start();
  }

  close() {
    this.readyState = EventSource.CLOSED;
    this.#port.postMessage("leaving");
    this.#port.close();
  }

  /** @param {string} type @param {number} state @param {string} [text] */
  #hear(type, state, text) {
    this.readyState = state;
    this.dispatchEvent(new MessageEvent(type, { data: text }));
  }
}
