// @ts-check
/** How loud the player is; kept between visits. */

import { find } from "./dom.js";

const KEPT_AS = "autodj.volume";

/** @param {HTMLAudioElement} audio */
export function bindVolume(audio) {
  const slider = find("#volume", HTMLInputElement);
  const button = find("[data-act=mute]", HTMLButtonElement);
  slider.value = localStorage.getItem(KEPT_AS) ?? "100";
  // Loudness is heard as a power of the amplitude, so the slider's middle is not half of it.
  const apply = () => {
    audio.volume = (slider.valueAsNumber / 100) ** 2;
  };
  apply();
  slider.addEventListener("input", () => {
    apply();
    audio.muted = false;
    localStorage.setItem(KEPT_AS, slider.value);
  });
  audio.addEventListener("volumechange", () => {
    button.setAttribute("aria-pressed", String(audio.muted));
  });
}
