// Which metrics there are to choose from.

import { known, t } from "../lib/text.js";

const FIRST = ["val_accuracy", "val_loss", "accuracy", "loss"];

export function metricName(metric) {
  return known(`metric.${metric}`) ?? metric.replaceAll("_", " ");
}

/** Options of a `<select>`, of the metrics that some history records. */
export function metricOptions(histories) {
  const recorded = new Set(FIRST);
  for (const { metrics } of histories) Object.keys(metrics).forEach((name) => recorded.add(name));
  return [...recorded].map((name) => [name, metricName(name)]);
}

/** Metrics that have a better and a worse, which comparisons can rank by. */
export const COMPARED = ["val_accuracy", "val_loss", "accuracy", "loss", "test_accuracy", "test_loss"];

export function comparedOptions() {
  return COMPARED.map((name) => [name, metricName(name)]);
}

export function pointOptions() {
  return [
    ["final", t("at.final")],
    ["best", t("at.best")],
  ];
}
