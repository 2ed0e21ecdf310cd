// @ts-check
/** One file to the server, with progress. fetch() cannot tell how much was sent. */

import { Problem, UNREACHABLE, problemOf } from "./api.js";

/** @import { Track } from "./types.js" */

/**
 * @param {File} file
 * @param {object} how
 * @param {string} how.key the same for every try of this file, so that it is taken in once
 * @param {AbortSignal} how.signal ends it
 * @param {(count: number) => void} how.onProgress bytes handed on
 * @returns {Promise<{track: Track, created: boolean}>} not created: these bytes were known
 */
export function sendFile(file, { key, signal, onProgress }) {
  /** @type {PromiseWithResolvers<{track: Track, created: boolean}>} */
  const { promise, resolve, reject } = Promise.withResolvers();
  const request = new XMLHttpRequest();
  request.open("POST", `/api/v1/tracks?${new URLSearchParams({ name: file.name })}`);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  request.setRequestHeader("Idempotency-Key", key);
  request.upload.addEventListener("progress", ({ loaded }) => onProgress(loaded));
  signal.addEventListener("abort", () => request.abort());
  request.addEventListener("abort", () => reject(signal.reason));
  request.addEventListener("error", () => reject(new Problem(UNREACHABLE)));
  request.addEventListener("load", () => {
    const { status, responseText } = request;
    if (status === 200 || status === 201) {
      resolve({ track: JSON.parse(responseText), created: status === 201 });
    } else {
      reject(problemOf(status, responseText));
    }
  });
  request.send(file);
  return promise;
}

/** A key nobody else uses; randomUUID is missing on plain http. */
export function freshKey() {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return [...random].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
