// @ts-check
/** What the workers are doing, as it happens. */

import * as api from "./api.js";
import { openStream } from "./stream.js";

/** @import { Job } from "./types.js" */

export const RETRY_MS = 5000;
/** Clocks differ, and a change is stamped a little before anybody can see it. */
const OVERLAP_MS = 60_000;

/**
 * @typedef {object} Heard
 * @property {(job: Job) => void} job
 * @property {(connected: boolean) => void} connection
 * @property {(why: api.Problem) => void} refused it is tried again all the same
 */

/**
 * Follow every job of this user until the page goes. A page that nobody sees lets go of its
 * stream: not every browser has one for all windows, and each holds a connection.
 * @param {string} user @param {Heard} heard
 */
export function follow(user, heard) {
  /** @type {import("./stream.js").Stream | null} */
  let stream = null;
  let retry = 0;
  let seen_ms = 0;
  const began_ms = Date.now();

  const tell = (/** @type {Job} */ job) => {
    seen_ms = Math.max(seen_ms, Date.parse(job.changed_at));
    heard.job(job);
  };
  const open = () => {
    const own = (stream = openStream(user));
    own.addEventListener("open", () => heard.connection(true));
    own.addEventListener("job", (event) => {
      tell(JSON.parse(/** @type {MessageEvent<string>} */ (event).data));
    });
    own.addEventListener("error", () => {
      heard.connection(false);
      // The browser goes on by itself after the last event that it saw, if it saw any.
      const isRefused = own.readyState === EventSource.CLOSED;
      if (!isRefused && seen_ms > 0) return;
      letGo();
      retry = setTimeout(again, RETRY_MS);
      if (isRefused) void askWhy();
    });
  };
  const askWhy = async () => {
    const why = await api.eventsRefusal();
    if (why && !stream && !document.hidden) heard.refused(why);
  };
  const letGo = () => {
    clearTimeout(retry);
    stream?.close();
    stream = null;
  };
  /** A new stream tells what goes on now; what has ended meanwhile has to be asked for. */
  const again = async () => {
    clearTimeout(retry);
    if (stream || document.hidden) return;
    try {
      const jobs = await api.jobsSince((seen_ms || began_ms) - OVERLAP_MS);
      if (stream || document.hidden) return;
      jobs.forEach(tell);
      open();
    } catch (error) {
      // Streams do not say why they were refused; a stranger need not try again.
      if (error instanceof api.Problem && error.status === 401) return;
      retry = setTimeout(again, RETRY_MS);
    }
  };
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) letGo();
    else void again();
  });
  addEventListener("pagehide", letGo);
  if (!document.hidden) open();
}
