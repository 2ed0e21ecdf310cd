// @ts-check
/** The ways in for files: buttons that open a picker, and the whole page for drops. */

import { find } from "./dom.js";
import { droppedFiles } from "./dropped.js";
import { complain } from "./toast.js";

/** @param {(files: File[]) => void} take */
export function bindPickers(take) {
  for (const id of ["files", "folder"]) {
    const input = find(`#${id}`, HTMLInputElement);
    input.addEventListener("change", () => {
      take([...(input.files ?? [])].filter((file) => !file.name.startsWith(".")));
      input.value = "";
    });
    for (const button of document.querySelectorAll(`[data-pick=${id}]`)) {
      button.addEventListener("click", () => input.click());
    }
  }
}

/** @param {(files: File[]) => void} take */
export function bindDrop(take) {
  const over = (/** @type {boolean} */ is) => document.body.toggleAttribute("data-dragging", is);
  const hasFiles = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
  addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    over(true);
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) over(false);
  });
  addEventListener("drop", (event) => {
    over(false);
    if (!event.dataTransfer || !hasFiles(event)) return;
    event.preventDefault();
    droppedFiles(event.dataTransfer).then(take, complain);
  });
}
