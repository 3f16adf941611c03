// The choice of a metric, and of the epoch at which runs are compared.

import { MAIN_METRIC, metricTitle } from "../lib/metrics.js";
import { t } from "../lib/text.js";
import { h, show } from "./dom.js";
import { select } from "./elements.js";

/** A `<select>` of metrics whose options follow what runs record. */
export class MetricChoice {
  /** @param onChange called after another metric was chosen */
  constructor(onChange) {
    this.metric = MAIN_METRIC;
    this.onChange = onChange;
    this.element = h("span.metric");
    this.offered = "";
  }

  /** Offer these metrics, only where they changed. */
  update(names) {
    if (names.join() === this.offered) return;
    this.offered = names.join();
    const options = names.map((name) => [name, metricTitle(name)]);
    const choose = (metric) => {
      this.metric = metric;
      this.onChange();
    };
    show(this.element, select(t("curves.metric"), options, this.metric, choose));
  }
}

/** Return a `<select>` of the epoch at which runs are compared. */
export function epochChoice(onChange) {
  const options = ["final", "best"].map((at) => [at, t(`at.${at}`)]);
  return select(t("at.label"), options, "final", onChange);
}
