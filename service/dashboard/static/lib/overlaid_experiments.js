// Several experiments with their runs and histories, loaded again while some of them train.

import { all, find, get } from "./api.js";
import { isTooLarge } from "./live_experiment.js";
import { isActive, isResultPending } from "./statuses.js";
import { follow } from "./stream.js";
import { throttle } from "./timing.js";

const RELOAD_MILLISECONDS = 3_000;

export class OverlaidExperiments {
  /** @param onChange called after anything changed */
  constructor(ids, signal, onChange) {
    Object.assign(this, { ids, signal, onChange });
    this.experiments = new Map(); // by id, in the order of the ids
    this.runs = new Map(); // by id
    this.histories = new Map(); // by run id
    this.missing = []; // ids without an experiment
    this.tooLarge = []; // experiments whose histories are too many for a page
    this.connection = "over";
    this.following = new AbortController();
    signal.addEventListener("abort", () => this.following.abort());
  }

  /** Load the experiments in the order of their ids; ids without one go to `missing`. */
  async load() {
    const answers = await Promise.all(this.ids.map((id) => this.fetch(id)));
    this.missing = this.ids.filter((_, index) => !answers[index]);
    for (const answer of answers) if (answer) this.store(answer);
  }

  /** Return an experiment with its runs and histories, or null where there is none. */
  async fetch(id) {
    const path = `/v1/experiments/${encodeURIComponent(id)}`;
    try {
      const experiment = await find(path, {}, this.signal);
      if (!experiment) return null;
      const [runs, { histories }] = await Promise.all([
        all("/v1/runs", { experiment_id: experiment.id, order_by: "position" }, this.signal),
        isTooLarge(experiment) ? { histories: [] } : get(`${path}/histories`, {}, this.signal),
      ]);
      return { experiment, runs, histories };
    } catch (error) {
      if (error.status === 422) return null;
      throw error;
    }
  }

  /** Return an experiment alone: its runs have ended. */
  async fetchLeader(id) {
    return { experiment: await get(`/v1/experiments/${id}`, {}, this.signal), runs: [], histories: [] };
  }

  store({ experiment, runs, histories }) {
    this.experiments.set(experiment.id, experiment);
    for (const run of runs) this.runs.set(run.id, run);
    for (const { run_id: id, epoch, metrics } of histories) this.histories.set(id, { epoch, metrics });
    if (isTooLarge(experiment) && !this.tooLarge.some(({ id }) => id === experiment.id)) this.tooLarge.push(experiment);
  }

  get active() {
    return [...this.experiments.values()].filter(isActive);
  }

  /** Those that have ended and whose leader is not worked out yet; no event tells of it. */
  get pending() {
    return [...this.experiments.values()].filter(isResultPending);
  }

  /** Follow the experiments until all of them have ended. */
  follow() {
    this.reloadSoon = throttle(RELOAD_MILLISECONDS, () => this.reload());
    if (this.pending.length) this.reloadSoon();
    if (!this.active.length) return;
    follow("/v1/events", {
      signal: this.following.signal,
      replay: false,
      onEvents: (events) => {
        if (events.some(({ type, data }) => type === "stream.opened" || this.experiments.has(data.experiment_id)))
          this.reloadSoon();
      },
      onState: (state) => {
        this.connection = state;
        if (!this.signal.aborted) this.onChange();
      },
    });
  }

  /** Load again what may have changed. */
  async reload() {
    const again = [
      ...this.active.map(({ id }) => this.fetch(id)),
      ...this.pending.map(({ id }) => this.fetchLeader(id)),
    ];
    const answers = await Promise.allSettled(again);
    if (this.signal.aborted) return;
    for (const { value } of answers) if (value) this.store(value);
    if (this.pending.length) this.reloadSoon();
    if (!this.active.length) {
      this.following.abort();
      this.connection = "over";
    }
    this.onChange();
  }
}
