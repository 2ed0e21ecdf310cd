// @ts-check
/** The Camelot wheel: 24 keys as hours 1 to 12, A for minor and B for major. No page needed. */

const PITCHES = ["C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];

/**
 * @typedef {object} WheelKey
 * @property {string} code such as "8A"
 * @property {string} name such as "A minor"
 * @property {number} hour 1 to 12
 * @property {"A" | "B"} ring
 */

/** Every key in wheel order: 1A, 1B, 2A, ... 12B.
 * @type {readonly WheelKey[]} */
export const WHEEL = PITCHES.flatMap((pitch, tonic) => [
  wheelKey(pitch, tonic, "major"),
  wheelKey(pitch, tonic, "minor"),
]).sort((one, other) => one.hour - other.hour || (one.ring < other.ring ? -1 : 1));

/** @param {string} code @returns {WheelKey | undefined} */
export function byCode(code) {
  return WHEEL.find((key) => key.code === code);
}

/**
 * How two keys go together, or null when they do not.
 * @param {string | null} from @param {string | null} to Camelot codes
 * @returns {"same key" | "one hour up" | "one hour down" | "relative key" | null}
 */
export function harmony(from, to) {
  const one = from && byCode(from);
  const other = to && byCode(to);
  if (!one || !other) return null;
  const step = (other.hour - one.hour + 12) % 12;
  if (one.ring !== other.ring) return step === 0 ? "relative key" : null;
  if (step === 0) return "same key";
  if (step === 1) return "one hour up";
  return step === 11 ? "one hour down" : null;
}

/**
 * The change of tempo, as a share, that lets `to` run at the beat of `from`: the smallest of
 * the plain, the half and the double reading.
 * @param {number | null} from @param {number | null} to beats per minute
 * @returns {number | null}
 */
export function tempoChange(from, to) {
  if (!from || !to) return null;
  const changes = [1, 2, 0.5].map((ratio) => (from * ratio) / to - 1);
  return changes.reduce((best, each) => (Math.abs(each) < Math.abs(best) ? each : best));
}

/** @param {string} pitch @param {number} tonic @param {"major" | "minor"} mode @returns {WheelKey} */
function wheelKey(pitch, tonic, mode) {
  const fifths = ((tonic + (mode === "major" ? 0 : 3)) * 7) % 12;
  const hour = ((fifths + 7) % 12) + 1;
  const ring = mode === "major" ? "B" : "A";
  return { code: `${hour}${ring}`, name: `${pitch} ${mode}`, hour, ring };
}
