// Runs of any experiments side by side: their curves, and where they differ; or whole experiments in one chart.

import { Choices } from "../lib/address.js";
import { query } from "../lib/api.js";
import { chooseRun, chooseRuns, MOST_RUNS } from "../lib/chosen_runs.js";
import { LiveRuns } from "../lib/live_runs.js";
import { completedLines, epochsTo, groupCurve, lastEpoch } from "../lib/mean.js";
import { epochMetrics, MAIN_METRIC, showTasks } from "../lib/metrics.js";
import { distinctNames } from "../lib/run_names.js";
import { t } from "../lib/text.js";
import { setConnection } from "../parts/badges.js";
import { CURVE_CHOICES } from "../parts/curve_controls.js";
import { Curves } from "../parts/curves.js";
import { h, show } from "../parts/dom.js";
import { button, card, notice } from "../parts/elements.js";
import { help } from "../parts/help.js";
import { MetricChoice } from "../parts/metric_choice.js";
import { experimentsView } from "./compare_experiments.js";
import { compareTable } from "./compare_table.js";
import { LayersPanel } from "./run_layers.js";

export async function view(visit) {
  const { element, parameters, signal } = visit;
  const experiments = idsIn(parameters.get("experiments") ?? "");
  if (experiments.length) return experimentsView(visit, { wanted: experiments, idsIn, compare: compareExperiments });
  const wanted = idsIn(parameters.get("runs") ?? "");
  const connection = h("span.live");
  let panels = [];
  const update = () => {
    setConnection(connection, live.connection);
    for (const panel of panels) panel.update();
  };
  const live = new LiveRuns(wanted.slice(-MOST_RUNS), signal, update);
  await live.load();
  for (const id of live.missing) chooseRun(id, false);
  const runs = [...live.runs.values()];
  showTasks(runs);
  const choices = new Choices({ metric: MAIN_METRIC, ...CURVE_CHOICES }, parameters);
  const ids = runs.map((run) => run.id);
  const title = h("h1", t("nav.compare"));
  const heading = [
    h("div.heading", title, help("compare", t("nav.compare")), connection),
    notesOn(live.missing, wanted),
  ];
  if (!runs.length) {
    show(element, heading, h("div.card.empty", h("p", t("compare.none")), addingForm([])));
    return t("nav.compare");
  }
  const names = distinctNames(runs);
  const remove = (id) => compareRuns(ids.filter((other) => other !== id));
  const layers = runs.length === 2 ? layerPanels(live, ids, names, signal) : [];
  panels = [curvesPanel(live, names, choices, signal), compareTable(runs, names, remove), ...layers];
  show(
    element,
    heading,
    addingForm(ids),
    panels.slice(0, 2).map((panel) => panel.element),
    layers.length > 0 &&
      h(
        "div.grid.two",
        layers.map((panel) => panel.element),
      ),
  );
  update();
  live.follow();
  return t("nav.compare");
}

/** Return the ids in a text, each once. They stand between commas or spaces, or at the end of runs' addresses. */
function idsIn(text) {
  const words = text.toLowerCase().split(/[\s,]+/);
  return [...new Set(words.map((word) => word.split("/").at(-1)).filter(Boolean))];
}

function notesOn(missing, wanted) {
  const tooMany = wanted.length - MOST_RUNS;
  return [
    missing.length ? notice(t("compare.gone", { n: missing.length, ids: missing.join(", ") })) : null,
    tooMany > 0 ? notice(t("compare.most", { most: MOST_RUNS, n: tooMany })) : null,
  ];
}

/** Return the form that adds runs to those compared. */
function addingForm(ids) {
  const entry = h("input", { type: "text", placeholder: t("compare.id"), "aria-label": t("compare.id"), size: "40" });
  const add = (event) => {
    event.preventDefault();
    compareRuns([...ids, ...idsIn(entry.value)]);
  };
  return h(
    "form.controls",
    { onSubmit: add },
    entry,
    h("button", { type: "submit" }, t("compare.add")),
    ids.length ? button("button.ghost", () => compareRuns([]), t("compare.clear")) : null,
  );
}

/** Go to the comparison of these runs, with what was chosen of their curves. */
function compareRuns(ids) {
  const distinct = [...new Set(ids)];
  chooseRuns(distinct);
  const parameters = Object.fromEntries(new URLSearchParams(location.hash.split("?")[1]));
  location.hash = `#/compare${query({ ...parameters, runs: distinct.join(",") })}`;
}

/** Go to the comparison of these experiments, with what was chosen of their curves. */
function compareExperiments(ids) {
  const parameters = Object.fromEntries(new URLSearchParams(location.hash.split("?")[1]));
  location.hash = `#/compare${query({ ...parameters, experiments: [...new Set(ids)].join(",") })}`;
}

/** Return the layers of two runs, side by side; an epoch that is chosen in one is shown in both. */
function layerPanels(live, ids, names, signal) {
  const panels = ids.map((id, index) => {
    const ofRun = {
      get run() {
        return live.runs.get(id);
      },
    };
    const title = t("title.of", { what: t("layers.title"), metric: names[index] });
    const onLook = (epoch) => panels[1 - index].lookAtEpoch(epoch);
    return new LayersPanel(ofRun, signal, { title, id: `layers-${index}`, onLook });
  });
  return panels;
}

function curvesPanel(live, names, choices, signal) {
  const curves = new Curves({ label: t("curves.title"), signal, choices, onChange: () => update() });
  const choose = (metric) => {
    choices.set("metric", metric);
    update();
  };
  const choice = new MetricChoice(choose, { chosen: choices.get("metric") });
  const body = h("div");
  const update = () => {
    const { histories } = live;
    const offered = epochMetrics(histories.values());
    choice.update(offered);
    const last = lastEpoch([...histories.values()]);
    if (!last) {
      show(body, notice(live.finished ? t("curves.nothing") : t("curves.waiting")));
      return;
    }
    if (!body.contains(curves.element)) show(body, curves.element);
    const metric = offered.includes(choice.metric) ? choice.metric : MAIN_METRIC;
    const drawn = [...live.runs.values()].map((run, index) => groupCurve(names[index], [run], histories, metric, last));
    const lines = completedLines(drawn, histories, last, curves.askedOf(metric));
    curves.update({ metric, epochs: epochsTo(last), lines });
  };
  return { element: card("compare-curves", t("curves.title"), h("div.controls", choice.element), body), update };
}
