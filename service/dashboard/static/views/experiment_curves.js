// The learning curves of an experiment: one metric, grouped and coloured by axes of the reader's choice.

import { labelOn } from "../lib/axes.js";
import { lastEpoch, meanCurves } from "../lib/mean.js";
import { epochMetrics, metricTitle } from "../lib/metrics.js";
import { t } from "../lib/text.js";
import { axisTitle } from "../parts/configuration.js";
import { Curves } from "../parts/curves.js";
import { h, show } from "../parts/dom.js";
import { card, checkbox, notice, select } from "../parts/elements.js";
import { Figure } from "../parts/figure.js";
import { MetricChoice } from "../parts/metric_choice.js";

/** Where all varying axes make more groups than this, one axis alone groups the runs at first. */
const MOST_FIRST_GROUPS = 12;
const MAIN_AXIS = "activation";

/** @param axes `{varying, many}`: those that vary and decide the others, and all with more than one label */
export function curvesPanel(live, axes, signal) {
  const choice = new MetricChoice(() => update());
  const body = h("div");
  const chart = live.tooLarge ? apiChart(live, choice, body, signal) : liveChart(live, axes, choice, body, signal);
  const update = () => {
    choice.update(epochMetrics(live.histories.values()));
    chart.update();
  };
  const controls = h("div.controls", choice.element, chart.controls);
  return { element: card("curves-title", t("curves.title"), controls, body), update };
}

/** Return the chart that the service draws of more values than a page can hold. */
function apiChart(live, choice, body, signal) {
  const figure = new Figure({ alt: t("curves.title"), signal });
  let drawn = "";
  const update = () => {
    const path = `/v1/experiments/${live.id}/figures/learning_curves.svg?metric=${choice.metric}`;
    if (drawn === path + live.version) return;
    drawn = path + live.version;
    if (!body.contains(figure.element)) show(body, notice(t("curves.tooLarge")), figure.element);
    figure.image.alt = `${t("curves.title")}: ${metricTitle(choice.metric)}`;
    figure.show(path);
  };
  return { controls: null, update };
}

/** Return the chart of the histories that the page holds, with its controls. */
function liveChart(live, axes, choice, body, signal) {
  const curves = new Curves({ label: t("curves.title"), signal });
  const grouping = groupingControl(live, axes, () => update());
  const colouring = { axis: "" };
  const colourOptions = [["", t("curves.byGroup")], ...axes.many.map((axis) => [axis, axisTitle(axis)])];
  const colourBy = select(t("curves.colourBy"), colourOptions, "", (axis) => {
    colouring.axis = axis;
    update();
  });
  const log = checkbox(t("curves.log"), false, (checked) => curves.setLog(checked));
  const update = () => {
    if (!lastEpoch([...live.histories.values()])) {
      show(body, notice(live.finished ? t("curves.nothing") : t("curves.waiting")));
      return;
    }
    if (!body.contains(curves.element)) show(body, curves.element);
    curves.update(shownCurves(live, choice.metric, grouping.axes, colouring.axis));
  };
  return { controls: [grouping.element, colourBy, log], update };
}

function shownCurves(live, metric, groupAxes, colourAxis) {
  const labelOf = (run) => groupAxes.map((axis) => labelOn(run, axis)).join(" · ") || t("curves.allRuns");
  const { epochs, groups } = meanCurves([...live.runs.values()], live.histories, metric, labelOf);
  const lines = groups.filter((group) => group.mean.some((value) => value !== null));
  const hasBands = lines.some((line) => line.counts.some((count) => count > 1));
  return { metric, epochs, lines: coloured(lines, colourAxis), note: hasBands ? t("curves.band") : "" };
}

/** Return lines with the colour of their label on an axis; lines of one colour differ in their dashes. */
function coloured(lines, axis) {
  if (!axis) return lines;
  const lineCounts = new Map(); // by label, in the order of their colours
  return lines.map((line) => {
    const label = labelOn(line.members[0], axis);
    const place = lineCounts.get(label) ?? 0;
    lineCounts.set(label, place + 1);
    return { ...line, colour: [...lineCounts.keys()].indexOf(label), place };
  });
}

/** Return the choice of the axes that group the runs, in the order of the axes. */
function groupingControl(live, axes, onChange) {
  const offered = [...axes.many, "seed"];
  const control = { axes: firstGrouping(live, axes.varying) };
  const chip = (axis) => {
    const box = h("input", {
      type: "checkbox",
      checked: control.axes.includes(axis),
      onChange: () => {
        const isChosen = (other) => (other === axis ? box.checked : control.axes.includes(other));
        control.axes = offered.filter(isChosen);
        onChange();
      },
    });
    return h("label.chip", box, axisTitle(axis));
  };
  control.element = h("fieldset.chips", h("legend", t("curves.groupBy")), offered.map(chip));
  return control;
}

/** Return all axes that vary where that stays readable, else the one that most experiments ask about. */
function firstGrouping(live, varying) {
  const groups = Map.groupBy(live.runs.values(), (run) => varying.map((axis) => labelOn(run, axis)).join("\n"));
  if (groups.size <= MOST_FIRST_GROUPS) return varying;
  return [varying.includes(MAIN_AXIS) ? MAIN_AXIS : varying[0]];
}
