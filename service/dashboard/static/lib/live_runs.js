// Runs of any experiments, kept up to date by one stream of all experiments: a browser has six
// connections per host, and there may be more runs than that.

import { get } from "./api.js";
import { applyEvent, recordEpoch } from "./run_events.js";
import { hasEnded } from "./statuses.js";
import { follow } from "./stream.js";
import { throttle } from "./timing.js";

const EVENT_TYPES = ["run.started", "run.epoch", "run.requeued", "run.finished"];
const CHANGE_MILLISECONDS = 250;
const RELOAD_MILLISECONDS = 700;
const RETRY_MILLISECONDS = 2_000;

export class LiveRuns {
  /** @param onChange called after anything changed, at most four times a second */
  constructor(ids, signal, onChange) {
    this.ids = ids;
    this.signal = signal;
    this.runs = new Map(); // by id
    this.histories = new Map(); // by run id
    this.missing = []; // ids without a run
    this.connection = "over";
    this.stale = new Set(); // ids of runs to be fetched again
    this.eventsDuringReload = null; // null: no reload is under way
    this.following = new AbortController();
    signal.addEventListener("abort", () => this.following.abort());
    this.changed = throttle(CHANGE_MILLISECONDS, () => !signal.aborted && onChange());
    this.refresh = throttle(RELOAD_MILLISECONDS, () => this.reload());
  }

  /** Load the runs in the order of their ids; ids without a run go to `missing`. */
  async load() {
    const answers = await Promise.all(this.ids.map((id) => this.fetch(id)));
    this.missing = this.ids.filter((_, index) => !answers[index]);
    for (const answer of answers) if (answer) this.store(answer);
  }

  get finished() {
    return [...this.runs.values()].every(hasEnded);
  }

  /** Follow the runs until all of them have ended. */
  follow() {
    if (this.finished) return;
    follow(`/v1/events?${new URLSearchParams(EVENT_TYPES.map((type) => ["type", type]))}`, {
      signal: this.following.signal,
      replay: false,
      onEvents: (events) => {
        for (const event of events) this.receive(event);
      },
      onState: (state) => {
        this.connection = state;
        this.changed();
      },
    });
  }

  receive(event) {
    if (event.type === "stream.opened") this.catchUp();
    else if (this.runs.has(event.data.run_id)) {
      this.eventsDuringReload?.push(event);
      this.apply(event);
    }
  }

  /** A new stream reports what comes; what came before is fetched. */
  catchUp() {
    for (const run of this.runs.values()) if (!hasEnded(run)) this.stale.add(run.id);
    this.refresh();
  }

  apply({ type, data }) {
    const run = this.runs.get(data.run_id);
    if (type === "run.epoch") recordEpoch(this.histories, run.id, data);
    if (type === "run.finished" && !hasEnded(run)) {
      this.stale.add(run.id);
      this.refresh();
    }
    applyEvent(run, { type, data });
    this.changed();
  }

  /** Fetch the stale runs. Events that came meanwhile may be newer than the answers, so they are applied again. */
  async reload() {
    if (this.eventsDuringReload) return this.refresh(); // the last answers are still to come
    const ids = [...this.stale];
    this.stale.clear();
    this.eventsDuringReload = [];
    const answers = await Promise.allSettled(ids.map((id) => this.fetch(id)));
    const events = this.eventsDuringReload;
    this.eventsDuringReload = null;
    if (this.signal.aborted) return;
    for (const [index, { status, value }] of answers.entries()) {
      if (status === "rejected") this.stale.add(ids[index]);
      else if (value) this.store(value);
    }
    for (const event of events) this.apply(event);
    if (this.stale.size && this.connection !== "over") setTimeout(this.refresh, RETRY_MILLISECONDS);
    else if (this.finished) this.stop();
    this.changed();
  }

  stop() {
    this.following.abort();
    this.connection = "over";
  }

  /** Return a run with its history, or null where there is no such run. */
  async fetch(id) {
    const path = `/v1/runs/${encodeURIComponent(id)}`;
    try {
      const [run, history] = await Promise.all([get(path, {}, this.signal), get(`${path}/history`, {}, this.signal)]);
      return { run, history };
    } catch (error) {
      if ([404, 422].includes(error.status)) return null;
      throw error;
    }
  }

  store({ run, history }) {
    this.runs.set(run.id, Object.assign(this.runs.get(run.id) ?? {}, run));
    this.histories.set(run.id, history);
  }
}
