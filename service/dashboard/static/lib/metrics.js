// The registry of metrics as the API answers it: what the page knows of a metric beyond its name.

import { get } from "./api.js";
import { known } from "./text.js";

/** The metrics by which the API compares the runs of each task unless another is asked for. */
export const MAIN_METRICS = { classification: "val_accuracy", regression: "val_rmse" };

/** That of the runs that are shown; importers see it change with `showTasks`. */
export let MAIN_METRIC = MAIN_METRICS.classification;

/** The metrics by which a run may stop early, the API's default first. */
export const STOPPING_METRICS = ["val_loss", "val_accuracy", "val_mae", "val_rmse", "val_r2"];

/** Metrics by name, in the order in which histories show them. */
let registry = new Map();
let loading = null;
/** The tasks of the runs that are shown. */
let tasks = new Set(["classification"]);

/** Load the registry, once; metrics can be looked up after that. */
export function loadMetrics() {
  loading ??= get("/v1/catalog/metrics")
    .then((page) => useMetrics(page.items))
    .catch((error) => {
      loading = null;
      throw error;
    });
  return loading;
}

/** Take these metrics, in the API's form, as the registry. */
export function useMetrics(items) {
  registry = new Map(items.map((metric) => [metric.name, metric]));
}

/** Say which runs are shown: the metrics of other tasks than theirs are offered nowhere. */
export function showTasks(runs) {
  tasks = new Set(runs.length ? runs.map(({ task }) => task) : ["classification"]);
  MAIN_METRIC = MAIN_METRICS[tasks.has("classification") ? "classification" : "regression"];
}

/** Whether a metric is one of the runs that are shown. */
function isOfTasks({ task = null }) {
  return task === null || tasks.has(task);
}

/** Return the names of the shown runs' metrics that satisfy a condition, in the registry's order. */
export function metricNames(condition) {
  return [...registry.values()].filter((metric) => isOfTasks(metric) && condition(metric)).map(({ name }) => name);
}

/** Return a metric's title in the reader's language. */
export function metricTitle(name) {
  return known(`metric.${name}`) ?? registry.get(name)?.title ?? name;
}

/** Whether a metric lies between 0 and 1 and is written in percent. */
export function isShare(name) {
  return registry.get(name)?.kind === "share";
}

/** Whether a metric is a loss, written with all of its digits. */
export function isLoss(name) {
  return registry.get(name)?.kind === "loss";
}

/** Whether a smaller value of a metric is a better one. */
export function lowerIsBetter(name) {
  return registry.get(name)?.direction === "lower";
}

/** Whether a metric is measured on a part of the data: the seconds of an epoch are not. */
export function isOfPart(name) {
  return (registry.get(name)?.part ?? null) !== null;
}

/** Whether a metric is measured on the test part alone. */
export function isOfTest(name) {
  return registry.get(name)?.part === "test";
}

/** Whether a metric counts until another reaches a target. */
export function countsToTarget(name) {
  return registry.get(name)?.when === "target";
}

/** Return the metrics that can have a target, the API's main one first. */
export function targetMetrics(histories) {
  const recorded = recordedIn(histories);
  const names = metricNames(
    ({ name, when, part, direction, in_every_run: always }) =>
      when === "epoch" && part !== null && direction !== null && (always || recorded.has(name)),
  );
  return mainFirst(names);
}

/** Return what a metric measures; the same for training, validation and test. */
export function quantityOf(name) {
  return registry.get(name)?.quantity ?? name;
}

/** Return the metric of the same quantity on the other part, of training and validation; null where there is none. */
export function otherPart(name) {
  const { quantity, part } = registry.get(name) ?? {};
  const isOther = (metric) =>
    metric.quantity === quantity && metric.when === "epoch" && metric.part !== null && metric.part !== part;
  return part ? (metricNames(isOther)[0] ?? null) : null;
}

/** Return the metrics of every epoch: all that each run records, and those some of these histories hold. */
export function epochMetrics(histories) {
  const recorded = recordedIn(histories);
  return metricNames(({ name, when, in_every_run: always }) => when === "epoch" && (always || recorded.has(name)));
}

/** Return the metrics that runs can be compared by, the API's main one first. */
export function comparedMetrics(histories) {
  const recorded = recordedIn(histories);
  const names = metricNames(
    ({ name, direction, in_every_run: always }) => direction !== null && (always || recorded.has(name)),
  );
  return mainFirst(names);
}

/** Return the validation metrics that every run's answer holds, the API's main one first. */
export function headlineMetrics() {
  return mainFirst(metricNames(({ part, in_final: inFinal }) => part === "validation" && inFinal));
}

function recordedIn(histories) {
  return new Set([...histories].flatMap((history) => Object.keys(history.metrics)));
}

function mainFirst(names) {
  return names.toSorted((one, other) => (other === MAIN_METRIC) - (one === MAIN_METRIC));
}
