// Learning curves of groups of runs: the mean over seeds, and one standard deviation around it.

import { number } from "./format.js";
import { bounded } from "./scale.js";

/**
 * Group runs and average their histories by epoch.
 *
 * Values that are not finite are in no mean. Runs that diverged are left out where their group
 * has others, and counted. Epochs are 1, 2, ... to the longest history; `counts` says of how many
 * runs each mean is. No band leaves the metric's range.
 *
 * @param runs      runs with `id`, `status`
 * @param histories a map from run id to `{epoch: [...], metrics: {name: [...]}}`
 * @param labelOf   gives a run's group
 * @returns `{epochs, groups: [{label, runs, counts, diverged, mean, low, high}]}`
 */
export function meanCurves(runs, histories, metric, labelOf) {
  const groups = new Map();
  for (const run of runs) {
    const label = labelOf(run);
    if (!groups.has(label)) groups.set(label, []);
    groups.get(label).push(run);
  }
  let last = 0;
  for (const run of runs) last = Math.max(last, histories.get(run.id)?.epoch.at(-1) ?? 0);
  const epochs = Array.from({ length: last }, (_, at) => at + 1);
  return { epochs, groups: [...groups].map(([label, members]) => average(label, members, histories, metric, last)) };
}

function average(label, members, histories, metric, last) {
  const diverged = members.filter((run) => run.status === "diverged");
  const averaged = diverged.length < members.length ? members.filter((run) => run.status !== "diverged") : members;
  const [count, sum, squares] = [new Float64Array(last), new Float64Array(last), new Float64Array(last)];
  // Welford's update: the plain sum of squares loses the digits that small deviations need.
  for (const run of averaged) {
    const history = histories.get(run.id);
    const column = history?.metrics[metric];
    if (!column) continue;
    for (let at = 0; at < history.epoch.length; at += 1) {
      const value = number(column[at]);
      if (!Number.isFinite(value)) continue;
      const place = history.epoch[at] - 1;
      count[place] += 1;
      const before = value - sum[place];
      sum[place] += before / count[place];
      squares[place] += before * (value - sum[place]);
    }
  }
  const [mean, low, high] = [[], [], []];
  for (let at = 0; at < last; at += 1) {
    const deviation = count[at] > 1 ? Math.sqrt(squares[at] / (count[at] - 1)) : 0;
    mean.push(count[at] ? sum[at] : null);
    low.push(count[at] ? bounded(metric, sum[at] - deviation) : null);
    high.push(count[at] ? bounded(metric, sum[at] + deviation) : null);
  }
  return { label, runs: members, counts: [...count], diverged: diverged.length, mean, low, high };
}
