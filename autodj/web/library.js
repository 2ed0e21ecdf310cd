// @ts-check
/** The loaded part of the library, kept true to what the server says. */

import * as api from "./api.js";
import { find } from "./dom.js";
import { isSeen, leading } from "./focus.js";
import { Rows } from "./rows.js";
import { complain, say } from "./toast.js";

/** @import { Filter, Job, Track } from "./types.js" */

/** Where the keys go on when the table gives way to something else, or the other way round. */
const BEGINNINGS = ".blank button, #tracks [data-act=play]";

/**
 * @typedef {object} Heard
 * @property {(track: Track) => void} play
 * @property {(track: Track) => void} changed
 * @property {(id: string) => void} removed
 * @property {(id: string) => number | null} place where a track plays, if it is the one
 */

export class Library {
  #heard;
  #rows;
  #more = find("#more", HTMLButtonElement);
  /** @type {Map<string, Track>} in the order of the list */
  #tracks = new Map();
  /** @type {Set<string>} deleted here, though an answer about them may still be on its way */
  #gone = new Set();
  /** @type {Map<string, Job>} by track */
  #jobs = new Map();
  /** @type {Set<string>} jobs under way that measure many tracks */
  #runs = new Set();
  /** @type {Filter} */
  #filter = { q: "", bpm_min: "", bpm_max: "", key: "", source: "" };
  /** @type {string | null} */
  #cursor = null;
  #total = 0;
  /** Whether the last page could not be read: the next try is for a hand to make. */
  #isRefused = false;
  #request = new AbortController();
  /** @type {import("./rows.js").Shown} */
  #shown = { job: (id) => this.#jobs.get(id), current: null, playing: false };

  /** @param {Heard} heard */
  constructor(heard) {
    this.#heard = heard;
    this.#rows = new Rows(this.#shown, (act, id) => this.#act(act, id));
    this.#more.addEventListener("click", () => void this.#load(this.#cursor));
    new IntersectionObserver((entries) => {
      const isSeen = entries.some((entry) => entry.isIntersecting);
      if (isSeen && !this.#more.hidden && !this.#isRefused) this.#more.click();
    }).observe(this.#more);
  }

  /** @param {Filter} filter */
  async narrow(filter) {
    this.#filter = filter;
    this.#cursor = null;
    await this.reload();
  }

  async reload() {
    await this.#load(null);
  }

  /** @param {string} id */
  get(id) {
    return this.#tracks.get(id);
  }

  /** @returns {Track | undefined} */
  first() {
    return this.#tracks.values().next().value;
  }

  /** The neighbour in the list, which may be on a page that is still to be read.
   * @param {Track} track @param {1 | -1} step @returns {Promise<Track | null>} */
  async beside(track, step) {
    const order = () => [...this.#tracks.keys()];
    const isLast = order().at(-1) === track.id;
    if (step > 0 && isLast && this.#cursor !== null) await this.#load(this.#cursor);
    const ids = order();
    const place = ids.indexOf(track.id);
    return (place >= 0 && this.#tracks.get(ids[place + step])) || null;
  }

  /** Show a track as it is now, a new one in its place. Answers may come in another order than
   * they were asked for: an older one is let go. @param {Track} told */
  put(told) {
    if (this.#gone.has(told.id)) return;
    const known = this.#tracks.get(told.id);
    const track = known && known.version > told.version ? known : told;
    if (known) {
      this.#tracks.set(track.id, track);
      this.#rows.one(track);
    } else {
      this.#insert(track);
    }
    this.#heard.changed(track);
  }

  /** Take a track off the list that was deleted. @param {string} id */
  forget(id) {
    this.#gone.add(id);
    this.#jobs.delete(id);
    if (!this.#tracks.delete(id)) return;
    this.#total -= 1;
    this.#rows.remove(id);
    this.#summarise();
    this.#heard.removed(id);
  }

  /** Show how far a track's work is, and read it again whenever a step is over. @param {Job} job */
  async hear(job) {
    if (job.kind === "reanalysis") return this.#hearRun(job);
    const id = job.track_id;
    if (id === null || job.kind !== "process" || this.#gone.has(id)) return;
    const before = this.#jobs.get(id);
    this.#jobs.set(id, job);
    const known = this.#tracks.get(id);
    if (known) this.#rows.one(known);
    if ((!known && this.#isNarrowed()) || !hasNews(known, before, job)) return;
    try {
      this.put(await api.track(id));
    } catch (error) {
      // It may have been deleted meanwhile.
      if (!(error instanceof api.Problem && error.status === 404)) complain(error);
    }
  }

  /** Many tracks are measured again: show what came of it when it is over. @param {Job} job */
  async #hearRun(job) {
    const isOver = job.state === "done" || job.state === "failed";
    if (!isOver) this.#runs.add(job.id);
    else if (this.#runs.delete(job.id)) await this.reload();
  }

  /** @param {Track | null} track @param {boolean} playing */
  showPlaying(track, playing) {
    const { current, playing: before } = this.#shown;
    if (current?.id === track?.id && before === playing) return;
    Object.assign(this.#shown, { current: track, playing });
    if (current?.id !== track?.id) this.#rows.all(this.#tracks.values());
    else if (track) this.#rows.one(this.#tracks.get(track.id) ?? track);
  }

  /** @param {string | null} cursor */
  async #load(cursor) {
    this.#request.abort();
    this.#request = new AbortController();
    const isByHand = document.activeElement === this.#more;
    this.#more.hidden = true;
    try {
      const page = await api.tracks(this.#filter, cursor, this.#request.signal);
      if (cursor === null) this.#tracks.clear();
      for (const track of page.items) this.#tracks.set(track.id, track);
      this.#cursor = page.next_cursor;
      this.#total = page.total;
      if (cursor === null) this.#rows.all(page.items);
      else this.#rows.append(page.items, isByHand);
      this.#isRefused = false;
      this.#summarise();
    } catch (error) {
      if (error instanceof DOMException) return;
      this.#isRefused = true;
      complain(error, "Reading the library");
    }
    this.#more.hidden = this.#cursor === null;
    if (isByHand && this.#isRefused) this.#more.focus();
  }

  /** Files that are sent side by side are not told of in the order they were taken in. What is
   * older than all that is listed comes with the pages that follow.
   * @param {Track} track */
  #insert(track) {
    const order = [...this.#tracks.values()];
    const added = Date.parse(track.created_at);
    const index = order.findIndex((each) => Date.parse(each.created_at) <= added);
    const isLast = index < 0 && order.length > 0;
    if ((isLast && this.#cursor !== null) || (index !== 0 && order.length > 0 && this.#isNarrowed())) return;
    order.splice(isLast ? order.length : Math.max(index, 0), 0, track);
    this.#tracks = new Map(order.map((each) => [each.id, each]));
    this.#total += 1;
    if (order[0] === track) this.#rows.prepend(track);
    else this.#rows.all(order);
    this.#summarise();
  }

  #isNarrowed() {
    return Object.values(this.#filter).some((value) => value !== "");
  }

  #summarise() {
    const shown = this.#tracks.size;
    const view = shown > 0 ? "tracks" : this.#isNarrowed() ? "nothing" : "empty";
    const show = () => void (document.body.dataset.view = view);
    leading(show, () => [...document.querySelectorAll(BEGINNINGS)].find(isSeen));
    const total = `${this.#total} ${this.#total === 1 ? "track" : "tracks"}`;
    const partly = this.#isNarrowed() || shown < this.#total;
    find("#count", HTMLElement).textContent = partly ? `${shown} of ${total}` : total;
  }

  /** @param {import("./rows.js").Act} act @param {string} id */
  #act(act, id) {
    const track = this.#tracks.get(id);
    if (!track) return;
    if (act === "play") this.#heard.play(track);
    if (act === "edit") this.#rows.edit(track, (after) => this.put(after), () => this.#heard.place(id));
    if (act === "measure") void this.#measure(track);
    if (act === "delete") void this.#delete(track);
  }

  /** @param {Track} track */
  async #measure(track) {
    try {
      await this.hear(await api.measure(track.id));
    } catch (error) {
      complain(error, "Measuring again");
    }
  }

  /** @param {Track} track */
  async #delete(track) {
    const dialog = find("#delete-dialog", HTMLDialogElement);
    find("#delete-title", HTMLElement, dialog).textContent = track.title;
    dialog.returnValue = "";
    dialog.showModal();
    await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
    if (dialog.returnValue !== "delete") return;
    try {
      await api.remove(track.id);
    } catch (error) {
      complain(error, "Deleting");
      return;
    }
    this.forget(track.id);
    say(`Deleted ${track.title}`);
  }
}

/**
 * Whether the track has changed since it was read: a step ended, or a job is over that nobody
 * here saw begin and whose end does not show on the track. Of one that is not listed the first
 * word is news.
 * @param {Track | undefined} track @param {Job | undefined} before @param {Job} job
 */
function hasNews(track, before, job) {
  if (before) return before.step !== job.step;
  if (!track) return true;
  if (job.state === "queued" || job.state === "running") return false;
  const isMeasured = track.analysis.state !== "pending";
  return !isMeasured || job.result?.sources?.[track.file_source] !== 1;
}
