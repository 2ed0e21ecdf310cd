// @ts-check
/** What is said to who points at a word is said to a finger that taps it. */

import { find } from "./dom.js";

const GAP_PX = 6;
/** What does something of its own when it is tapped. */
const ACTS = "a, button, input, label, select, summary";

export function bindHints() {
  const hint = find("#hint", HTMLElement);
  let isTouch = false;
  addEventListener("pointerdown", ({ pointerType }) => (isTouch = pointerType === "touch"), true);
  addEventListener("scroll", () => hint.hidePopover(), true);
  document.addEventListener("click", ({ target }) => {
    const told = isTouch && target instanceof Element && !target.closest(ACTS) && target.closest("[title]");
    if (told instanceof HTMLElement) show(hint, told);
  });
}

/** Above it, or below where there is no room. @param {HTMLElement} hint @param {HTMLElement} told */
function show(hint, told) {
  hint.textContent = told.title;
  hint.showPopover();
  const { left, right, top, bottom } = told.getBoundingClientRect();
  const { width, height } = hint.getBoundingClientRect();
  const middle = (left + right - width) / 2;
  const above = top - height - GAP_PX;
  hint.style.left = `${Math.max(GAP_PX, Math.min(middle, innerWidth - width - GAP_PX))}px`;
  hint.style.top = `${above >= GAP_PX ? above : bottom + GAP_PX}px`;
}
