// Learning curves: of one run, or of groups of runs with the mean and one standard deviation around it.

import { finite } from "./format.js";
import { lowerIsBetter } from "./metrics.js";
import { bounded } from "./scale.js";
import { STATUS } from "./statuses.js";

/**
 * Group runs and average their histories by epoch.
 *
 * Values that are not finite are in no mean. Runs that diverged are counted, and are averaged only
 * where their whole group diverged. Epochs are 1, 2, ... to the longest history; `counts` has the
 * number of runs in each mean. No band leaves the metric's range.
 *
 * @param runs      runs with `id` and `status`
 * @param histories a map from run id to `{epoch: [...], metrics: {name: [...]}}`
 * @param labelOf   returns the group of a run
 * @returns `{epochs, groups: [{label, members, runs, counts, diverged, mean, low, high}]}`
 */
export function meanCurves(runs, histories, metric, labelOf) {
  const groups = Map.groupBy(runs, labelOf);
  const last = lastEpoch(runs.map((run) => histories.get(run.id)));
  return {
    epochs: epochsTo(last),
    groups: [...groups].map(([label, members]) => groupCurve(label, members, histories, metric, last)),
  };
}

/** Return one group's curve at the epochs 1, 2, ... to the last; null where no run has a finite value. */
export function groupCurve(label, runs, histories, metric, last) {
  const converged = runs.filter((run) => run.status !== STATUS.DIVERGED);
  const moments = new Moments(last);
  for (const run of converged.length ? converged : runs) {
    const { epoch: epochs, metrics } = histories.get(run.id) ?? { epoch: [], metrics: {} };
    const column = metrics[metric] ?? [];
    for (const [index, epoch] of epochs.entries()) moments.add(epoch - 1, finite(column[index]));
  }
  const at = (write) => Array.from(moments.counts, (count, index) => (count ? write(index) : null));
  return {
    label,
    members: runs,
    runs: runs.length,
    counts: [...moments.counts],
    diverged: runs.length - converged.length,
    mean: at((index) => moments.means[index]),
    low: at((index) => bounded(metric, moments.means[index] - moments.deviation(index))),
    high: at((index) => bounded(metric, moments.means[index] + moments.deviation(index))),
  };
}

/**
 * Return at most so many groups, in the order they came in: the best by the mean final value of their completed runs,
 * those without one last. The API's pictures choose by the same rule.
 */
export function bestGroups(groups, histories, metric, most) {
  if (groups.length <= most) return groups;
  const sign = lowerIsBetter(metric) ? 1 : -1;
  const keys = new Map(groups.map((group) => [group, sign * (finalMean(group, histories, metric) ?? sign * Infinity)]));
  const best = new Set(groups.toSorted((one, other) => compared(keys.get(one), keys.get(other))).slice(0, most));
  return groups.filter((group) => best.has(group));
}

function compared(one, other) {
  return one === other ? 0 : one - other;
}

/** Return the mean of the last values of a group's completed runs; null where there is none. */
function finalMean({ members }, histories, metric) {
  const values = members
    .filter((run) => run.status === STATUS.COMPLETED)
    .map((run) => finite(histories.get(run.id)?.metrics[metric]?.at(-1)))
    .filter((value) => value !== null);
  return values.length ? values.reduce((sum, value) => sum + value, 0) / values.length : null;
}

/**
 * Return the seconds of training up to the end of each epoch: the sum of their means over a group's runs, so that runs
 * that stop early turn no time back. Null from the first epoch on of which no run has a time.
 */
export function elapsedSeconds(runs, histories, last) {
  let sum = 0;
  return groupCurve("", runs, histories, "epoch_seconds", last).mean.map((seconds) => {
    sum = sum === null || seconds === null ? null : sum + seconds;
    return sum;
  });
}

/**
 * Return lines with what else is drawn of them: `other`, the mean of another metric (the training part's, say), and
 * `seconds`, the times of their epochs.
 *
 * @param lines groups of `meanCurves`
 * @param asked `{other, byTime}`: a metric or null, and whether times are wanted
 */
export function completedLines(lines, histories, last, { other, byTime }) {
  return lines.map((line) => ({
    ...line,
    other: other ? groupCurve("", line.members, histories, other, last).mean : null,
    seconds: byTime ? elapsedSeconds(line.members, histories, last) : null,
  }));
}

/** Return the epochs 1, 2, ... to the last. */
export function epochsTo(last) {
  return Array.from({ length: last }, (_, index) => index + 1);
}

/** Return the last epoch that some of these histories record; 0 where there is none. */
export function lastEpoch(histories) {
  return histories.reduce((last, history) => Math.max(last, history?.epoch.at(-1) ?? 0), 0);
}

/** Means and standard deviations (n - 1) of values that come one by one, at several places. */
class Moments {
  constructor(length) {
    this.counts = new Float64Array(length);
    this.means = new Float64Array(length);
    this.squares = new Float64Array(length); // of the deviations from the mean
  }

  /** Welford's update: the plain sum of squares loses the digits that small deviations need. */
  add(place, value) {
    if (value === null) return;
    this.counts[place] += 1;
    const before = value - this.means[place];
    this.means[place] += before / this.counts[place];
    this.squares[place] += before * (value - this.means[place]);
  }

  deviation(place) {
    return this.counts[place] > 1 ? Math.sqrt(this.squares[place] / (this.counts[place] - 1)) : 0;
  }
}
