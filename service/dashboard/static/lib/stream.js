// Server-sent events over fetch: EventSource cannot send a key.

import { send } from "./api.js";

const SILENCE_MILLISECONDS = 45_000; // three of the service's heartbeats
const LONGEST_PAUSE_MILLISECONDS = 4_000;

/**
 * Follow a stream until it is over or `signal` aborts, reconnecting after the last event seen.
 * A hidden tab lets its connection go (browsers allow six to a host) and goes on when it is
 * looked at again.
 *
 * `onEvents` gets each batch of `{type, data}`; `onState` gets "live", "waiting" or "over". Without
 * `replay` a connection begins with what comes, for those who then look for themselves: what all
 * experiments did while a tab was hidden may be long.
 */
export async function follow(path, { onEvents, onState = () => {}, signal, replay = true }) {
  const seen = { id: null };
  let pause = 500;
  while (!signal.aborted) {
    await untilVisible(signal);
    const connection = new AbortController();
    const stop = () => connection.abort();
    const hide = () => document.hidden && stop();
    signal.addEventListener("abort", stop);
    document.addEventListener("visibilitychange", hide);
    try {
      const headers = { accept: "text/event-stream", ...(replay && seen.id ? { "last-event-id": seen.id } : {}) };
      const response = await send(path, { headers, signal: connection.signal });
      if (response.status === 204) break;
      onState("live");
      pause = 500;
      await read(response.body, seen, onEvents, connection);
    } catch (error) {
      if ([401, 403, 404].includes(error.status)) break;
    } finally {
      signal.removeEventListener("abort", stop);
      document.removeEventListener("visibilitychange", hide);
    }
    if (signal.aborted) return;
    onState("waiting");
    await sleep(pause, signal);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MILLISECONDS);
  }
  if (!signal.aborted) onState("over");
}

async function read(body, seen, onEvents, connection) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let watchdog = null;
  try {
    for (;;) {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => connection.abort(), SILENCE_MILLISECONDS);
      const { value, done } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      const events = blocks.map((block) => parse(block, seen)).filter(Boolean);
      if (events.length) onEvents(events);
    }
  } finally {
    clearTimeout(watchdog);
  }
}

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
    const look = () => {
      if (document.hidden && !signal.aborted) return;
      document.removeEventListener("visibilitychange", look);
      signal.removeEventListener("abort", look);
      resolve();
    };
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look);
  });
}

/** Wait, or until `signal` aborts. */
export function sleep(milliseconds, signal) {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal.addEventListener("abort", end);
  });
}
