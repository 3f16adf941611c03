// The learning curves of a run: the training and validation metrics of one quantity at a time.

import { epochsTo, lastEpoch, singleCurve } from "../lib/mean.js";
import { epochMetrics, MAIN_METRIC, metricTitle, quantityOf, STOPPING_METRICS } from "../lib/metrics.js";
import { hasEnded, STATUS } from "../lib/statuses.js";
import { t } from "../lib/text.js";
import { Curves } from "../parts/curves.js";
import { h, show } from "../parts/dom.js";
import { card, checkbox, notice, select } from "../parts/elements.js";

const HEIGHT = 260;

export function curvesPanel(live, signal) {
  const curves = new Curves({ label: t("curves.title"), height: HEIGHT, signal });
  const body = h("div");
  const choice = h("span.metric");
  let chosen = null; // by the reader
  let quantity = null;
  let offered = "";
  const offer = (groups) => {
    const options = [...groups].map(([name, metrics]) => [name, metrics.map(metricTitle).join(" / ")]);
    quantity = chosen ?? usualQuantity(live.run);
    if (JSON.stringify([options, quantity]) === offered) return;
    offered = JSON.stringify([options, quantity]);
    const choose = (value) => {
      chosen = value;
      update();
    };
    show(choice, select(t("curves.metric"), options, quantity, choose));
  };
  const update = () => {
    const { history, run } = live;
    const groups = Map.groupBy(epochMetrics([history]), quantityOf);
    offer(groups);
    const last = lastEpoch([history]);
    const lines = groups.get(quantity).map((metric) => singleCurve(metricTitle(metric), history, metric, last));
    const drawn = lines.filter((line) => line.mean.some((value) => value !== null));
    if (!drawn.length) {
      show(body, notice(hasEnded(run) ? t("curves.nothing") : t("curves.waiting")));
      return;
    }
    if (!body.contains(curves.element)) show(body, curves.element);
    curves.update({ metric: groups.get(quantity)[0], epochs: epochsTo(last), lines: drawn });
  };
  const log = checkbox(t("curves.log"), false, (checked) => curves.setLog(checked));
  const controls = h("div.controls", choice, log);
  return { element: card("run-curves", t("curves.title"), controls, body), update };
}

/** Return the quantity that is shown at first: where a run diverged, the loss says how. */
function usualQuantity({ status }) {
  return quantityOf(status === STATUS.DIVERGED ? STOPPING_METRICS[0] : MAIN_METRIC);
}
