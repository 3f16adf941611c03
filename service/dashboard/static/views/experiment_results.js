// The results of an experiment: ranking, heat map, effects and claims, asked again as runs end.

import { get, query } from "../lib/api.js";
import { labelsOn } from "../lib/axes.js";
import { designNotes } from "../lib/comparison.js";
import { metricTitle } from "../lib/metrics.js";
import { rankingCsv, rankingLatex, rankingMarkdown } from "../lib/ranking_files.js";
import { joined, t } from "../lib/text.js";
import { throttle } from "../lib/timing.js";
import { claimList } from "../parts/claims.js";
import { axisTitle } from "../parts/configuration.js";
import { h, setText, show } from "../parts/dom.js";
import { downloads, saveText } from "../parts/downloads.js";
import { effects, levelMeans } from "../parts/effects.js";
import { card, notice, select } from "../parts/elements.js";
import { Figure } from "../parts/figure.js";
import { heatmap } from "../parts/heatmap.js";
import { help } from "../parts/help.js";
import { fileTitles, ranking } from "../parts/ranking.js";

const ASK_AGAIN_MILLISECONDS = 2_500;
/** The two axes of a heat map at first, where both vary. */
const FIRST_AXES = ["activation", "initializer"];

/**
 * Call `ask` at first, when runs have ended, and when another question is chosen.
 *
 * @param ask    returns what the API answers
 * @param answer called with `(answer, null)` or, where it refused, `(null, its sentence)`
 * @returns `{update, again}`: `update` asks where something changed, `again` in any case
 */
export function asking(live, signal, ask, answer) {
  let asked = null; // the version that was asked about last
  let latest = 0; // number of the last question: older answers are dropped
  const again = async () => {
    latest += 1;
    const question = latest;
    const [found, problem] = await ask().then(
      (value) => [value, null],
      (error) => [null, error.message],
    );
    if (question === latest && !signal.aborted) answer(found, problem);
  };
  const soon = throttle(ASK_AGAIN_MILLISECONDS, again);
  const update = () => {
    const version = `${live.version} ${live.experiment.status}`;
    if (version !== asked) soon();
    asked = version;
  };
  return { update, again };
}

/** Fill an element with what is made of an answer; a refusal is shown as its sentence. */
function answered(live, signal, body, ask) {
  return asking(live, signal, ask, (content, problem) => show(body, problem ? notice(problem) : content));
}

/** The API's comparison of an experiment, asked once for all panels that show it. */
export class AskedComparison {
  /** @param onAnswer called after each answer */
  constructor(live, toolbar, signal, onAnswer) {
    Object.assign(this, { live, toolbar, comparison: null, problem: null, reference: null, groupedBy: toolbar.by });
    const ask = () => get(`/v1/experiments/${live.id}/comparison`, this.parameters, signal);
    const answer = (comparison, problem) => {
      Object.assign(this, { comparison, problem });
      onAnswer();
    };
    Object.assign(this, asking(live, signal, ask, answer));
  }

  get parameters() {
    const against = Object.entries(this.reference ?? {}).map(([axis, label]) => `${axis}:${label}`);
    return { by: this.toolbar.by, against, ...this.toolbar.question };
  }

  /** Ask with the choices of the toolbar; a reference stays while the groups do. */
  askAgain() {
    if (this.groupedBy !== this.toolbar.by) this.reference = null;
    this.groupedBy = this.toolbar.by;
    this.again();
  }

  /** Compare with the group that has these labels; with the leader where null. */
  compareWith(labels) {
    this.reference = labels;
    this.again();
  }
}

/** @param asked the `AskedComparison` of the view */
export function rankingPanel(live, asked, signal) {
  const title = h("h2", { id: "ranking-title" }, t("ranking.title"));
  const body = h("div");
  const tuning = new Figure({ alt: t("ranking.tuning"), signal });
  let drawn = null;
  const update = () => {
    const { comparison, problem } = asked;
    const shown = problem ?? comparison;
    if (shown === null || shown === drawn) return;
    drawn = shown;
    setText(title, t("title.of", { what: t("ranking.title"), metric: metricTitle(asked.toolbar.rankedBy) }));
    if (problem) show(body, notice(problem));
    else show(body, content(comparison));
  };
  const content = (comparison) => {
    const isTuned = hasTuningFigure(comparison);
    if (isTuned) tuning.show(`/v1/experiments/${live.id}/figures/tuning.svg${query(asked.parameters)}`);
    return [ranking(comparison, (labels) => asked.compareWith(labels)), isTuned && tuning.element];
  };
  const save = (write, extension, type) => () => {
    const { comparison } = asked;
    if (comparison) saveText(write(comparison, fileTitles(comparison)), `ranking.${extension}`, type);
  };
  const files = downloads({
    CSV: save(rankingCsv, "csv", "text/csv"),
    Markdown: save(rankingMarkdown, "md", "text/markdown"),
    LaTeX: save(rankingLatex, "tex", "text/x-tex"),
  });
  const head = h("div.heading", title, help("ranking-title", t("ranking.title")), files);
  return { element: h("section.card", { "aria-labelledby": "ranking-title" }, head, body), update };
}

/** Whether one number is tuned, so that results can be drawn over it. */
function hasTuningFigure({ tune, groups }) {
  return tune.length === 1 && groups.some((group) => group.curve?.good_range);
}

/** Return the panel of what each axis contributes; it is hidden where nothing is known of it. */
export function effectsPanel(asked) {
  const body = h("div.pair");
  const element = h("section.card", { "aria-label": t("effects.title"), hidden: true }, body);
  let drawn = null;
  const update = () => {
    if (asked.comparison === drawn) return;
    drawn = asked.comparison;
    const parts = drawn ? [effects(drawn), levelMeans(drawn)].filter(Boolean) : [];
    element.hidden = !parts.length;
    show(body, parts);
  };
  return { element, update };
}

/** Return the panel; it is hidden where fewer than two axes vary. */
export function heatmapPanel(live, axes, toolbar, signal, showRuns) {
  const offered = tableAxes([...live.runs.values()], axes);
  if (offered.length < 2) return { element: h("div", { hidden: true }), update: () => {}, again: () => {} };
  const title = h("h2", { id: "heat-title" }, t("heatmap.title"));
  const body = h("div");
  const { choices } = toolbar;
  const axisOf = (name, usual) => (offered.includes(choices.get(name)) ? choices.get(name) : usual);
  const chosen = () => [axisOf("rows", offered[0]), axisOf("columns", offered[1])];
  const ask = async () => {
    const [rows, columns] = chosen();
    setText(title, t("title.of", { what: t("heatmap.title"), metric: metricTitle(toolbar.rankedBy) }));
    if (rows === columns) return notice(t("heatmap.twoAxes"));
    const parameters = { by: `${rows},${columns}`, ...toolbar.question };
    const comparison = await get(`/v1/experiments/${live.id}/comparison`, parameters, signal);
    const note = joined([t("heatmap.note"), ...designNotes(comparison)]);
    return [heatmap(comparison, [...live.runs.values()], showRuns), h("p.note", note)];
  };
  const { update, again } = answered(live, signal, body, ask);
  const options = offered.map((axis) => [axis, axisTitle(axis)]);
  const choose = (name) => (axis) => {
    choices.set(name, axis);
    again();
  };
  const controls = h(
    "div.controls",
    select(t("heatmap.rows"), options, chosen()[0], choose("rows")),
    select(t("heatmap.columns"), options, chosen()[1], choose("columns")),
  );
  const head = h("div.heading", title, help("heat-title", t("heatmap.title")));
  const element = h("section.card", { "aria-labelledby": "heat-title" }, head, controls, body);
  return { element, update, again };
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
