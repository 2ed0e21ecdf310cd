// @ts-check
/** Correcting a track in its own place in the table. */

import * as api from "./api.js";
import { WHEEL } from "./camelot.js";
import { find, make } from "./dom.js";
import { complain, say } from "./toast.js";

/** @import { Track } from "./types.js" */

const COLUMNS = 9;

/**
 * A row with a form. `done` gets the track as it is afterwards, changed or not.
 * @param {Track} track @param {(track: Track) => void} done
 */
export function editRow(track, done) {
  const form = make(
    "form",
    { class: "edit", "aria-label": `Edit ${track.title}`, novalidate: true },
    field("Title", make("input", { name: "title", value: track.title, maxlength: 512 })),
    field("Artist", make("input", { name: "artist", value: track.artist ?? "", maxlength: 512 })),
    tempoField(track),
    field("Key", keySelect(track)),
    make(
      "div",
      { class: "edit-acts" },
      make("button", { type: "button", class: "plain", "data-act": "cancel" }, "Cancel"),
      make("button", { class: "primary" }, "Save"),
    ),
  );
  let seen = track;
  const cancel = () => done(seen);
  find("[data-act=cancel]", HTMLButtonElement, form).addEventListener("click", cancel);
  form.addEventListener("keydown", (event) => {
    if (event.key === "Escape") cancel();
    event.stopPropagation();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const changes = changesOf(seen, new FormData(form));
    if (Object.keys(changes).length === 0) return done(seen);
    try {
      const saved = await api.correct(seen.id, seen.version, changes);
      say(`Saved ${saved.title}`);
      done(saved);
    } catch (error) {
      if (error instanceof api.Problem && error.status === 412) seen = await newest(seen);
      complain(error, "Saving");
    }
  });
  return make("tr", { "data-id": track.id, class: "editing" }, make("td", { colspan: COLUMNS }, form));
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

/** Somebody else was faster: the fields stay, and saving again goes over the newer version.
 * @param {Track} track */
async function newest(track) {
  try {
    return await api.track(track.id);
  } catch {
    return track;
  }
}

/** @param {Track} track */
function tempoField(track) {
  const input = make("input", {
    name: "bpm",
    type: "number",
    min: 20,
    max: 400,
    step: 0.01,
    value: rounded(track.bpm),
    placeholder: "measured",
  });
  const times = (/** @type {number} */ factor) => () => {
    if (input.value) input.value = String(rounded(input.valueAsNumber * factor));
  };
  const set = (/** @type {number | null} */ bpm) => () => {
    input.value = bpm === null ? "" : String(rounded(bpm));
  };
  const other = track.bpm_alternative;
  return make(
    "div",
    { class: "tempo-field" },
    field("BPM", input),
    quick("÷2", "Half the tempo", times(0.5)),
    quick("×2", "Double the tempo", times(2)),
    other !== null && quick(String(rounded(other)), "Use the other likely tempo", set(other)),
    track.bpm_corrected && quick("Measured", "Go back to the measured tempo", set(null)),
  );
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

/** @param {string} text @param {string} title @param {() => void} onclick */
function quick(text, title, onclick) {
  return make("button", { type: "button", class: "plain", title, onclick }, text);
}

/** @param {number | null} bpm */
function rounded(bpm) {
  return bpm === null ? null : Math.round(bpm * 100) / 100;
}
