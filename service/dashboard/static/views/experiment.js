// One experiment: the answer first, then curves beside the ranking, heat map, parallel coordinates, effects, claims and runs.

import { Choices } from "../lib/address.js";
import { axesWithManyLabels, varyingAxes } from "../lib/axes.js";
import { experimentName } from "../lib/format.js";
import { LiveExperiment } from "../lib/live_experiment.js";
import { showTasks } from "../lib/metrics.js";
import { t } from "../lib/text.js";
import { throttle } from "../lib/timing.js";
import { BlockedNotice } from "../parts/blocked.js";
import { h, setText, show } from "../parts/dom.js";
import { help } from "../parts/help.js";
import { RunTable } from "../parts/run_table.js";
import { outcomeCounts } from "../parts/verdicts.js";
import { answerPanel } from "./experiment_answer.js";
import { curvesPanel } from "./experiment_curves.js";
import { headerPanel } from "./experiment_header.js";
import { parallelPanel } from "./experiment_parallel.js";
import { AskedComparison, claimsPanel, effectsPanel, heatmapPanel, rankingPanel } from "./experiment_results.js";
import { CHOICES, Toolbar } from "./experiment_toolbar.js";

const ASK_MILLISECONDS = 10_000;

export async function view({ element, rest, parameters, signal, setTitle }) {
  let panels = [];
  const update = () => {
    for (const panel of panels) panel.update();
  };
  const live = new LiveExperiment(rest[0], signal, update);
  await live.load();
  const runs = [...live.runs.values()];
  showTasks(runs);
  const axes = { varying: varyingAxes(runs), many: axesWithManyLabels(runs) };
  const askAgain = () => {
    asked.askAgain();
    heatmap.again();
    parallel.again();
    update();
  };
  const choices = new Choices(CHOICES, parameters);
  const toolbar = new Toolbar(live, axes, choices, askAgain);
  const asked = new AskedComparison(live, toolbar, signal, () => {
    for (const panel of [answer, ranking, effects]) panel.update();
  });
  const header = headerPanel(live, signal, setTitle);
  const answer = answerPanel(live, axes, asked);
  const curves = curvesPanel(live, toolbar, signal);
  const table = runsPanel(live, choices, axes.many);
  const heatmap = heatmapPanel(live, axes, toolbar, signal, table.only);
  const parallel = parallelPanel(live, axes, toolbar, signal);
  const ranking = rankingPanel(live, asked, signal);
  const effects = effectsPanel(asked);
  const claims = claimsPanel(live, signal);
  const blocked = blockedPanel(live, signal);
  panels = [header, blocked, toolbar, asked, answer, curves, heatmap, parallel, ranking, effects, claims, table];
  show(
    element,
    header.element,
    blocked.element,
    answer.element,
    claims.element,
    toolbar.element,
    h("div.grid.results", curves.element, ranking.element),
    heatmap.element,
    parallel.element,
    effects.element,
    table.element,
  );
  update();
  live.follow();
  const title = experimentName(live.experiment);
  setTitle(title);
  return title;
}

/** Return the notice of runs that no worker can take, asked while some of these wait. */
function blockedPanel(live, signal) {
  const notice = new BlockedNotice(signal);
  const ask = throttle(ASK_MILLISECONDS, () => notice.ask());
  const update = () => {
    if (live.experiment.runs.queued > 0 && !live.finished) ask();
    else notice.hide();
  };
  return { element: notice.element, update };
}

function runsPanel(live, choices, axes) {
  const table = new RunTable(choices, axes);
  const outcomes = h("span.muted");
  const element = h(
    "section.card",
    { "aria-labelledby": "runs-title" },
    h("div.heading", h("h2", { id: "runs-title" }, t("runs.title")), help("runs-title", t("runs.title")), outcomes),
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
