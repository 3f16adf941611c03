// The learning curves of a run: the training and validation metrics of one quantity at a time.

import { completedLines, epochsTo, groupCurve, lastEpoch } from "../lib/mean.js";
import { epochMetrics, MAIN_METRIC, metricTitle, quantityOf, STOPPING_METRICS } from "../lib/metrics.js";
import { hasEnded, STATUS } from "../lib/statuses.js";
import { t } from "../lib/text.js";
import { CURVE_CHOICES } from "../parts/curve_controls.js";
import { Curves } from "../parts/curves.js";
import { h, show } from "../parts/dom.js";
import { card, notice, select } from "../parts/elements.js";

/** The choices by their names in the address; an empty quantity is chosen by the page. */
export const CHOICES = { quantity: "", ...CURVE_CHOICES };

const HEIGHT = 260;

/** @param choices the `Choices` of the view */
export function curvesPanel(live, choices, signal) {
  const curves = new Curves({
    label: t("curves.title"),
    height: HEIGHT,
    signal,
    choices,
    onChange: () => update(),
    hasBoth: true,
  });
  const body = h("div");
  const choice = h("span.metric");
  let offered = "";
  const offer = (groups) => {
    const options = [...groups].map(([name, metrics]) => [name, metrics.map(metricTitle).join(" / ")]);
    const chosen = choices.get("quantity");
    const quantity = groups.has(chosen) ? chosen : usualQuantity(live.run);
    if (JSON.stringify([options, quantity]) !== offered) {
      offered = JSON.stringify([options, quantity]);
      const choose = (value) => {
        choices.set("quantity", value);
        update();
      };
      show(choice, select(t("curves.metric"), options, quantity, choose));
    }
    return quantity;
  };
  const update = () => {
    const { history, histories, run } = live;
    const groups = Map.groupBy(epochMetrics([history]), quantityOf);
    const metrics = groups.get(offer(groups));
    const last = lastEpoch([history]);
    const lines = metrics.map((metric) => groupCurve(metricTitle(metric), [run], histories, metric, last));
    const drawn = lines.filter((line) => line.mean.some((value) => value !== null));
    if (!drawn.length) {
      show(body, notice(hasEnded(run) ? t("curves.nothing") : t("curves.waiting")));
      return;
    }
    if (!body.contains(curves.element)) show(body, curves.element);
    const completed = completedLines(drawn, histories, last, curves.askedOf(metrics[0]));
    curves.update({ metric: metrics[0], epochs: epochsTo(last), lines: completed });
  };
  return { element: card("run-curves", t("curves.title"), h("div.controls", choice), body), update };
}

/** Return the quantity that is shown at first: where a run diverged, the loss says how. */
function usualQuantity({ status }) {
  return quantityOf(status === STATUS.DIVERGED ? STOPPING_METRICS[0] : MAIN_METRIC);
}
