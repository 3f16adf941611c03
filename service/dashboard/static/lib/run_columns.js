// The columns a table of runs can have beside those it always has: axes, seed, metrics, time.

import { labelOn } from "./axes.js";
import { number } from "./format.js";
import { headlineMetrics, lowerIsBetter, metricNames } from "./metrics.js";

export const SEED = "seed";
export const TOOK = "took";
const AXIS = "axis:";
const IN_ORDER = new Intl.Collator(undefined, { numeric: true });

/** Return the names of the columns that are offered: the axes with several labels, and what runs have results of. */
export function offeredColumns(axes) {
  return [...axes.map((axis) => `${AXIS}${axis}`), SEED, ...metricNames(({ in_final: inFinal }) => inFinal), TOOK];
}

/** Return the columns that are shown: those chosen among the offered, or the usual ones where nothing is chosen. */
export function shownColumns(chosen, axes) {
  const offered = offeredColumns(axes);
  const names = chosen.split(",").filter((name) => offered.includes(name));
  return names.length ? names : headlineMetrics();
}

/** Return the axis of a column, or null where it is of something else. */
export function axisOfColumn(name) {
  return name.startsWith(AXIS) ? name.slice(AXIS.length) : null;
}

/** Return the seconds from a run's start to its end; NaN before it has ended. */
export function secondsTaken({ started_at: start, finished_at: end }) {
  return start && end ? (Date.parse(end) - Date.parse(start)) / 1000 : NaN;
}

/**
 * Return runs in an order: `position`, `epoch` or a column, with "-" before it in the opposite one.
 * The better come first, or what has got furthest, or the first in the alphabet; those without a value are last.
 */
export function sortedRuns(runs, order) {
  const isReversed = order.startsWith("-");
  const name = isReversed ? order.slice(1) : order;
  if (name === "position") return runs;
  const sign = isReversed ? -1 : 1;
  const axis = axisOfColumn(name);
  const inGrid = (one, other) => one.position - other.position;
  if (axis !== null) {
    const labels = new Map(runs.map((run) => [run, labelOn(run, axis)]));
    return runs.toSorted(
      (one, other) => sign * IN_ORDER.compare(labels.get(one), labels.get(other)) || inGrid(one, other),
    );
  }
  const keys = new Map(runs.map((run) => [run, sortKey(run, name)]));
  const isMissing = (run) => Number(Number.isNaN(keys.get(run)));
  return runs.toSorted((one, other) => {
    const missing = isMissing(one) - isMissing(other);
    if (missing || isMissing(one)) return missing || inGrid(one, other);
    return sign * (keys.get(one) - keys.get(other)) || inGrid(one, other);
  });
}

/** Whether the first of an order has the smallest value. */
export function isAscending(order) {
  const name = order.replace(/^-/, "");
  const isUsual =
    name !== "epoch" && (axisOfColumn(name) !== null || [SEED, TOOK].includes(name) || lowerIsBetter(name));
  return isUsual !== order.startsWith("-");
}

/** Return the number by which a run is sorted, the first smallest; NaN where it has no value. */
function sortKey(run, name) {
  if (name === "epoch") return -run.epoch;
  if (name === SEED) return run.seed;
  if (name === TOOK) return secondsTaken(run);
  const value = number(run.final?.[name]);
  return lowerIsBetter(name) ? value : -value;
}

/** Whether a run's metric is within limits; where there is a limit, a run without the value is not. */
export function isWithin(run, { metric, least, most }) {
  const [low, high] = [least, most].map((limit) => (limit.trim() === "" ? NaN : Number(limit)));
  if (Number.isNaN(low) && Number.isNaN(high)) return true;
  const value = number(run.final?.[metric]);
  return !Number.isNaN(value) && !(value < low) && !(value > high);
}
