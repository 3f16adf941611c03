// One run: its diagnosis, curves, layers, configuration, attempts and log.

import { Choices } from "../lib/address.js";
import { find } from "../lib/api.js";
import { catalog } from "../lib/catalog.js";
import { runName } from "../lib/format.js";
import { LiveRun } from "../lib/live_run.js";
import { showTasks } from "../lib/metrics.js";
import { t } from "../lib/text.js";
import { configuration } from "../parts/configuration.js";
import { h, show } from "../parts/dom.js";
import { card } from "../parts/elements.js";
import { hasLayers, networkTable } from "../parts/network.js";
import { boundaryPanel } from "./run_boundary.js";
import { confusionPanel } from "./run_confusion.js";
import { CHOICES, curvesPanel } from "./run_curves.js";
import { diagnosisPanel } from "./run_diagnosis.js";
import { headerPanel } from "./run_header.js";
import { LayersPanel } from "./run_layers.js";
import { attemptsPanel, logPanel } from "./run_log.js";
import { outputsPanel } from "./run_outputs.js";

export async function view({ element, rest, parameters, signal }) {
  let panels = [];
  const update = () => {
    for (const panel of panels) panel.update();
  };
  const live = new LiveRun(rest[0], signal, update);
  const [axes] = await Promise.all([catalog(), live.load()]);
  const { run } = live;
  showTasks([run]);
  const [experiment, network] = await Promise.all([
    find(`/v1/experiments/${run.experiment_id}`, {}, signal),
    hasLayers(run.config) ? find(`/v1/runs/${run.id}/network`, {}, signal) : null,
  ]);
  const header = headerPanel(live, experiment, signal);
  const curves = curvesPanel(live, new Choices(CHOICES, parameters), signal);
  const layers = new LayersPanel(live, signal);
  const diagnosis = diagnosisPanel(live, layers);
  const boundary = boundaryPanel(live, axes, layers, signal);
  const outputs = outputsPanel(live, layers, signal);
  const confusion = confusionPanel(live, layers, signal);
  const attempts = attemptsPanel(live, signal);
  const log = logPanel(live);
  panels = [header, curves, diagnosis, boundary, layers, outputs, confusion, attempts, log];
  const mainPanels = [diagnosis, curves, boundary, layers, outputs, confusion];
  const config = card("config-title", t("run.config"), configuration(run.config));
  show(
    element,
    header.element,
    h(
      "div.grid",
      h(
        "div.main",
        mainPanels.map((panel) => panel.element),
      ),
      h("div.side", config, networkCard(network), attempts.element, log.element),
    ),
  );
  update();
  live.follow();
  return t("run.title", { name: runName(run) });
}

function networkCard(network) {
  return network && card("network-title", t("network.title"), networkTable(network));
}
