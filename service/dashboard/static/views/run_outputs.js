// The outputs of a run: histograms of probabilities and losses, class by class.

import { hasEnded } from "../lib/statuses.js";
import { t } from "../lib/text.js";
import { h, show } from "../parts/dom.js";
import { card, notice } from "../parts/elements.js";
import { Figure } from "../parts/figure.js";

/** Return the panel; it is hidden where a run has no layer statistics, with which outputs are recorded, and no classes. */
export function outputsPanel(live, signal) {
  const body = h("div.outputs");
  const element = card("outputs-title", t("outputs.title"), body);
  element.hidden = live.run.config.layer_statistics === "off" || live.run.task === "regression";
  const figure = new Figure({ alt: t("outputs.alt"), signal });
  let drawn = null; // the status that was drawn
  const update = () => {
    const { run } = live;
    if (element.hidden || run.status === drawn) return;
    drawn = run.status;
    if (hasEnded(run)) {
      show(body, figure.element);
      figure.showWhenVisible(`/v1/runs/${run.id}/figures/outputs.svg`);
    } else show(body, notice(t("outputs.waiting")));
  };
  return { element, update };
}
