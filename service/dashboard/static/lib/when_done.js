// Waiting for an experiment's end also while the tab is hidden, when its stream of events is closed.

import { send } from "./api.js";
import { isActive } from "./statuses.js";
import { sleep } from "./timing.js";

const WAIT_SECONDS = 60;
const PAUSE_MILLISECONDS = 5_000;

/** Return the experiment once it has ended; null where `signal` aborts before. */
export async function whenDone(id, signal) {
  // Not through the browser's cache, where other requests for the experiment would wait behind this one.
  const headers = { prefer: `wait=${WAIT_SECONDS}` };
  while (!signal.aborted) {
    try {
      const experiment = await (await send(`/v1/experiments/${id}`, { headers, signal, cache: "no-store" })).json();
      if (!isActive(experiment)) return experiment;
    } catch (error) {
      if (error.status === 404) return null;
      if (!signal.aborted) await sleep(PAUSE_MILLISECONDS, signal);
    }
  }
  return null;
}

/** Return the title of an experiment's tab: how far it has got, then that it has ended. */
export function tabTitle(experiment, name) {
  const begin = isActive(experiment)
    ? `${Math.floor(100 * experiment.progress)}%`
    : { completed: "✓" }[experiment.status];
  return `${[begin ?? "✕", name].join(" ")} · Actinium`;
}
