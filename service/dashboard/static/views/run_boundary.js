// Which class a run's network sees where, for data of two features.

import { ENDED } from "../lib/board.js";
import { h, show } from "../lib/dom.js";
import { t } from "../lib/text.js";
import { notice } from "../parts/badges.js";
import { Figure } from "../parts/figure.js";

const FEATURES = 2;

export function boundaryCard(state, axes, signal) {
  const body = h("div.boundary");
  const element = h(
    "section.card",
    { "aria-labelledby": "boundary-title" },
    h("h2", { id: "boundary-title" }, t("boundary.title")),
    body,
  );
  const data = axes.get("dataset").items.find((each) => each.name === state.run.config.dataset.name)?.dataset;
  element.hidden = data?.input_shape.join() !== String(FEATURES);
  if (element.hidden) return { element, update: () => {} };
  const figure = new Figure({ alt: t("boundary.alt"), signal });
  let seen = null;
  const update = () => {
    const { id, status } = state.run;
    if (status === seen) return;
    seen = status;
    if (!ENDED.has(status)) show(body, notice(t("boundary.waiting")));
    else {
      show(body, figure.element);
      figure.show(`/v1/runs/${id}/figures/decision_boundary.svg`);
    }
  };
  return { element, update };
}
