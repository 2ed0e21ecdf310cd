// @ts-check
/**
 * Runs once for all windows of a browser and tells each what it hears: browsers open six
 * connections to a server, so the seventh window with a stream of its own would stand still.
 */

const EVENTS = "/api/v1/jobs/events";
const RECENT_MS = 60_000;
const OVER = ["done", "failed"];

/** @type {Set<MessagePort>} */
const windows = new Set();
/** @type {Map<string, {text: string, isOver: boolean, heard_ms: number}>} by job */
const told = new Map();
/** @type {EventSource | null} */
let stream = null;

addEventListener("connect", (event) => {
  const [port] = /** @type {MessageEvent} */ (event).ports;
  windows.add(port);
  port.addEventListener("message", () => leave(port));
  port.start();
  if (stream === null) return open();
  if (stream.readyState === EventSource.OPEN) tell(port, "open");
  // As a stream of its own would begin: what is under way, and what has just changed.
  forgetOld();
  for (const { text } of told.values()) tell(port, "job", text);
});

function open() {
  const own = (stream = new EventSource(EVENTS));
  own.addEventListener("open", () => tellAll("open"));
  own.addEventListener("job", ({ data }) => hear(data));
  own.addEventListener("error", () => {
    tellAll("error");
    if (own.readyState === EventSource.CLOSED) close();
  });
}

function close() {
  stream?.close();
  stream = null;
  told.clear();
}

/** @param {string} text */
function hear(text) {
  const { id, state } = JSON.parse(text);
  forgetOld();
  told.delete(id);
  told.set(id, { text, isOver: OVER.includes(state), heard_ms: Date.now() });
  tellAll("job", text);
}

function forgetOld() {
  const since_ms = Date.now() - RECENT_MS;
  for (const [id, { isOver, heard_ms }] of told) {
    if (isOver && heard_ms < since_ms) told.delete(id);
  }
}

/** @param {MessagePort} port */
function leave(port) {
  windows.delete(port);
  if (windows.size === 0) close();
}

/** @param {string} type @param {string} [text] */
function tellAll(type, text) {
  windows.forEach((port) => tell(port, type, text));
}

/** @param {MessagePort} port @param {string} type @param {string} [text] */
function tell(port, type, text) {
  port.postMessage({ type, state: stream?.readyState ?? EventSource.CLOSED, text });
}

export {};
