// What an event changes: a run's fields, and its history.

import { hasEnded, STATUS } from "./statuses.js";

/** Change a run as an event reports; a run that ended has more to show, which only the API knows. */
export function applyEvent(run, { type, data }) {
  const changes = CHANGES[type]?.(data, run);
  if (changes) Object.assign(run, changes);
}

const CHANGES = {
  "run.started": ({ attempt, worker }) => ({ status: STATUS.RUNNING, attempt, worker, fraction: 0 }),
  "run.progress": ({ fraction }) => ({ fraction }),
  "run.epoch": ({ epoch, metrics }, run) => ({
    status: STATUS.RUNNING,
    epoch,
    fraction: 0,
    final: { ...run.final, epoch, ...metrics },
  }),
  "run.requeued": () => ({ status: STATUS.QUEUED, fraction: 0 }),
  "run.finished": ({ status, epoch, error, ended_by: endedBy = null }) => ({
    status,
    epoch,
    error,
    ended_by: endedBy,
    fraction: 0,
  }),
};

/** Put an epoch into a run's history; it replaces what a lost attempt recorded there. */
export function recordEpoch(histories, id, { epoch, metrics }) {
  if (!histories.has(id)) histories.set(id, { epoch: [], metrics: {} });
  const history = histories.get(id);
  while (history.epoch.length < epoch) history.epoch.push(history.epoch.length + 1);
  for (const [name, value] of Object.entries(metrics)) {
    history.metrics[name] ??= [];
    const column = history.metrics[name];
    while (column.length < epoch) column.push(null);
    column[epoch - 1] = value;
  }
}

/** Return the share of a run's epochs that are done: all of a completed run, which may have stopped early. */
export function shareDone(run) {
  if (run.status === STATUS.COMPLETED) return 1;
  if (run.epochs === 0) return hasEnded(run) ? 1 : 0;
  return Math.min(1, (run.epoch + (run.fraction ?? 0)) / run.epochs);
}
