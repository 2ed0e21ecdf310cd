// @ts-check
/** Where the focus goes when what holds it goes away: else the next key begins at the page's top. */

/**
 * Change the page, and lead on whoever was at something that is gone then.
 * @param {() => void} change @param {() => Element | null | undefined} heir looked for afterwards
 */
export function leading(change, heir) {
  const held = document.activeElement;
  change();
  if (!held || held === document.body || isSeen(held)) return;
  const next = heir();
  if (next instanceof HTMLElement) next.focus();
}

/** @param {Element} element */
export function isSeen(element) {
  return element.checkVisibility({ visibilityProperty: true });
}

/** Say whether a button is of use now. Unlike a disabled one it keeps the focus.
 * @param {HTMLButtonElement} button @param {boolean} isOfUse */
export function offer(button, isOfUse) {
  button.ariaDisabled = String(!isOfUse);
}
