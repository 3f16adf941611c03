// Several experiments in one chart: the means of their groups over each other.

import { Choices } from "../lib/address.js";
import { axesWithManyLabels, labelOn, varyingAxes } from "../lib/axes.js";
import { experimentName, shortId } from "../lib/format.js";
import { inWords } from "../lib/label_words.js";
import { lastEpoch } from "../lib/mean.js";
import { comparedMetrics, epochMetrics, isOfPart, MAIN_METRIC, showTasks } from "../lib/metrics.js";
import { OverlaidExperiments } from "../lib/overlaid_experiments.js";
import { t } from "../lib/text.js";
import { setConnection, statusBadge } from "../parts/badges.js";
import { axisTitle } from "../parts/configuration.js";
import { CURVE_CHOICES } from "../parts/curve_controls.js";
import { Curves } from "../parts/curves.js";
import { h, show } from "../parts/dom.js";
import { button, card, notice, scrollableTable, select } from "../parts/elements.js";
import { GroupChips } from "../parts/group_chips.js";
import { groupCurves } from "../parts/group_curves.js";
import { help } from "../parts/help.js";
import { MetricChoice } from "../parts/metric_choice.js";
import { bestResult, variedText } from "../parts/overview.js";
import { progressBar, progressText } from "../parts/progress.js";

/** More experiments than this have more groups than can be told apart. */
const MOST_EXPERIMENTS = 12;
const EXPERIMENT = "experiment";
const SEED = "seed";

/**
 * Show a comparison of experiments.
 *
 * @param wanted   ids of experiments
 * @param idsIn    returns the ids in a text
 * @param compare  called with the ids of other experiments
 */
export async function experimentsView({ element, parameters, signal }, { wanted, idsIn, compare }) {
  const connection = h("span.live");
  let panels = [];
  const live = new OverlaidExperiments(wanted.slice(-MOST_EXPERIMENTS), signal, () => {
    setConnection(connection, live.connection);
    for (const panel of panels) panel.update();
  });
  await live.load();
  showTasks([...live.runs.values()]);
  const ids = [...live.experiments.keys()];
  const heading = h("div.heading", h("h1", t("overlay.title")), help("compare", t("overlay.title")), connection);
  const adding = addingForm((text) => compare([...ids, ...idsIn(text)]));
  if (!ids.length) {
    show(element, heading, notesOn(live, wanted), h("div.card.empty", h("p", t("overlay.none")), adding));
    return t("overlay.title");
  }
  const names = distinctExperimentNames([...live.experiments.values()]);
  const choices = new Choices({ metric: MAIN_METRIC, by: "", colour: EXPERIMENT, ...CURVE_CHOICES }, parameters);
  const remove = (id) => compare(ids.filter((other) => other !== id));
  panels = [new OverlayPanel(live, names, choices, signal), experimentTable(live, names, remove)];
  show(
    element,
    heading,
    notesOn(live, wanted),
    adding,
    panels.map((panel) => panel.element),
  );
  for (const panel of panels) panel.update();
  live.follow();
  return t("overlay.title");
}

function notesOn(live, wanted) {
  const tooMany = wanted.length - MOST_EXPERIMENTS;
  const large = live.tooLarge.map(experimentName).join(t("list.separator"));
  return [
    live.missing.length > 0 && notice(t("overlay.gone", { n: live.missing.length, ids: live.missing.join(", ") })),
    tooMany > 0 && notice(t("overlay.most", { most: MOST_EXPERIMENTS, n: tooMany })),
    large && notice(t("overlay.tooLarge", { names: large })),
  ];
}

/** Return the form that adds experiments to those compared. */
function addingForm(onAdd) {
  const label = t("overlay.id");
  const entry = h("input", { type: "text", placeholder: label, "aria-label": label, size: "40" });
  const add = (event) => {
    event.preventDefault();
    onAdd(entry.value);
  };
  return h("form.controls", { onSubmit: add }, entry, h("button", { type: "submit" }, t("compare.add")));
}

/** Return the name of each experiment by its id, with the end of the id where several have it. */
function distinctExperimentNames(experiments) {
  const names = experiments.map(experimentName);
  const isDistinct = (name) => names.filter((other) => other === name).length === 1;
  const distinct = (name, { id }) => (isDistinct(name) ? name : `${name} (…${shortId(id)})`);
  return new Map(experiments.map((experiment, index) => [experiment.id, distinct(names[index], experiment)]));
}

/** The curves, with the choices of metric, groups and colours. */
class OverlayPanel {
  constructor(live, names, choices, signal) {
    Object.assign(this, { live, names, choices });
    this.curves = new Curves({ label: t("curves.title"), signal, choices, onChange: () => this.update() });
    const runs = [...live.runs.values()];
    const axes = [EXPERIMENT, ...axesWithManyLabels(runs)];
    this.usual = [EXPERIMENT, ...varyingAxes(runs, (run) => run.experiment_id)];
    const offered = [...axes, SEED].map((axis) => [axis, titleOf(axis)]);
    this.axes = offered.map(([axis]) => axis);
    this.metrics = new MetricChoice((metric) => this.choose("metric", metric), { chosen: choices.get("metric") });
    this.chips = new GroupChips({
      offered,
      chosen: () => this.groupAxes,
      isUsual: () => !choices.get("by"),
      onChoose: (chosen) => this.choose("by", chosen.join()),
    });
    const colours = [["", t("curves.byGroup")], ...axes.map((axis) => [axis, titleOf(axis)])];
    const colour = select(t("curves.colourBy"), colours, this.colour, (axis) => this.choose("colour", axis));
    this.body = h("div");
    const controls = h("div.controls", this.metrics.element, this.chips.element, colour);
    this.element = card("overlay-curves", t("curves.title"), controls, this.body);
  }

  choose(name, value) {
    this.choices.set(name, value);
    this.update();
  }

  get groupAxes() {
    const chosen = this.choices.get("by").split(",");
    const known = this.axes.filter((axis) => chosen.includes(axis));
    return known.length ? known : this.usual;
  }

  get colour() {
    const axis = this.choices.get("colour");
    return this.axes.includes(axis) ? axis : "";
  }

  /** Return a run's label on an axis, which may be its experiment. */
  labelOf(run, axis) {
    return axis === EXPERIMENT ? this.names.get(run.experiment_id) : labelOn(run, axis);
  }

  update() {
    const { histories, runs } = this.live;
    const offered = epochMetrics(histories.values());
    this.metrics.update(offered);
    if (!lastEpoch([...histories.values()])) {
      show(this.body, notice(t(this.live.active.length ? "curves.waiting" : "curves.nothing")));
      return;
    }
    if (!this.body.contains(this.curves.element)) show(this.body, this.curves.element);
    const metric = offered.includes(this.choices.get("metric")) ? this.choices.get("metric") : MAIN_METRIC;
    const hasBest = comparedMetrics(histories.values()).includes(metric) && isOfPart(metric);
    const { colour, groupAxes } = this;
    const asked = {
      metric,
      bestBy: hasBest ? metric : MAIN_METRIC,
      labelOf: (run) => groupAxes.map((axis) => inWords(axis, this.labelOf(run, axis))).join(" · "),
      colourOf: colour ? (run) => this.labelOf(run, colour) : null,
    };
    this.curves.update(groupCurves([...runs.values()], histories, asked, this.curves));
  }
}

function titleOf(axis) {
  return axis === EXPERIMENT ? t("overlay.experiment") : axisTitle(axis);
}

/** Return the experiments as a table, from which each can be removed. */
function experimentTable(live, names, remove) {
  const body = h("tbody");
  const headings = ["overlay.experiment", "overlay.varied", "overlay.best", "runs.status", "overlay.progress"];
  const head = h(
    "tr",
    headings.map((key) => h("th", { scope: "col" }, t(key))),
    h("td"),
  );
  const row = (experiment) => {
    const { id, status } = experiment;
    const name = names.get(id);
    const cross = button("button.ghost.small", () => remove(id), { "aria-label": t("compare.remove", { name }) }, "✕");
    return h(
      "tr",
      h("th", { scope: "row" }, h("a", { href: `#/experiments/${id}` }, name)),
      h("td", variedText(experiment.varying)),
      h("td", bestResult(experiment)),
      h("td", statusBadge(status)),
      h("td", progressBar(experiment), h("small.muted", progressText(experiment))),
      h("td", cross),
    );
  };
  const update = () => show(body, [...live.experiments.values()].map(row));
  const title = t("overlay.experiments");
  const element = card("overlay-table", title, scrollableTable(title, "table", h("thead", head), body));
  return { element, update };
}
