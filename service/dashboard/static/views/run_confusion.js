// The confusion of a run: which classes its network takes for which, and each class's recall and precision.

import { get } from "../lib/api.js";
import { percent, whole } from "../lib/format.js";
import { hasEnded } from "../lib/statuses.js";
import { t } from "../lib/text.js";
import { h, show, whenVisible } from "../parts/dom.js";
import { card, notice, scrollableTable } from "../parts/elements.js";
import { Figure } from "../parts/figure.js";

/** The answer for a run of a version that did not record it. */
const NOT_RECORDED = 409;

/** Return the panel; it is hidden where a run has no layer statistics, with which its confusion is recorded, and no classes. */
export function confusionPanel(live, signal) {
  const body = h("div.outputs");
  const element = card("confusion-title", t("confusion.title"), body);
  element.hidden = live.run.config.layer_statistics === "off" || live.run.task === "regression";
  const figure = new Figure({ alt: t("confusion.alt"), signal });
  const draw = async () => {
    try {
      const found = await get(`/v1/runs/${live.run.id}/confusion`, {}, signal);
      show(body, [figure.element, classTable(found)]);
      figure.show(`/v1/runs/${live.run.id}/figures/confusion.svg`);
    } catch (error) {
      if (signal.aborted) return;
      if (error.status === NOT_RECORDED) element.hidden = true;
      else show(body, notice(error.message));
    }
  };
  let drawn = null; // the status that was drawn
  const update = () => {
    const { run } = live;
    if (element.hidden || run.status === drawn) return;
    drawn = run.status;
    // A verdict rests on layer statistics, with which the confusion is recorded.
    if (hasEnded(run) && !run.diagnosis?.verdict) element.hidden = true;
    else if (hasEnded(run)) whenVisible(element, draw);
    else show(body, notice(t("confusion.waiting")));
  };
  return { element, update };
}

function classTable({ classes }) {
  const columns = ["class", "count", "recall", "precision", "f1"].map((name) => t(`confusion.${name}`));
  const heading = (column, index) => h(index ? "th.number" : "th", { scope: "col" }, column);
  return scrollableTable(
    t("confusion.classes"),
    "table",
    h("caption.unseen", t("confusion.classes")),
    h("thead", h("tr", columns.map(heading))),
    h("tbody", classes.map(classRow)),
  );
}

function classRow({ name, count, recall, precision, f1 }) {
  const numbers = [whole(count), percent(recall), percent(precision), percent(f1)];
  return h(
    "tr",
    h("th", { scope: "row" }, name),
    numbers.map((text) => h("td.number", text)),
  );
}
