// @ts-check
/** The system's own controls: lock screen, headset buttons, media keys. */

/** @import { Track } from "./types.js" */
/** @import { Playback } from "./playback.js" */

const JUMP_S = 10;

/**
 * @param {Playback} playback
 * @param {{previous: () => void, next: () => void}} order
 */
export function bindMediaSession(playback, order) {
  if (!("mediaSession" in navigator)) return;
  const session = navigator.mediaSession;
  const jump = (/** @type {number} */ step_s) => playback.seek(playback.at + step_s);
  session.setActionHandler("play", () => playback.play());
  session.setActionHandler("pause", () => playback.pause());
  session.setActionHandler("previoustrack", order.previous);
  session.setActionHandler("nexttrack", order.next);
  session.setActionHandler("seekto", ({ seekTime }) => playback.seek(seekTime ?? 0));
  session.setActionHandler("seekbackward", ({ seekOffset }) => jump(-(seekOffset ?? JUMP_S)));
  session.setActionHandler("seekforward", ({ seekOffset }) => jump(seekOffset ?? JUMP_S));
}

/** @param {Track | null} track */
export function describeMedia(track) {
  if (!("mediaSession" in navigator)) return;
  navigator.mediaSession.metadata = track
    ? new MediaMetadata({
        title: track.title,
        artist: track.artist ?? "",
        album: track.album ?? "",
        artwork: track.cover_url ? [{ src: track.cover_url, type: "image/jpeg" }] : [],
      })
    : null;
}

/** @param {Playback} playback */
export function placeMedia(playback) {
  if (!("mediaSession" in navigator) || !playback.track) return;
  const { duration_s } = playback.track;
  navigator.mediaSession.playbackState = playback.playing ? "playing" : "paused";
  navigator.mediaSession.setPositionState({
    duration: duration_s,
    position: Math.min(playback.at, duration_s),
  });
}
