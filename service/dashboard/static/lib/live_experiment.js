// One experiment with its runs and histories, kept up to date by its events.

import { all, find, get } from "./api.js";
import { epochMetrics } from "./metrics.js";
import { applyEvent, recordEpoch } from "./run_events.js";
import { isActive } from "./statuses.js";
import { follow } from "./stream.js";
import { throttle } from "./timing.js";

/** An experiment with more values is not fetched as histories; the API's pictures show its means. */
const MOST_VALUES = 4_000_000;
const CLOCK_MARGIN_MILLISECONDS = 2_000;
const CHANGE_MILLISECONDS = 250;
const EXPERIMENT_MILLISECONDS = 1_500;
const RUNS_MILLISECONDS = 700;
const RETRY_MILLISECONDS = 2_000;
/** More runs than this are fetched as a list. */
const MOST_SINGLE_RUNS = 8;

/** Whether an experiment has too many values to fetch its histories. */
export function isTooLarge({ runs, spec }) {
  return runs.total * spec.epochs * epochMetrics([]).length > MOST_VALUES;
}

export class LiveExperiment {
  /** @param onChange called after anything changed, at most four times a second */
  constructor(id, signal, onChange) {
    this.id = id;
    this.signal = signal;
    this.experiment = null;
    this.runs = new Map(); // by id
    this.histories = new Map(); // by run id
    this.tooLarge = false;
    this.version = 0; // of the results: grows when a run ends
    this.connection = "over";
    this.loadedAt = null;
    this.staleRuns = new Set(); // ids of runs that ended since they were fetched
    this.changed = throttle(CHANGE_MILLISECONDS, () => !signal.aborted && onChange());
    this.refreshExperiment = throttle(EXPERIMENT_MILLISECONDS, () => this.reloadExperiment());
    this.refreshRuns = throttle(RUNS_MILLISECONDS, () => this.reloadRuns());
  }

  /** Load everything there is now. */
  async load() {
    const path = `/v1/experiments/${this.id}`;
    this.loadedAt = Date.now() - CLOCK_MARGIN_MILLISECONDS;
    this.experiment = await get(path, {}, this.signal);
    this.tooLarge = isTooLarge(this.experiment);
    const [listed, recorded] = await Promise.all([
      this.listRuns(),
      this.tooLarge ? { histories: [] } : get(`${path}/histories`, {}, this.signal),
    ]);
    for (const run of listed) this.runs.set(run.id, run);
    for (const { run_id: id, epoch, metrics } of recorded.histories) this.histories.set(id, { epoch, metrics });
  }

  listRuns() {
    return all("/v1/runs", { experiment_id: this.id, order_by: "position" }, this.signal);
  }

  get finished() {
    return !isActive(this.experiment);
  }

  /** Follow the experiment until it is over. */
  follow() {
    if (this.finished) return;
    follow(`/v1/experiments/${this.id}/events`, {
      signal: this.signal,
      onEvents: (events) => this.applyAll(events),
      onState: (state) => {
        this.connection = state;
        if (state === "over") this.refreshExperiment();
        this.changed();
      },
    });
  }

  applyAll(events) {
    for (const event of events) this.apply(event);
    this.refreshExperiment();
    this.changed();
  }

  apply({ type, data }) {
    const run = this.runs.get(data.run_id);
    if (!run) return;
    if (type === "run.epoch" && !this.tooLarge) recordEpoch(this.histories, run.id, data);
    // Events older than the list of runs are in the list already.
    if (data.created_at && Date.parse(data.created_at) < this.loadedAt) return;
    applyEvent(run, { type, data });
    if (type === "run.finished") {
      this.staleRuns.add(run.id);
      this.refreshRuns();
      this.version += 1;
    }
  }

  async reloadExperiment() {
    try {
      this.experiment = await get(`/v1/experiments/${this.id}`, {}, this.signal);
      this.changed();
    } catch {
      // The stream reconnects and asks again.
    }
  }

  /** Fetch the runs that ended: their event lacks the final and best metrics and the diagnosis. */
  async reloadRuns() {
    const ids = [...this.staleRuns];
    this.staleRuns.clear();
    try {
      const fresh =
        ids.length > MOST_SINGLE_RUNS
          ? await this.listRuns()
          : await Promise.all(ids.map((id) => get(`/v1/runs/${id}`, {}, this.signal)));
      for (const run of fresh) Object.assign(this.runs.get(run.id) ?? {}, run);
      await this.completeHistories(fresh.filter((run) => ids.includes(run.id)));
      this.version += 1;
      this.changed();
    } catch {
      for (const id of ids) this.staleRuns.add(id);
      if (!this.signal.aborted) setTimeout(this.refreshRuns, RETRY_MILLISECONDS);
    }
  }

  /** Fetch the histories of runs that sent no epochs, because they took over another run's history. */
  async completeHistories(runs) {
    if (this.tooLarge) return;
    const silent = runs.filter((run) => (this.histories.get(run.id)?.epoch.length ?? 0) < run.epoch);
    await Promise.all(
      silent.map(async (run) => {
        const history = await find(`/v1/runs/${run.id}/history`, {}, this.signal);
        if (history) this.histories.set(run.id, history);
      }),
    );
  }
}
