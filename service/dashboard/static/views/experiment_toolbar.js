// What is asked of an experiment's results: one metric, epoch, grouping and colour for curves, ranking and heat map.

import { labelOn } from "../lib/axes.js";
import { inWords } from "../lib/label_words.js";
import { comparedMetrics, countsToTarget, epochMetrics, isOfPart, MAIN_METRIC, targetMetrics } from "../lib/metrics.js";
import { t } from "../lib/text.js";
import { axisTitle } from "../parts/configuration.js";
import { CURVE_CHOICES } from "../parts/curve_controls.js";
import { h } from "../parts/dom.js";
import { select } from "../parts/elements.js";
import { GroupChips } from "../parts/group_chips.js";
import { epochChoice, MetricChoice, TargetChoice } from "../parts/metric_choice.js";
import { TABLE_CHOICES } from "../parts/run_table.js";
import { PARALLEL_CHOICES } from "./experiment_parallel.js";

/** The choices by their names in the address; empty: chosen by the page. */
export const CHOICES = {
  metric: MAIN_METRIC,
  at: "final",
  target: "",
  by: "",
  colour: "",
  rows: "",
  columns: "",
  ...CURVE_CHOICES,
  ...PARALLEL_CHOICES,
  ...TABLE_CHOICES,
};

const SEED = "seed";

export class Toolbar {
  /**
   * @param axes     `{varying, many}`: those that vary and decide the others, and all with more than one label
   * @param choices  the `Choices` of the view
   * @param onChange called after another choice
   */
  constructor(live, axes, choices, onChange) {
    Object.assign(this, { live, axes, choices, onChange });
    this.metrics = new MetricChoice((metric) => this.choose("metric", metric), { chosen: choices.get("metric") });
    this.target = new TargetChoice((target) => this.choose("target", target), choices.get("target"));
    this.epoch = epochChoice(choices.get("at"), (at) => this.choose("at", at));
    this.offered = [...axes.many, SEED];
    this.chips = new GroupChips({
      offered: this.offered.map((axis) => [axis, axisTitle(axis)]),
      chosen: () => this.groupAxes,
      isUsual: () => !choices.get("by"),
      onChoose: (chosen) => this.choose("by", chosen.join()),
    });
    this.element = h(
      "section.card.toolbar",
      { "aria-label": t("toolbar.title") },
      this.metrics.element,
      this.target.element,
      this.epoch,
      this.chips.element,
      select(t("curves.colourBy"), this.colours(), choices.get("colour"), (axis) => this.choose("colour", axis)),
    );
    this.update();
  }

  colours() {
    return [["", t("curves.byGroup")], ...this.axes.many.map((axis) => [axis, axisTitle(axis)])];
  }

  choose(name, value) {
    this.choices.set(name, value);
    this.update();
    this.onChange();
  }

  /** Offer the metrics that the runs have recorded by now. */
  update() {
    const histories = [...this.live.histories.values()];
    const compared = comparedMetrics(histories);
    this.metrics.update([...new Set([...compared, ...epochMetrics(histories)])]);
    this.target.update(targetMetrics(histories), this.metric);
    this.epoch.hidden = countsToTarget(this.metric);
    this.recorded = { compared, byEpoch: epochMetrics(histories) };
  }

  get metric() {
    return this.choices.get("metric");
  }

  /** The metric by which groups are ranked: seconds and learning rates rank nothing. */
  get rankedBy() {
    return this.recorded.compared.includes(this.metric) ? this.metric : MAIN_METRIC;
  }

  /** The metric of the curves: of what has no curve, what it counts to, or the main one. */
  get drawn() {
    if (this.recorded.byEpoch.includes(this.metric)) return this.metric;
    return countsToTarget(this.metric) ? this.target.reached.metric : MAIN_METRIC;
  }

  /** The metric by which the best curves are chosen where there are too many, as in the API's pictures. */
  get bestBy() {
    return this.recorded.compared.includes(this.drawn) && isOfPart(this.drawn) ? this.drawn : MAIN_METRIC;
  }

  get colour() {
    const axis = this.choices.get("colour");
    return this.axes.many.includes(axis) ? axis : "";
  }

  /** The axes that group the curves, and, without seeds, the ranking. */
  get groupAxes() {
    const chosen = this.choices.get("by").split(",");
    const known = this.offered.filter((axis) => chosen.includes(axis));
    return known.length ? known : this.axes.varying;
  }

  /** What a comparison is asked for, without its groups. */
  get question() {
    const metric = this.rankedBy;
    return countsToTarget(metric) ? { metric, target: this.target.parameter } : { metric, at: this.choices.get("at") };
  }

  /** The axes of the ranking as the API takes them; empty: the API chooses, and tunes what is to be tuned. */
  get by() {
    if (!this.choices.get("by")) return "";
    return this.groupAxes.filter((axis) => axis !== SEED).join();
  }

  /** Return the name of a run's group. */
  labelOf(run) {
    return this.groupAxes.map((axis) => inWords(axis, labelOn(run, axis))).join(" · ") || t("curves.allRuns");
  }
}
