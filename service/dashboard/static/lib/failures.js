// The runs of an experiment that failed, by what happened and why.

import { labelOn } from "./axes.js";
import { FAILURES, STATUS } from "./statuses.js";

/**
 * Return the failures of an experiment, the most frequent first.
 *
 * @param runs    runs with `status`, `labels` and `diagnosis`
 * @param varying the axes that vary
 * @returns `[{outcome, verdict, runs, labels, finding}]`: what happened ("diverged", "failed", ...) and why, the runs of
 *   which both are true, the labels on varying axes that all of them share, and a finding that names the cause (or null)
 */
export function failuresOf(runs, varying) {
  const failed = runs.filter((run) => whatHappened(run) !== null);
  const kinds = Map.groupBy(failed, (run) => JSON.stringify([whatHappened(run), run.diagnosis?.verdict ?? null]));
  return [...kinds.values()]
    .map((members) => failure(members, varying))
    .sort((one, other) => other.runs.length - one.runs.length);
}

/** Return what happened to a run that failed; null of one that did not. */
function whatHappened({ status, diagnosis }) {
  if ([STATUS.FAILED, STATUS.DIVERGED].includes(status)) return status;
  return FAILURES.includes(diagnosis?.outcome) ? diagnosis.outcome : null;
}

function failure(runs, varying) {
  const verdict = runs[0].diagnosis?.verdict ?? null;
  const findings = runs.flatMap((run) => run.diagnosis?.findings ?? []);
  const shared = varying.filter((axis) => runs.every((run) => labelOn(run, axis) === labelOn(runs[0], axis)));
  return {
    outcome: whatHappened(runs[0]),
    verdict,
    runs,
    labels: Object.fromEntries(shared.map((axis) => [axis, labelOn(runs[0], axis)])),
    finding: findings.find(({ kind }) => kind === verdict) ?? null,
  };
}
