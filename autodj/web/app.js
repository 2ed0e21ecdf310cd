// @ts-check
/** The page: its parts, and who tells whom. Read this first. */

import * as api from "./api.js";
import { find } from "./dom.js";
import { bindFilters } from "./filters.js";
import { readPlace } from "./format.js";
import { Library } from "./library.js";
import { follow } from "./live.js";
import { Player } from "./player.js";
import { bindShortcuts } from "./shortcuts.js";
import { complain } from "./toast.js";
import { Uploads } from "./upload.js";

/** @type {Player} */
const player = new Player({
  beside: (track, step) => library.beside(track, step),
  changed: (track, playing) => library.showPlaying(track, playing),
});
/** @type {Library} */
const library = new Library({
  play: (track) => player.choose(track),
  changed: (track) => player.update(track),
  removed: (id) => player.forget(id),
  place: (id) => player.placeOf(id),
});
const uploads = new Uploads({
  added: (track) => library.put(track),
  removed: (id) => library.forget(id),
});

document.addEventListener("autodj:signed-out", () => {
  document.body.dataset.view = "signed-out";
  if (player.track) player.forget(player.track.id);
});
find("#log-out", HTMLButtonElement).addEventListener("click", () => void logOut());
bindFilters((filter) => void library.narrow(filter));
bindShortcuts(player);
addEventListener("hashchange", () => void goToPlace());
void start();

async function start() {
  let user;
  try {
    user = await api.me();
  } catch (error) {
    return complain(error);
  }
  find("#user", HTMLElement).textContent = user.name;
  await library.reload();
  await goToPlace();
  follow(user.id, { job: hear, connection: showConnection });
}

async function logOut() {
  try {
    await api.logOut();
    location.reload();
  } catch (error) {
    complain(error, "Logging out");
  }
}

/** @param {import("./types.js").Job} job */
function hear(job) {
  uploads.hear(job);
  void library.hear(job);
}

/** @param {boolean} connected */
function showConnection(connected) {
  const light = find("#live", HTMLElement);
  light.dataset.state = connected ? "on" : "off";
  light.textContent = connected ? "Live" : "Reconnecting";
}

/** Open what the address names: a track, a time in it, or a time in the first track. */
async function goToPlace() {
  const { track: id, at } = readPlace(location.hash);
  if (id === null && at === null) return;
  if (id === null && player.track) return player.seek(at ?? 0);
  if (id !== null && id === player.track?.id) return player.seek(at ?? 0);
  try {
    const track = id === null ? library.first() : (library.get(id) ?? (await api.track(id)));
    if (track) player.open(track, { at: at ?? 0, play: false });
  } catch (error) {
    complain(error, "Opening the link");
  }
}
