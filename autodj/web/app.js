// @ts-check
/** The page: its parts, and who tells whom. Read this first. */

import * as api from "./api.js";
import { find } from "./dom.js";
import { bindFilters } from "./filters.js";
import { readPlace } from "./format.js";
import { bindHints } from "./hints.js";
import { Library } from "./library.js";
import { RETRY_MS, follow } from "./live.js";
import { Player } from "./player.js";
import { bindShortcuts } from "./shortcuts.js";
import { complain } from "./toast.js";
import { Uploads } from "./upload.js";

const TOO_MANY = 429;
const TOO_MANY_WINDOWS = new api.Problem({
  title: "Too many windows of autodj are open",
  hint: `Close one: this one tries again every ${RETRY_MS / 1000} seconds. Until then a reload shows what is new.`,
});

/** @type {{close: () => void} | null} what says why this window hears nothing */
let refusal = null;
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
bindHints();
addEventListener("hashchange", () => void goToPlace());
void start();

async function start() {
  let user;
  try {
    user = await api.me();
  } catch (error) {
    complain(error);
    return;
  }
  find("#user", HTMLElement).textContent = user.name;
  await library.reload();
  await goToPlace();
  follow(user.id, { job: hear, connection: showConnection, refused: explain });
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
  if (!connected) return;
  refusal?.close();
  refusal = null;
}

/** @param {api.Problem} why this window hears nothing */
function explain(why) {
  if (refusal || why.status === 401) return;
  refusal = complain(why.status === TOO_MANY ? TOO_MANY_WINDOWS : why, "Live");
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
