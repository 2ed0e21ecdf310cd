// @ts-check
/** What the workers are doing, as it happens. */

import * as api from "./api.js";

/** @import { Job } from "./types.js" */

const RETRY_MS = 5000;

/**
 * @typedef {object} Heard
 * @property {(job: Job) => void} job
 * @property {(connected: boolean) => void} connection
 */

/**
 * Follow every job of this user until the page goes. The browser reconnects by itself and says
 * what it saw last; only a refusal ends a stream, and then a new one is tried.
 * @param {Heard} heard
 */
export function follow(heard) {
  const source = new EventSource("/api/v1/jobs/events");
  source.addEventListener("open", () => heard.connection(true));
  source.addEventListener("job", (event) => heard.job(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    heard.connection(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => void again(heard), RETRY_MS);
  });
}

/** Streams do not say why they were refused; a stranger need not try again. @param {Heard} heard */
async function again(heard) {
  try {
    await api.me();
  } catch (error) {
    if (error instanceof api.Problem && error.status === 401) return;
  }
  follow(heard);
}
