// @ts-check
/** Short messages: what happened, and what to do about it. */

import { Problem } from "./api.js";
import { find, icon, make } from "./dom.js";
import { leading } from "./focus.js";

const SHOWN_MS = 6000;

/** Good news; goes by itself. @param {string} text */
export function say(text) {
  const { close } = show("#notices", "notice", text, "");
  setTimeout(close, SHOWN_MS);
}

/**
 * Bad news; stays until it is closed, by a hand or by what is returned. Being signed out has its
 * own screen.
 * @param {unknown} error @param {string} [doing] what failed, as "Saving"
 */
export function complain(error, doing) {
  if (error instanceof Problem) {
    if (error.status === 401) return null;
    const text = doing ? `${doing}: ${error.message}` : error.message;
    return show("#alerts", "alert", text, error.hint);
  }
  console.error(error);
  return show("#alerts", "alert", "The page made a mistake", "Reload it; your library is safe.");
}

/** @param {string} where @param {string} kind @param {string} text @param {string} hint */
function show(where, kind, text, hint) {
  const list = find(where, HTMLElement);
  for (const same of list.querySelectorAll(".toast")) {
    if (same.querySelector(".toast-text")?.textContent === text) same.remove();
  }
  /** @type {Element | null} */
  let before = null;
  const close = () => leading(() => toast.remove(), () => before);
  const toast = make(
    "div",
    { class: `toast ${kind}` },
    make(
      "div",
      {},
      make("p", { class: "toast-text" }, text),
      hint ? make("p", { class: "toast-hint" }, hint) : null,
    ),
    make("button", { class: "quiet", "aria-label": "Dismiss", onclick: close }, icon("close")),
  );
  toast.addEventListener("focusin", ({ relatedTarget }) => {
    before = relatedTarget instanceof Element ? relatedTarget : null;
  });
  list.append(toast);
  return { close };
}
