// Server-sent events over fetch: EventSource cannot send a key.

import { send } from "./api.js";
import { sleep } from "./timing.js";

const SILENCE_MILLISECONDS = 45_000; // three of the service's heartbeats
const FIRST_PAUSE_MILLISECONDS = 500;
const LONGEST_PAUSE_MILLISECONDS = 4_000;
/** Answers after which it is of no use to ask again. */
const FINAL_REFUSALS = [401, 403, 404];

/**
 * Follow a stream until it is over or `signal` aborts, and reconnect after the last event seen.
 * A hidden tab closes its connection (a browser allows six per host) and reconnects when it is
 * shown again.
 *
 * @param onEvents called with each batch of `{type, data}`
 * @param onState  called with "live", "waiting" or "over"
 * @param replay   whether a new connection first replays the events missed; without it the
 *   listener looks at the present state itself (what all experiments did meanwhile may be long)
 */
export async function follow(path, { onEvents, onState = () => {}, signal, replay = true }) {
  const seen = { id: null };
  let pause = FIRST_PAUSE_MILLISECONDS;
  while (!signal.aborted) {
    await untilVisible(signal);
    const connection = new AbortController();
    const stop = () => connection.abort();
    const stopWhenHidden = () => document.hidden && stop();
    signal.addEventListener("abort", stop);
    document.addEventListener("visibilitychange", stopWhenHidden);
    try {
      const headers = { accept: "text/event-stream", ...(replay && seen.id ? { "last-event-id": seen.id } : {}) };
      const response = await send(path, { headers, signal: connection.signal });
      if (response.status === 204) break;
      onState("live");
      pause = FIRST_PAUSE_MILLISECONDS;
      await read(response.body, seen, onEvents, stop);
    } catch (error) {
      if (FINAL_REFUSALS.includes(error.status)) break;
    } finally {
      signal.removeEventListener("abort", stop);
      document.removeEventListener("visibilitychange", stopWhenHidden);
    }
    if (signal.aborted) return;
    onState("waiting");
    await sleep(pause, signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MILLISECONDS);
  }
  if (!signal.aborted) onState("over");
}

async function read(body, seen, onEvents, stop) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  const split = eventSplitter(seen);
  let watchdog = null;
  try {
    for (;;) {
      clearTimeout(watchdog);
      watchdog = setTimeout(stop, SILENCE_MILLISECONDS);
      const { value, done } = await reader.read();
      if (done) return;
      const events = split(value);
      if (events.length) onEvents(events);
    }
  } finally {
    clearTimeout(watchdog);
  }
}

/**
 * Return a function that takes pieces of a stream's text, wherever they were cut, and returns the
 * events that each piece completes. `seen.id` becomes the id of the last one.
 */
export function eventSplitter(seen) {
  let rest = "";
  return (piece) => {
    const blocks = (rest + piece).split("\n\n");
    rest = blocks.pop();
    return blocks.map((block) => parse(block, seen)).filter(Boolean);
  };
}

/** Return the event of a block of lines, or null where it is a comment. */
function parse(block, seen) {
  let type = "message";
  let data = "";
  for (const line of block.split("\n")) {
    const [, name, value] = /^(\w*): ?(.*)$/.exec(line) ?? [];
    if (name === "event") type = value;
    else if (name === "data") data += value;
    else if (name === "id") seen.id = value;
  }
  return data ? { type, data: JSON.parse(data) } : null;
}

function untilVisible(signal) {
  return new Promise((resolve) => {
    if (!document.hidden || signal.aborted) return resolve();
    const check = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", check);
      signal.removeEventListener("abort", check);
      resolve();
    };
    document.addEventListener("visibilitychange", check);
    signal.addEventListener("abort", check);
  });
}
