// @ts-check
/** Search and filters above the table. */

import { WHEEL, byCode } from "./camelot.js";
import { find, make } from "./dom.js";
import { leading } from "./focus.js";

/** @import { Filter } from "./types.js" */

const TYPING_MS = 250;

/** @param {(filter: Filter) => void} narrow called with what the fields say, after a short rest */
export function bindFilters(narrow) {
  const form = find("#filters", HTMLFormElement);
  const wheel = find("#wheel", HTMLElement);
  let rest = 0;
  const later = () => {
    clearTimeout(rest);
    rest = setTimeout(now, TYPING_MS);
  };
  const now = () => {
    clearTimeout(rest);
    const filter = filterOf(new FormData(form));
    showKey(filter.key);
    const isAll = Object.values(filter).every((value) => !value);
    const show = () => void (find("#clear", HTMLButtonElement).hidden = isAll);
    leading(show, () => form.querySelector("[name=source]:checked"));
    narrow(filter);
  };
  const clear = () => {
    form.reset();
    field("key").value = "";
    now();
  };
  // The search field stands outside the form that it belongs to.
  for (const control of form.elements) control.addEventListener("input", later);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    now();
  });
  for (const button of document.querySelectorAll("[data-act=clear]")) {
    button.addEventListener("click", clear);
  }
  const any = make("button", { type: "button", class: "any", value: "" }, "Any key");
  wheel.append(any, ...WHEEL.map(wheelButton));
  wheel.addEventListener("click", (event) => {
    const chosen = event.target instanceof Element && event.target.closest("button");
    if (!chosen) return;
    field("key").value = chosen.getAttribute("aria-pressed") === "true" ? "" : chosen.value;
    wheel.hidePopover();
    now();
  });
}

/** @param {string} name */
function field(name) {
  return find(`#filters [name=${name}]`, HTMLInputElement);
}

/** @param {FormData} form @returns {Filter} */
function filterOf(form) {
  const text = (/** @type {string} */ name) => String(form.get(name) ?? "").trim();
  const number = (/** @type {string} */ name) => (Number(text(name)) > 0 ? text(name) : "");
  return {
    q: text("q"),
    bpm_min: number("bpm_min"),
    bpm_max: number("bpm_max"),
    key: text("key"),
    source: text("source"),
  };
}

/** @param {string} code */
function showKey(code) {
  const key = byCode(code);
  find("#key-button-text", HTMLElement).textContent = key ? `${key.code} ${key.name}` : "Any key";
  for (const button of document.querySelectorAll("#wheel .key")) {
    if (button instanceof HTMLButtonElement) button.ariaPressed = String(button.value === code);
  }
}

/** @param {import("./camelot.js").WheelKey} key */
function wheelButton({ code, name, hour, ring }) {
  return make(
    "button",
    {
      type: "button",
      class: "key",
      value: code,
      title: name,
      "aria-label": `${code}, ${name}`,
      "aria-pressed": "false",
      "data-hour": hour,
      "data-ring": ring,
    },
    code,
  );
}
