// @ts-check
/** Correcting a track in its own place in the table. */

import { Problem } from "./api.js";
import { WHEEL } from "./camelot.js";
import { find, make } from "./dom.js";
import { Edited } from "./edited.js";
import { gridTools } from "./grid-edit.js";
import { complain, say } from "./toast.js";

/** @import { Track } from "./types.js" */

const NO_NUMBER = new Problem({
  title: "The tempo is not a number",
  hint: "Write it as 123.45, or leave it empty for what was measured.",
});

/**
 * @typedef {object} Around
 * @property {(track: Track) => void} done gets the track as it is afterwards, changed or not
 * @property {(track: Track) => void} changed gets it whenever its grid has changed
 * @property {() => number | null} place where the track plays, in seconds
 */

/** A row with a form. @param {Track} track @param {Around} around */
export function editRow(track, { done, changed, place }) {
  const edited = new Edited(track);
  const form = make(
    "form",
    { class: "edit", "aria-label": `Edit ${track.title}`, novalidate: true },
    field("Title", make("input", { name: "title", value: track.title, maxlength: 512 })),
    field("Artist", make("input", { name: "artist", value: track.artist ?? "", maxlength: 512 })),
    tempoField(edited),
    field("Key", keySelect(track)),
    make(
      "div",
      { class: "edit-acts" },
      make("button", { type: "button", class: "plain", "data-act": "cancel" }, "Close"),
      make("button", { class: "primary" }, "Save"),
    ),
    gridTools(edited, place),
  );
  const close = () => done(edited.track);
  edited.addEventListener("change", () => changed(edited.track));
  find("[data-act=cancel]", HTMLButtonElement, form).addEventListener("click", close);
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") close();
    event.stopPropagation();
  });
  let isSaving = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isSaving) return;
    // To FormData a field with such a text is an empty one.
    const isNumber = !find("[name=bpm]", HTMLInputElement, form).validity.badInput;
    if (!isNumber) return complain(NO_NUMBER, "Saving");
    const changes = changesOf(edited.track, new FormData(form));
    if (Object.keys(changes).length === 0) return close();
    isSaving = true;
    try {
      await edited.save(changes);
      say(`Saved ${edited.track.title}`);
      close();
    } catch (error) {
      complain(error, "Saving");
    } finally {
      isSaving = false;
    }
  });
  return make("tr", { "data-id": track.id, class: "editing" }, make("td", { colspan: columns() }, form));
}

/** How many there are room for: a cell that spans more of them takes it from those of all rows. */
function columns() {
  const { cells } = find("#tracks thead tr", HTMLTableRowElement);
  return [...cells].filter((cell) => cell.checkVisibility()).length || 1;
}

/**
 * What the form says differently from the track.
 * @param {Track} track @param {FormData} form @returns {Record<string, unknown>}
 */
export function changesOf(track, form) {
  const text = (/** @type {string} */ name) => String(form.get(name) ?? "").trim();
  const bpm = text("bpm") === "" ? null : Number(text("bpm"));
  const said = { title: text("title"), artist: text("artist") || null, key: text("key") || null };
  /** @type {Record<string, unknown>} */
  const changes = {};
  for (const [name, value] of Object.entries(said)) {
    if (value !== track[/** @type {"title" | "artist" | "key"} */ (name)]) changes[name] = value;
  }
  if (bpm === null ? track.bpm_corrected : bpm !== rounded(track.bpm)) changes.bpm = bpm;
  return changes;
}

/** An exact tempo; it follows what the tools do. @param {Edited} edited */
function tempoField(edited) {
  const input = make("input", {
    name: "bpm",
    type: "number",
    min: 20,
    max: 400,
    step: 0.01,
    value: rounded(edited.track.bpm),
    placeholder: "measured",
  });
  edited.addEventListener("change", () => {
    input.value = String(rounded(edited.track.bpm) ?? "");
  });
  return make("div", { class: "tempo-field" }, field("BPM", input));
}

/** @param {Track} track */
function keySelect(track) {
  const select = make("select", { name: "key" });
  const empty = track.key_corrected ? "Measured" : "–";
  select.append(make("option", { value: "" }, empty));
  for (const { code, name } of WHEEL) {
    select.append(make("option", { value: name, selected: name === track.key }, `${code} · ${name}`));
  }
  return select;
}

/** @param {string} label @param {HTMLElement} input */
function field(label, input) {
  return make("label", { class: "field" }, make("span", {}, label), input);
}

/** @param {number | null} bpm */
function rounded(bpm) {
  return bpm === null ? null : Math.round(bpm * 100) / 100;
}
