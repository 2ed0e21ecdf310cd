// @ts-check
/** The table's rows on the page: painted again in place, without losing focus, press or edit. */

import { find } from "./dom.js";
import { leading } from "./focus.js";
import { editRow } from "./track-edit.js";
import { renew, trackRow } from "./track-row.js";

/** @import { Job, Track } from "./types.js" */

/**
 * @typedef {object} Shown what rows show beside their track
 * @property {(id: string) => Job | undefined} job
 * @property {Track | null} current the track in the player
 * @property {boolean} playing whether that one sounds
 */

/** @typedef {"play" | "edit" | "delete" | "measure"} Act */

export class Rows {
  #body = find("#tracks tbody", HTMLTableSectionElement);
  #shown;

  /** @param {Shown} shown @param {(act: Act, id: string) => void} act what a row is asked for */
  constructor(shown, act) {
    this.#shown = shown;
    this.#body.addEventListener("click", ({ target }) => {
      const button = target instanceof Element && target.closest("[data-act]");
      if (!(button instanceof HTMLElement) || !button.closest("tr.track")) return;
      act(/** @type {Act} */ (button.dataset.act), idOf(button));
    });
    this.#body.addEventListener("dblclick", ({ target }) => {
      if (!(target instanceof Element) || target.closest("button, form")) return;
      act("play", idOf(target));
    });
    this.#body.addEventListener("keydown", (event) => this.#walk(event));
  }

  /** Show these tracks and no others. @param {Iterable<Track>} tracks */
  all(tracks) {
    const before = [...this.#body.rows];
    const known = new Map(before.map((row) => [idOf(row), row]));
    const rows = [...tracks].map((track) => this.#renewed(known.get(track.id), track));
    const isSame = rows.length === before.length && rows.every((row, place) => row === before[place]);
    if (!isSame) this.#keepingFocus(() => this.#body.replaceChildren(...rows));
  }

  /** @param {Track[]} tracks @param {boolean} isLed whether the focus goes to the first of them */
  append(tracks, isLed) {
    this.#body.append(...tracks.map((track) => this.#make(track)));
    if (isLed) this.#focus(tracks[0]?.id, "play");
  }

  /** @param {Track} track */
  prepend(track) {
    this.#body.prepend(this.#make(track));
  }

  /** Show a track as it is now; one that is being edited is left alone. @param {Track} track */
  one(track) {
    const row = this.#find(track.id);
    if (row) this.#renewed(row, track);
  }

  /** @param {string} id */
  remove(id) {
    const row = this.#find(id);
    if (!row) return;
    const beside = row.nextElementSibling ?? row.previousElementSibling;
    const held = document.activeElement;
    const act = held instanceof HTMLElement && held.dataset.act;
    const same = () => beside?.querySelector(`[data-act="${act}"]`) ?? beside?.querySelector("input");
    leading(() => row.remove(), () => same() ?? document.querySelector("[data-pick]"));
  }

  /** @param {Track} track @param {(track: Track) => void} changed gets the track as it is then,
   * the last time when the form is closed @param {() => number | null} place where it plays */
  edit(track, changed, place) {
    const done = (/** @type {Track} */ after) => {
      row.replaceWith(this.#make(after));
      changed(after);
      this.#focus(after.id, "edit");
    };
    const row = editRow(track, { done, changed, place });
    this.#find(track.id)?.replaceWith(row);
    find("input", HTMLInputElement, row).focus();
  }

  /** @param {Track} track */
  #make(track) {
    const { current, playing, job } = this.#shown;
    return trackRow(track, { job: job(track.id), current, playing });
  }

  /** The row of a track, as the track is now. @param {HTMLTableRowElement | undefined} row
   * @param {Track} track */
  #renewed(row, track) {
    const wanted = this.#make(track);
    if (!row) return wanted;
    if (row.classList.contains("track")) this.#keepingFocus(() => renew(row, wanted));
    return row;
  }

  /** @param {() => void} change */
  #keepingFocus(change) {
    const button = document.activeElement;
    const inside = button instanceof HTMLElement && this.#body.contains(button);
    const place = inside && { id: idOf(button), act: button.dataset.act };
    change();
    if (place && !this.#body.contains(document.activeElement)) this.#focus(place.id, place.act);
  }

  /** On a button of a row, or on the one that every row has.
   * @param {string} id @param {string | undefined} act */
  #focus(id, act) {
    const row = act ? this.#find(id) : null;
    const button = row?.querySelector(`[data-act="${act}"]`) ?? row?.querySelector("[data-act=play]");
    if (button instanceof HTMLElement) button.focus({ preventScroll: true });
  }

  /** @param {string} id @returns {HTMLTableRowElement | null} */
  #find(id) {
    return this.#body.querySelector(`tr[data-id="${CSS.escape(id)}"]`);
  }

  /** Up and down move between rows. @param {KeyboardEvent} event */
  #walk(event) {
    const button = document.activeElement;
    const row = button?.closest("tr.track");
    if (!row || !(button instanceof HTMLElement)) return;
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    const beside = event.key === "ArrowDown" ? row.nextElementSibling : row.previousElementSibling;
    const target = beside?.querySelector(`[data-act="${button.dataset.act}"]`);
    if (target instanceof HTMLElement) target.focus();
    event.preventDefault();
    event.stopPropagation();
  }
}

/** @param {Element} element in a row */
function idOf(element) {
  return element.closest("tr")?.dataset.id ?? "";
}
