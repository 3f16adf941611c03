// Some runs of any experiments as they stand now, kept up to date by one stream of all experiments:
// a browser has six connections for a host, and there may be more runs than that.

import { get } from "./api.js";
import { ENDED, record, tell } from "./board.js";
import { throttle } from "./dom.js";
import { follow } from "./stream.js";

const TYPES = ["run.started", "run.epoch", "run.requeued", "run.finished"];
const DRAWN_EVERY_MILLISECONDS = 250;
const ASKED_EVERY_MILLISECONDS = 700;
const ASKED_AGAIN_MILLISECONDS = 2_000;

export class Selection {
  /** @param onChange called, at most four times a second, after anything changed */
  constructor(ids, signal, onChange) {
    this.ids = ids;
    this.signal = signal;
    this.runs = new Map();
    this.histories = new Map();
    /** The ids that no run has. */
    this.gone = [];
    this.connection = "over";
    this._changed = throttle(DRAWN_EVERY_MILLISECONDS, () => !signal.aborted && onChange());
    this._refresh = throttle(ASKED_EVERY_MILLISECONDS, () => this._reload());
    this._stale = new Set();
    this._held = null;
    this._following = new AbortController();
    signal.addEventListener("abort", () => this._following.abort());
  }

  /** Load the runs, in the order of their ids; those that are not there are left out. */
  async load() {
    const found = await Promise.all(this.ids.map((id) => this._ask(id)));
    this.gone = this.ids.filter((_, at) => !found[at]);
    for (const each of found) if (each) this._put(each);
  }

  get finished() {
    return [...this.runs.values()].every((run) => ENDED.has(run.status));
  }

  /** Follow the runs until all of them have ended. */
  follow() {
    if (this.finished) return;
    follow(`/v1/events?${new URLSearchParams(TYPES.map((type) => ["type", type]))}`, {
      signal: this._following.signal,
      replay: false,
      onEvents: (events) => events.forEach((event) => this._hear(event)),
      onState: (state) => {
        this.connection = state;
        this._changed();
      },
    });
  }

  _hear(event) {
    if (event.type === "stream.opened") this._look();
    else if (this.runs.has(event.data.run_id)) {
      this._held?.push(event);
      this._apply(event);
    }
  }

  /** The stream tells of what comes: what came before, the API knows. */
  _look() {
    for (const run of this.runs.values()) if (!ENDED.has(run.status)) this._stale.add(run.id);
    this._refresh();
  }

  _apply({ type, data }) {
    const run = this.runs.get(data.run_id);
    if (type === "run.epoch") record(this.histories, run.id, data);
    if (type === "run.finished" && !ENDED.has(run.status)) {
      this._stale.add(run.id);
      this._refresh();
    }
    tell(run, { type, data });
    this._changed();
  }

  /** An answer may be older than an event that came meanwhile, so those are told again after it. */
  async _reload() {
    if (this._held) return this._refresh(); // the last answers are still to come
    const ids = [...this._stale];
    this._stale.clear();
    this._held = [];
    const answers = await Promise.allSettled(ids.map((id) => this._ask(id)));
    const held = this._held;
    this._held = null;
    if (this.signal.aborted) return;
    answers.forEach(({ status, value }, at) => {
      if (status === "rejected") this._stale.add(ids[at]);
      else if (value) this._put(value);
    });
    held.forEach((event) => this._apply(event));
    if (this._stale.size && this.connection !== "over") setTimeout(this._refresh, ASKED_AGAIN_MILLISECONDS);
    else if (this.finished) this._end();
    this._changed();
  }

  _end() {
    this._following.abort();
    this.connection = "over";
  }

  /** Ask for a run and its history; null where there is no such run. */
  async _ask(id) {
    const path = `/v1/runs/${encodeURIComponent(id)}`;
    try {
      const [run, history] = await Promise.all([get(path, {}, this.signal), get(`${path}/history`, {}, this.signal)]);
      return { run, history };
    } catch (error) {
      if ([404, 422].includes(error.status)) return null;
      throw error;
    }
  }

  _put({ run, history }) {
    this.runs.set(run.id, Object.assign(this.runs.get(run.id) ?? {}, run));
    this.histories.set(run.id, history);
  }
}
