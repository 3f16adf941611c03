// What a list says of an experiment's results: what varies, and what leads.

import { showValue } from "../lib/format.js";
import { metricTitle } from "../lib/metrics.js";
import { t } from "../lib/text.js";
import { axisTitle } from "./configuration.js";
import { h } from "./dom.js";

/** Labels of an axis that are written out; of more, their number. */
const MOST_WRITTEN = 4;

/** Return what varies, an axis after the other: "activation: relu, tanh · batch size (8)". */
export function variedText(varying) {
  const written = ({ axis, count, labels }) =>
    count > MOST_WRITTEN ? `${axisTitle(axis)} (${count})` : `${axisTitle(axis)}: ${labels.join(", ")}`;
  return varying.map(written).join(" · ");
}

/** Return the leading group with its mean and how many of its seeds trained; null while there is none. */
export function bestResult({ best }) {
  if (!best) return null;
  const { metric, value, name, trained, n } = best;
  return h(
    "div.best",
    h("b", { title: metricTitle(metric) }, showValue(metric, value)),
    name ? h("span.name", name) : null,
    h("small.muted", t("experiments.trained", { n, trained })),
  );
}
