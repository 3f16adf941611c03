// The decision boundary of a run: the class its network sees at each point of a plane.

import { hasEnded } from "../lib/statuses.js";
import { t } from "../lib/text.js";
import { h, show } from "../parts/dom.js";
import { card, notice } from "../parts/elements.js";
import { Figure } from "../parts/figure.js";

const FEATURES = 2;

/** Return the panel; it is hidden where the data set has other than two features. */
export function boundaryPanel(live, axes, signal) {
  const body = h("div.boundary");
  const element = card("boundary-title", t("boundary.title"), body);
  const { name, input_shape: own } = live.run.config.dataset; // uploaded data have a shape of their own
  const shape = own ?? axes.get("dataset").items.find((entry) => entry.name === name)?.dataset?.input_shape;
  element.hidden = shape?.join() !== String(FEATURES);
  if (element.hidden) return { element, update: () => {} };
  const figure = new Figure({ alt: t("boundary.alt"), signal });
  let drawn = null; // the status that was drawn
  const update = () => {
    const { run } = live;
    if (run.status === drawn) return;
    drawn = run.status;
    if (hasEnded(run)) {
      show(body, figure.element);
      figure.show(`/v1/runs/${run.id}/figures/decision_boundary.svg`);
    } else show(body, notice(t("boundary.waiting")));
  };
  return { element, update };
}
