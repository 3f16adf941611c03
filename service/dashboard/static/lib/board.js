// One experiment as it stands now: its runs and histories, kept up to date by its events.

import { all, find, get } from "./api.js";
import { throttle } from "./dom.js";
import { follow } from "./stream.js";

export const ENDED = new Set(["completed", "diverged", "failed", "cancelled"]);
/** More values than this are not fetched as histories; the API's pictures show their means. */
const MOST_VALUES = 4_000_000;
const METRICS_AN_EPOCH = 8;
const CLOCK_MARGIN_MILLISECONDS = 2_000;

export class Board {
  /** @param onChange called, at most four times a second, after anything changed */
  constructor(id, signal, onChange) {
    this.id = id;
    this.signal = signal;
    this.experiment = null;
    this.runs = new Map();
    this.histories = new Map();
    this.tooLarge = false;
    this.version = 0; // of results: grows when a run ends
    this.connection = "over";
    this.events = [];
    this._changed = throttle(250, () => !signal.aborted && onChange());
    this._refreshExperiment = throttle(1_500, () => this._reloadExperiment());
    this._stale = new Set();
    this._refreshRuns = throttle(700, () => this._reloadRuns());
  }

  /** Load everything there is now. */
  async load() {
    const path = `/v1/experiments/${this.id}`;
    this._loadedAt = Date.now() - CLOCK_MARGIN_MILLISECONDS;
    this.experiment = await get(path, {}, this.signal);
    const { runs, spec } = this.experiment;
    this.tooLarge = runs.total * spec.epochs * METRICS_AN_EPOCH > MOST_VALUES;
    const [listed, told] = await Promise.all([
      all("/v1/runs", { experiment_id: this.id, order_by: "position" }, this.signal),
      this.tooLarge ? { histories: [] } : get(`${path}/histories`, {}, this.signal),
    ]);
    for (const run of listed) this.runs.set(run.id, run);
    for (const { run_id: id, epoch, metrics } of told.histories) this.histories.set(id, { epoch, metrics });
  }

  get finished() {
    return !["queued", "running"].includes(this.experiment.status);
  }

  /** Follow the experiment until it is over. */
  follow() {
    if (this.finished) return;
    follow(`/v1/experiments/${this.id}/events`, {
      signal: this.signal,
      onEvents: (events) => this._apply(events),
      onState: (state) => {
        this.connection = state;
        if (state === "over") this._refreshExperiment();
        this._changed();
      },
    });
  }

  _apply(events) {
    for (const event of events) this._applyOne(event);
    this._refreshExperiment();
    this._changed();
  }

  _applyOne({ type, data }) {
    const run = this.runs.get(data.run_id);
    if (!run) return;
    if (type === "run.epoch" && !this.tooLarge) record(this.histories, run.id, data);
    // What happened before the runs were listed is in the list already.
    if (data.created_at && Date.parse(data.created_at) < this._loadedAt) return;
    tell(run, { type, data });
    if (type === "run.finished") {
      this._stale.add(run.id);
      this._refreshRuns();
      this.version += 1;
    }
  }

  async _reloadExperiment() {
    try {
      this.experiment = await get(`/v1/experiments/${this.id}`, {}, this.signal);
      this._changed();
    } catch {
      // The stream reconnects and asks again.
    }
  }

  /** Ended runs carry more than their event tells: final and best metrics, the diagnosis. */
  async _reloadRuns() {
    const ids = [...this._stale];
    this._stale.clear();
    try {
      const many = ids.length > 8;
      const fresh = many
        ? await all("/v1/runs", { experiment_id: this.id, order_by: "position" }, this.signal)
        : await Promise.all(ids.map((id) => get(`/v1/runs/${id}`, {}, this.signal)));
      for (const run of fresh) Object.assign(this.runs.get(run.id) ?? {}, run);
      // A run that took over another's history told no epochs of its own.
      const silent = fresh.filter(
        (run) => ids.includes(run.id) && !this.tooLarge && (this.histories.get(run.id)?.epoch.length ?? 0) < run.epoch,
      );
      await Promise.all(
        silent.map(async (run) => {
          const history = await find(`/v1/runs/${run.id}/history`, {}, this.signal);
          if (history) this.histories.set(run.id, history);
        }),
      );
      this.version += 1;
      this._changed();
    } catch {
      ids.forEach((id) => this._stale.add(id));
      if (!this.signal.aborted) setTimeout(this._refreshRuns, 2_000);
    }
  }
}

/** Let a run be as an event tells; one that ended has more to it, which only the API knows. */
export function tell(run, { type, data }) {
  if (type === "run.started")
    Object.assign(run, { status: "running", attempt: data.attempt, worker: data.worker, fraction: 0 });
  else if (type === "run.epoch")
    Object.assign(run, {
      status: "running",
      epoch: data.epoch,
      fraction: 0,
      final: { ...run.final, epoch: data.epoch, ...data.metrics },
    });
  else if (type === "run.progress") run.fraction = data.fraction;
  else if (type === "run.requeued") Object.assign(run, { status: "queued", fraction: 0 });
  else if (type === "run.finished")
    Object.assign(run, { status: data.status, epoch: data.epoch, error: data.error, fraction: 0 });
}

/** Put an epoch into a run's history, in the place of what a lost attempt had recorded there. */
export function record(histories, id, { epoch, metrics }) {
  if (!histories.has(id)) histories.set(id, { epoch: [], metrics: {} });
  const history = histories.get(id);
  const place = epoch - 1;
  while (history.epoch.length <= place) history.epoch.push(history.epoch.length + 1);
  for (const [name, value] of Object.entries(metrics)) {
    history.metrics[name] ??= [];
    const column = history.metrics[name];
    while (column.length <= place) column.push(null);
    column[place] = value;
  }
}
