// The results of an experiment: heat map, ranking and claims, asked again as runs end.

import { get, query } from "../lib/api.js";
import { labelsOn } from "../lib/axes.js";
import { designNotes } from "../lib/comparison.js";
import { comparedMetrics, countsToTarget, targetMetrics } from "../lib/metrics.js";
import { joined, t } from "../lib/text.js";
import { throttle } from "../lib/timing.js";
import { claimList } from "../parts/claims.js";
import { axisTitle } from "../parts/configuration.js";
import { h, show } from "../parts/dom.js";
import { effects, levelMeans } from "../parts/effects.js";
import { card, notice, select } from "../parts/elements.js";
import { Figure } from "../parts/figure.js";
import { heatmap } from "../parts/heatmap.js";
import { epochChoice, MetricChoice, TargetChoice } from "../parts/metric_choice.js";
import { ranking } from "../parts/ranking.js";

const ASK_AGAIN_MILLISECONDS = 2_500;
/** The two axes of a heat map at first, where both vary. */
const FIRST_AXES = ["activation", "initializer"];

/**
 * Fill an element with what the API answers: at first, when runs have ended, and when another
 * question is chosen. A refusal is shown as its sentence.
 *
 * @param ask returns the content
 * @returns `{update, again}`: `update` asks where something changed, `again` in any case
 */
function answered(live, signal, body, ask) {
  let asked = null; // the version that was asked about last
  let latest = 0; // number of the last question: older answers are dropped
  const again = async () => {
    latest += 1;
    const question = latest;
    const content = await ask().catch((error) => notice(error.message));
    if (question === latest && !signal.aborted) show(body, content);
  };
  const soon = throttle(ASK_AGAIN_MILLISECONDS, again);
  const update = () => {
    const version = `${live.version} ${live.experiment.status}`;
    if (version !== asked) soon();
    asked = version;
  };
  return { update, again };
}

/** Return what is chosen of a comparison, and its controls; `onChange` is called after a change. */
function comparisonChoice(live, onChange) {
  const metric = new MetricChoice(() => {
    choice.update();
    onChange();
  });
  const target = new TargetChoice(onChange);
  const choice = {
    at: "final",
    get parameters() {
      const chosen = metric.metric;
      return countsToTarget(chosen) ? { metric: chosen, target: target.parameter } : { metric: chosen, at: choice.at };
    },
    update: () => {
      const histories = [...live.histories.values()];
      metric.update(comparedMetrics(histories));
      target.update(targetMetrics(histories), metric.metric);
      epoch.hidden = countsToTarget(metric.metric);
    },
    set: (name) => (value) => {
      choice[name] = value;
      onChange();
    },
  };
  const epoch = epochChoice(choice.set("at"));
  choice.controls = [metric.element, target.element, epoch];
  return choice;
}

/** Return the panel; it is hidden where fewer than two axes vary. */
export function heatmapPanel(live, axes, signal, showRuns) {
  const offered = tableAxes([...live.runs.values()], axes);
  if (offered.length < 2) return { element: h("div", { hidden: true }), update: () => {} };
  const body = h("div");
  const choice = comparisonChoice(live, () => answer.again());
  [choice.rows, choice.columns] = offered;
  const ask = async () => {
    if (choice.rows === choice.columns) return notice(t("heatmap.twoAxes"));
    const parameters = { by: `${choice.rows},${choice.columns}`, ...choice.parameters };
    const comparison = await get(`/v1/experiments/${live.id}/comparison`, parameters, signal);
    const note = joined([t("heatmap.note"), ...designNotes(comparison)]);
    return [heatmap(comparison, [...live.runs.values()], showRuns), h("p.note", note)];
  };
  const answer = answered(live, signal, body, ask);
  const options = offered.map((axis) => [axis, axisTitle(axis)]);
  const controls = h(
    "div.controls",
    select(t("heatmap.rows"), options, choice.rows, choice.set("rows")),
    select(t("heatmap.columns"), options, choice.columns, choice.set("columns")),
    choice.controls,
  );
  const update = () => {
    choice.update();
    answer.update();
  };
  return { element: card("heat-title", t("heatmap.title"), controls, body), update };
}

/**
 * Return the axes a heat map can have. The first two are activation and initializer where neither
 * decides the other, else those with the most labels.
 */
function tableAxes(runs, { varying, many }) {
  const countLabels = (axis) => labelsOn(runs, axis).length;
  const most = varying.toSorted((one, other) => countLabels(other) - countLabels(one)).slice(0, 2);
  const usual = FIRST_AXES.every((axis) => varying.includes(axis));
  const first = usual ? FIRST_AXES : varying.filter((axis) => most.includes(axis));
  return [...new Set([...first, ...varying, ...many])];
}

export function rankingPanel(live, axes, signal) {
  const body = h("div");
  const choice = comparisonChoice(live, () => answer.again());
  [choice.by, choice.reference] = ["", null];
  const tuning = new Figure({ alt: t("ranking.tuning"), signal });
  const ask = async () => {
    const against = Object.entries(choice.reference ?? {}).map(([axis, label]) => `${axis}:${label}`);
    const parameters = { by: choice.by, against, ...choice.parameters };
    const comparison = await get(`/v1/experiments/${live.id}/comparison`, parameters, signal);
    const isTuned = hasTuningFigure(comparison);
    if (isTuned) tuning.show(`/v1/experiments/${live.id}/figures/tuning.svg${query(parameters)}`);
    return [
      ranking(comparison, choice.set("reference")),
      isTuned && tuning.element,
      effects(comparison),
      levelMeans(comparison),
    ];
  };
  const answer = answered(live, signal, body, ask);
  const groupings = [["", t("ranking.byAll")], ...axes.many.map((axis) => [axis, axisTitle(axis)])];
  const groupBy = select(t("curves.groupBy"), groupings, "", (by) => {
    choice.reference = null; // its labels are those of the old groups
    choice.set("by")(by);
  });
  const update = () => {
    choice.update();
    answer.update();
  };
  const controls = h("div.controls", choice.controls, groupBy);
  return { element: card("ranking-title", t("ranking.title"), controls, body), update };
}

/** Whether one number is tuned, so that results can be drawn over it. */
function hasTuningFigure({ tune, groups }) {
  return tune.length === 1 && groups.some((group) => group.curve?.good_range);
}

/** Return the panel; it is hidden where nothing was claimed. */
export function claimsPanel(live, signal) {
  const body = h("div");
  const element = card("claims-title", t("claims.title"), body);
  element.hidden = true;
  const ask = async () => {
    const found = await get(`/v1/experiments/${live.id}/claims`, {}, signal);
    element.hidden = !found.claims.length;
    return claimList(found);
  };
  return { element, update: answered(live, signal, body, ask).update };
}
