// Runs of any experiments side by side: their curves, and where they differ.

import { chooseRun, chooseRuns, MOST_RUNS } from "../lib/chosen_runs.js";
import { LiveRuns } from "../lib/live_runs.js";
import { epochsTo, lastEpoch, singleCurve } from "../lib/mean.js";
import { epochMetrics, showTasks } from "../lib/metrics.js";
import { distinctNames } from "../lib/run_names.js";
import { t } from "../lib/text.js";
import { setConnection } from "../parts/badges.js";
import { Curves } from "../parts/curves.js";
import { h, show } from "../parts/dom.js";
import { button, card, checkbox, notice } from "../parts/elements.js";
import { help } from "../parts/help.js";
import { MetricChoice } from "../parts/metric_choice.js";
import { compareTable } from "./compare_table.js";
import { LayersPanel } from "./run_layers.js";

export async function view({ element, parameters, signal }) {
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
  panels = [curvesPanel(live, names, signal), compareTable(runs, names, remove), ...layers];
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

/** Go to the comparison of these runs. */
function compareRuns(ids) {
  const distinct = [...new Set(ids)];
  chooseRuns(distinct);
  location.hash = distinct.length ? `#/compare?runs=${distinct.map(encodeURIComponent).join(",")}` : "#/compare";
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

function curvesPanel(live, names, signal) {
  const curves = new Curves({ label: t("curves.title"), signal });
  const choice = new MetricChoice(() => update());
  const log = checkbox(t("curves.log"), false, (checked) => curves.setLog(checked));
  const body = h("div");
  const update = () => {
    const histories = [...live.histories.values()];
    choice.update(epochMetrics(histories));
    const last = lastEpoch(histories);
    if (!last) {
      show(body, notice(live.finished ? t("curves.nothing") : t("curves.waiting")));
      return;
    }
    if (!body.contains(curves.element)) show(body, curves.element);
    const { metric } = choice;
    const lines = histories.map((history, index) => singleCurve(names[index], history, metric, last));
    curves.update({ metric, epochs: epochsTo(last), lines });
  };
  const controls = h("div.controls", choice.element, log);
  return { element: card("compare-curves", t("curves.title"), controls, body), update };
}
