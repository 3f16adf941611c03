// One experiment: curves, heat map, ranking, claims and runs, live.

import { axesWithManyLabels, varyingAxes } from "../lib/axes.js";
import { experimentName } from "../lib/format.js";
import { LiveExperiment } from "../lib/live_experiment.js";
import { showTasks } from "../lib/metrics.js";
import { t } from "../lib/text.js";
import { h, setText, show } from "../parts/dom.js";
import { RunTable } from "../parts/run_table.js";
import { outcomeCounts } from "../parts/verdicts.js";
import { curvesPanel } from "./experiment_curves.js";
import { headerPanel } from "./experiment_header.js";
import { claimsPanel, heatmapPanel, rankingPanel } from "./experiment_results.js";

export async function view({ element, rest, signal, setTitle }) {
  let panels = [];
  const update = () => {
    for (const panel of panels) panel.update();
  };
  const live = new LiveExperiment(rest[0], signal, update);
  await live.load();
  const runs = [...live.runs.values()];
  showTasks(runs);
  const axes = { varying: varyingAxes(runs), many: axesWithManyLabels(runs) };
  const header = headerPanel(live, signal);
  const curves = curvesPanel(live, axes, signal);
  const table = runsPanel(live);
  const heatmap = heatmapPanel(live, axes, signal, table.only);
  const ranking = rankingPanel(live, axes, signal);
  const claims = claimsPanel(live, signal);
  panels = [header, curves, heatmap, ranking, claims, table];
  show(
    element,
    header.element,
    h(
      "div.grid.results",
      h("div.main", curves.element, heatmap.element),
      h("div.side", claims.element, ranking.element),
    ),
    table.element,
  );
  update();
  live.follow();
  const title = experimentName(live.experiment);
  setTitle(title);
  return title;
}

function runsPanel(live) {
  const table = new RunTable();
  const outcomes = h("span.muted");
  const element = h(
    "section.card",
    { "aria-labelledby": "runs-title" },
    h("div.heading", h("h2", { id: "runs-title" }, t("runs.title")), outcomes),
    table.element,
  );
  const update = () => {
    const runs = [...live.runs.values()];
    table.update(runs);
    setText(outcomes, outcomeCounts(runs));
  };
  const only = (labels) => {
    table.only(labels);
    element.scrollIntoView({ behavior: "smooth" });
  };
  return { element, update, only };
}
