// The confusion of a run: which classes its network takes for which, and each class's recall and precision.

import { get } from "../lib/api.js";
import { percent, whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { h, show, whenVisible } from "../parts/dom.js";
import { notice, scrollableTable } from "../parts/elements.js";
import { Figure } from "../parts/figure.js";
import { recordedPanel } from "./run_recorded.js";

/** Return the panel; it is hidden where no confusion was recorded.
 * @param layers the panel that knows what is recorded */
export function confusionPanel(live, layers, signal) {
  const figure = new Figure({ alt: t("confusion.alt"), signal });
  const draw = async (body) => {
    try {
      const found = await get(`/v1/runs/${live.run.id}/confusion`, {}, signal);
      show(body, [figure.element, classTable(found)]);
      figure.show(`/v1/runs/${live.run.id}/figures/confusion.svg`);
    } catch (error) {
      if (!signal.aborted) show(body, notice(error.message));
    }
  };
  const texts = { title: t("confusion.title"), waiting: t("confusion.waiting") };
  return recordedPanel("confusion", texts, live, layers, (body) => whenVisible(body, () => draw(body)));
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
