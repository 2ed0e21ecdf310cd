// @ts-check
/** The facts of what plays: a line in the player, and a table that opens from it. */

import { find, make } from "./dom.js";
import { briefFacts, factsOf } from "./facts.js";

/** @import { Fact } from "./facts.js" */
/** @import { Analysis, Track } from "./types.js" */

/** How the file's word stands to ours, in words. @type {Record<Fact["sign"], string>} */
const SIGNS = {
  agrees: "agrees",
  differs: "differs",
  half: "half of ours",
  double: "twice ours",
  "": "",
};

/** @param {Track} track @param {Analysis | null} analysis null while there is none */
export function showFacts(track, analysis) {
  const button = find("#facts-button", HTMLButtonElement);
  const rows = analysis === null ? [] : factsOf(track, analysis);
  button.hidden = rows.length === 0;
  if (analysis === null || button.hidden) return;
  const brief = briefFacts(track, analysis);
  const parts = brief.map((text) => make("span", {}, text));
  button.replaceChildren(...(parts.length ? parts : ["Measured"]), make("span", { class: "sr-only" }, "all facts"));
  const doubted = rows.some(({ sign }) => sign !== "" && sign !== "agrees");
  button.toggleAttribute("data-doubted", doubted);
  find("#facts tbody", HTMLTableSectionElement).replaceChildren(...rows.map(factRow));
}

/** @param {Fact} fact */
function factRow({ name, measured, more, said, sign }) {
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, name),
    make("td", {}, measured || "–", more && make("small", {}, more)),
    make(
      "td",
      { class: "said" },
      said || "–",
      sign && make("small", { "data-sign": sign }, SIGNS[sign]),
    ),
  );
}
