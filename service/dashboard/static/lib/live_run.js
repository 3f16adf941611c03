// One run with its history and its events, kept up to date.

import { get } from "./api.js";
import { applyEvent, recordEpoch } from "./run_events.js";
import { follow } from "./stream.js";
import { throttle } from "./timing.js";

const CLOCK_MARGIN_MILLISECONDS = 2_000;
const CHANGE_MILLISECONDS = 250;
const RELOAD_MILLISECONDS = 600;

export class LiveRun {
  /** @param onChange called after anything changed, at most four times a second */
  constructor(id, signal, onChange) {
    this.id = id;
    this.signal = signal;
    this.run = null;
    this.histories = new Map(); // with its own history alone
    this.events = []; // all of them, from the first
    this.connection = "over";
    this.loadedAt = null;
    this.changed = throttle(CHANGE_MILLISECONDS, () => !signal.aborted && onChange());
    this.refresh = throttle(RELOAD_MILLISECONDS, () => this.reload());
  }

  get history() {
    return this.histories.get(this.id);
  }

  async load() {
    const loadedAt = Date.now() - CLOCK_MARGIN_MILLISECONDS;
    const [run, history] = await Promise.all([
      get(`/v1/runs/${this.id}`, {}, this.signal),
      get(`/v1/runs/${this.id}/history`, {}, this.signal),
    ]);
    Object.assign(this, { run, loadedAt });
    this.histories.set(this.id, history);
  }

  async reload() {
    try {
      await this.load();
      this.changed();
    } catch {
      // The stream reconnects, and its next event asks again.
    }
  }

  /** Follow the run from its first event until it has ended. */
  follow() {
    follow(`/v1/runs/${this.id}/events`, {
      signal: this.signal,
      onEvents: (events) => {
        for (const event of events) this.apply(event);
        this.changed();
      },
      onState: (state) => {
        this.connection = state;
        this.changed();
      },
    });
  }

  apply({ type, data }) {
    if (type !== "run.progress") this.events.push({ type, data });
    if (type === "run.epoch") recordEpoch(this.histories, this.id, data);
    // Older events are in the run that was loaded already.
    if (data.created_at && Date.parse(data.created_at) <= this.loadedAt) return;
    applyEvent(this.run, { type, data });
    if (!["run.progress", "run.epoch"].includes(type)) this.refresh();
  }
}
