// @ts-check
/** Keys for the whole page. */

import { find, isField } from "./dom.js";

/** @import { Player } from "./player.js" */

const SEEK_S = 5;
const CUES = [1, 2, 3, 4, 5];
/** What goes on while the key is held down. */
const REPEATED = ["ArrowLeft", "ArrowRight", "+", "-"];
/** What moves the focus. */
const MOVES = ["Tab", "ArrowUp", "ArrowDown"];

/** @param {Player} player */
export function bindShortcuts(player) {
  const help = find("#help", HTMLDialogElement);
  /** @type {Record<string, () => void>} */
  const acts = {
    " ": () => player.toggle(),
    ArrowLeft: () => player.seekBy(-SEEK_S),
    ArrowRight: () => player.seekBy(SEEK_S),
    n: () => player.step(1),
    p: () => player.step(-1),
    m: () => player.mute(),
    "+": () => player.zoomBy(2),
    "-": () => player.zoomBy(0.5),
    "/": () => find("#q", HTMLInputElement).focus(),
    "?": () => help.showModal(),
    ...Object.fromEntries(CUES.map((number) => [number, () => player.cue(number)])),
  };
  const isClicked = lastFocus();
  let isHeld = false;
  addEventListener("keydown", (event) => {
    const act = acts[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey || isTaken(event, isClicked())) return;
    event.preventDefault();
    isHeld ||= event.key === " ";
    if (!event.repeat || REPEATED.includes(event.key)) act();
  });
  // Some browsers press a button when the key is let go.
  addEventListener("keyup", (event) => {
    if (event.key !== " " || !isHeld) return;
    isHeld = false;
    event.preventDefault();
  });
  for (const button of document.querySelectorAll("[data-act=help]")) {
    button.addEventListener("click", () => help.showModal());
  }
}

/**
 * Tells whether the focus was left where it is by a click: who clicks on a row and pauses with
 * the space bar, tracks later, does not mean that row.
 */
function lastFocus() {
  let isClicked = false;
  addEventListener("pointerdown", () => (isClicked = true), true);
  addEventListener("keydown", ({ key }) => (isClicked &&= !MOVES.includes(key)), true);
  return () => isClicked;
}

/** Whether what holds the focus has its own use for the key.
 * @param {KeyboardEvent} event @param {boolean} isClicked */
function isTaken({ key, target }, isClicked) {
  if (isField(target) || document.querySelector("dialog[open]")) return true;
  if (!(target instanceof Element)) return false;
  if (key === " ") return target.matches(isClicked ? "input" : "button, a, summary, input");
  return key.startsWith("Arrow") && target.matches("input");
}
