// The outputs of a run: histograms of probabilities and losses, class by class.

import { t } from "../lib/text.js";
import { show } from "../parts/dom.js";
import { Figure } from "../parts/figure.js";
import { recordedPanel } from "./run_recorded.js";

/** Return the panel; it is hidden where no outputs were recorded.
 * @param layers the panel that knows what is recorded */
export function outputsPanel(live, layers, signal) {
  const figure = new Figure({ alt: t("outputs.alt"), signal });
  const texts = { title: t("outputs.title"), waiting: t("outputs.waiting") };
  return recordedPanel("outputs", texts, live, layers, (body) => {
    show(body, figure.element);
    figure.showWhenVisible(`/v1/runs/${live.run.id}/figures/outputs.svg`);
  });
}
