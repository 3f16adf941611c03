// What an experiment came to: heat map, ranking and effects, claims; asked again as runs end.

import { get } from "../lib/api.js";
import { h, select, show, throttle } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { notice } from "../parts/badges.js";
import { claims } from "../parts/claims.js";
import { heatmap } from "../parts/heatmap.js";
import { COMPARED, comparedOptions, pointOptions } from "../parts/metrics.js";
import { effects, ranking } from "../parts/ranking.js";

const ASK_AGAIN_MILLISECONDS = 2_500;

/**
 * A panel whose content is asked from the API: at first, when runs have ended, and when another
 * question is chosen. A refusal is shown as its sentence.
 */
function asked(board, signal, body, ask) {
  let answered = null;
  let question = 0;
  const again = async () => {
    const mine = (question += 1);
    const content = await ask().catch((error) => notice(error.message));
    if (mine === question && !signal.aborted) show(body, content);
  };
  const soon = throttle(ASK_AGAIN_MILLISECONDS, again);
  const update = () => {
    const state = `${board.version} ${board.experiment.status}`;
    if (state !== answered) soon();
    answered = state;
  };
  return { update, again };
}

function panel(id, title, controls, body) {
  return h("section.card", { "aria-labelledby": id }, h("h2", { id }, title), controls, body);
}

/**
 * The axes a table can have, the two it has at first before the others: activation against
 * initializer where neither decides the other, else those with the most values.
 */
function tableAxes({ placed, axes, many }) {
  const values = (axis) => new Set([...placed.values()].map((place) => place[axis])).size;
  const most = axes.toSorted((one, other) => values(other) - values(one)).slice(0, 2);
  const asked = ["activation", "initializer"].filter((axis) => axes.includes(axis));
  const first = asked.length === 2 ? asked : axes.filter((axis) => most.includes(axis));
  return [...new Set([...first, ...axes, ...many])];
}

export function heatPanel(board, state, signal, showRuns) {
  const axes = tableAxes(state);
  const body = h("div");
  if (axes.length < 2) {
    return { element: h("div", { hidden: true }), update: () => {} };
  }
  const chosen = { rows: axes[0], columns: axes[1], metric: "val_accuracy", at: "final" };
  const ask = async () => {
    if (chosen.rows === chosen.columns) return notice(t("heatmap.twoAxes"));
    const by = `${chosen.rows},${chosen.columns}`;
    const comparison = await get(
      `/v1/experiments/${board.id}/comparison`,
      { by, metric: chosen.metric, at: chosen.at },
      signal,
    );
    return [heatmap(comparison, [...board.runs.values()], state.placed, showRuns), h("p.note", {}, t("heatmap.note"))];
  };
  const { update, again } = asked(board, signal, body, ask);
  const options = axes.map((axis) => [axis, t(`axis.${axis}`)]);
  const set = (name) => (value) => {
    chosen[name] = value;
    again();
  };
  const controls = h(
    "div.controls",
    {},
    select(t("heatmap.rows"), options, chosen.rows, set("rows")),
    select(t("heatmap.columns"), options, chosen.columns, set("columns")),
    select(t("curves.metric"), comparedOptions(), chosen.metric, set("metric")),
    select(t("at.label"), pointOptions(), chosen.at, set("at")),
  );
  return { element: panel("heat-title", t("heatmap.title"), controls, body), update };
}

export function comparePanel(board, state, signal) {
  const body = h("div");
  const chosen = { metric: COMPARED[0], at: "final", by: "" };
  const ask = async () => {
    const comparison = await get(`/v1/experiments/${board.id}/comparison`, chosen, signal);
    return [ranking(comparison), effects(comparison)];
  };
  const { update, again } = asked(board, signal, body, ask);
  const set = (name) => (value) => {
    chosen[name] = value;
    again();
  };
  const groupings = [["", t("ranking.byAll")], ...state.many.map((axis) => [axis, t(`axis.${axis}`)])];
  const controls = h(
    "div.controls",
    {},
    select(t("curves.metric"), comparedOptions(), chosen.metric, set("metric")),
    select(t("at.label"), pointOptions(), chosen.at, set("at")),
    select(t("curves.groupBy"), groupings, "", set("by")),
  );
  return { element: panel("ranking-title", t("ranking.title"), controls, body), update };
}

export function claimsPanel(board, signal) {
  const body = h("div");
  const element = panel("claims-title", t("claims.title"), null, body);
  element.hidden = true;
  if (!board.experiment.preset) return { element, update: () => {} };
  element.hidden = false;
  const ask = async () => claims(await get(`/v1/experiments/${board.id}/claims`, {}, signal));
  return { element, update: asked(board, signal, body, ask).update };
}
