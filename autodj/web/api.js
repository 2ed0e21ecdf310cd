// @ts-check
/** Requests to the server, with every refusal as one readable error. */

/** @import { Analysis, AudioLink, Filter, Job, Page, ProblemDocument, Rendition, Track, Visibility } from "./types.js" */

const BASE = "/api/v1";
export const EVENTS = `${BASE}/jobs/events`;
const PAGE_SIZE = 50;
const MOST_JOBS = 200;

/** A refusal: `message` says what happened, `hint` what to do about it. */
export class Problem extends Error {
  /** @param {Partial<ProblemDocument>} document */
  constructor(document) {
    super(document.detail || document.title || "Something went wrong");
    this.name = "Problem";
    this.status = document.status ?? 0;
    this.code = document.code ?? "";
    const faults = (document.errors ?? []).map(
      ({ pointer, detail }) => `${pointer.replace(/^\//, "") || "The body"}: ${detail}`,
    );
    this.hint = faults.join("; ") || document.hint || "";
  }
}

export const UNREACHABLE = {
  code: "unreachable",
  title: "autodj does not answer",
  hint: "Check that `autodj up` is still running, then try again.",
};

/** @returns {Promise<{id: string, name: string, storage: "local" | "s3"}>} */
export const me = () => json("GET", `${BASE}/me`);

/** @param {Filter} filter @param {string | null} cursor @param {AbortSignal} [signal]
 * @returns {Promise<Page>} */
export const tracks = (filter, cursor, signal) =>
  json("GET", `${BASE}/tracks?${query({ ...filter, cursor, limit: PAGE_SIZE })}`, { signal });

/** @param {string} id @returns {Promise<Track>} */
export const track = (id) => json("GET", `${BASE}/tracks/${encodeURIComponent(id)}`);

/**
 * Correct a track, provided nobody else has since `version`.
 * @param {string} id @param {number} version @param {Record<string, unknown>} changes
 * @returns {Promise<Track>}
 */
export const correct = (id, version, changes) =>
  json("PATCH", `${BASE}/tracks/${id}`, {
    headers: { "Content-Type": "application/json", "If-Match": `"v${version}"` },
    body: JSON.stringify(changes),
  });

/** Measure a track again. @param {string} id @returns {Promise<Job>} */
export const measure = (id) => json("POST", `${BASE}/tracks/${id}/reanalysis`);

/** @param {string} id */
export const remove = (id) => answer("DELETE", `${BASE}/tracks/${id}`);

/** @param {{url: string, visibility?: Visibility}} order @param {string} key the same for every try
 * @returns {Promise<Job>} */
export const addUrl = ({ url, visibility }, key) =>
  json("POST", `${BASE}/tracks`, {
    headers: { "Content-Type": "application/json", "Idempotency-Key": key },
    body: JSON.stringify({ url, visibility }),
  });

/** @param {string} id @returns {Promise<Job>} */
export const job = (id) => json("GET", `${BASE}/jobs/${id}`);

/** End a fetch or a measuring of many tracks. @param {string} id @returns {Promise<Job>} */
export const cancel = (id) => json("POST", `${BASE}/jobs/${id}/cancel`);

/** The latest jobs that have changed since then, oldest first. @param {number} moment_ms
 * @returns {Promise<Job[]>} */
export async function jobsSince(moment_ms) {
  /** @type {{items: Job[]}} */
  const { items } = await json("GET", `${BASE}/jobs?limit=${MOST_JOBS}`);
  return items.filter((job) => Date.parse(job.changed_at) >= moment_ms).reverse();
}

/**
 * Why the events of jobs are refused, which a stream does not say; null when they are not.
 * @returns {Promise<Problem | null>}
 */
export async function eventsRefusal() {
  const leaving = new AbortController();
  try {
    await answer("GET", EVENTS, { signal: leaving.signal });
    return null;
  } catch (error) {
    return error instanceof Problem ? error : null;
  } finally {
    leaving.abort();
  }
}

/** Make this browser a stranger again. */
export const logOut = () => answer("POST", "/logout");

/**
 * From where it is kept, or from this server where the browser may not read it there: a bucket
 * without CORS rules, or a link that is just over.
 * @param {string} url @returns {Promise<Analysis>}
 */
export async function analysis(url) {
  try {
    return await json("GET", url);
  } catch (error) {
    const isOurs = error instanceof Problem && error.code !== "" && error.code !== UNREACHABLE.code;
    if (isOurs) throw error;
    return json("GET", `${url}?redirect=0`);
  }
}

/** @param {string} id @returns {Promise<Rendition[]>} */
export const renditions = async (id) =>
  (await json("GET", `${BASE}/tracks/${id}/renditions`)).items;

/**
 * Where to play a track from. By the server's own clock it is good for `life_s` seconds, and
 * given to everybody for `renew_s` (0 for what is past).
 * @param {Track} track @returns {Promise<AudioLink & {life_s: number, renew_s: number}>}
 */
export async function audioLink(track) {
  const response = await answer("GET", track.audio_url);
  const link = /** @type {AudioLink} */ (await response.json());
  const now = Date.parse(response.headers.get("Date") ?? "") || Date.now();
  const seconds = (/** @type {string} */ moment) => (Date.parse(moment) - now) / 1000;
  return {
    ...link,
    life_s: link.expires_at ? seconds(link.expires_at) : Infinity,
    renew_s: link.renew_at ? Math.max(0, seconds(link.renew_at)) : 0,
  };
}

/** The refusal that an answer holds. @param {number} status @param {string} text */
export function problemOf(status, text) {
  if (status === 401) document.dispatchEvent(new Event("autodj:signed-out"));
  try {
    return new Problem({ ...JSON.parse(text), status });
  } catch {
    return new Problem({ status, title: `The server answered ${status}`, hint: "Try again." });
  }
}

/** @param {string} method @param {string} path @param {RequestInit} [init] @returns {Promise<any>} */
async function json(method, path, init) {
  return (await answer(method, path, init)).json();
}

/** @param {string} method @param {string} path @param {RequestInit} [init] */
async function answer(method, path, init = {}) {
  let response;
  try {
    response = await fetch(path, { method, credentials: "same-origin", ...init });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new Problem(UNREACHABLE);
  }
  if (!response.ok) throw problemOf(response.status, await response.text());
  return response;
}

/** @param {Record<string, string | number | null>} values */
function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== null && value !== "");
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
}
