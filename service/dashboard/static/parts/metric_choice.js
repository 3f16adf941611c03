// The choice of a metric, of its target, and of the epoch at which runs are compared.

import { countsToTarget, MAIN_METRIC, metricTitle } from "../lib/metrics.js";
import { t } from "../lib/text.js";
import { h, show } from "./dom.js";
import { select } from "./elements.js";

const FIRST_TARGET = "0.9";

/** A `<select>` of metrics whose options follow what runs record. */
export class MetricChoice {
  /** @param onChange called with another metric that was chosen */
  constructor(onChange, { label = t("curves.metric"), chosen = MAIN_METRIC } = {}) {
    this.label = label;
    this.metric = chosen;
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
      this.onChange(metric);
    };
    show(this.element, select(this.label, options, this.metric, choose));
  }
}

/** The target of a metric that counts until it is reached: another metric, and its value. */
export class TargetChoice {
  /**
   * @param onChange called with another target, as the API takes it
   * @param chosen   the target at first; empty for the page's own
   */
  constructor(onChange, chosen = "") {
    const [metric, value] = chosen.split(":");
    const change = () => onChange(this.parameter);
    this.reached = new MetricChoice(change, { label: t("target.metric"), chosen: metric || MAIN_METRIC });
    this.input = h("input", { type: "number", step: "any", value: value || FIRST_TARGET, onChange: change });
    const field = h("label.field", h("span", t("target.value")), this.input);
    this.element = h("span.metric", this.reached.element, field);
  }

  /** Offer targets of these metrics, and show itself where the compared metric has a target. */
  update(names, compared) {
    this.reached.update(names);
    this.element.hidden = !countsToTarget(compared);
  }

  /** The target as the API takes it: "val_accuracy:0.9". */
  get parameter() {
    return `${this.reached.metric}:${this.input.value}`;
  }
}

/** Return a `<select>` of the epoch at which runs are compared. */
export function epochChoice(chosen, onChange) {
  const options = ["final", "best", "mean"].map((at) => [at, t(`at.${at}`)]);
  return select(t("at.label"), options, chosen, onChange);
}
