// The learning curves of an experiment: one metric, grouped and coloured by axes of the reader's choice.

import { query } from "../lib/api.js";
import { labelOn } from "../lib/axes.js";
import { lastEpoch } from "../lib/mean.js";
import { metricTitle } from "../lib/metrics.js";
import { t } from "../lib/text.js";
import { Curves } from "../parts/curves.js";
import { h, setText, show } from "../parts/dom.js";
import { downloads, saveFrom } from "../parts/downloads.js";
import { notice } from "../parts/elements.js";
import { Figure } from "../parts/figure.js";
import { groupCurves } from "../parts/group_curves.js";
import { help } from "../parts/help.js";

/** @param toolbar the choices of the view */
export function curvesPanel(live, toolbar, signal) {
  const body = h("div");
  const title = h("h2", { id: "curves-title" });
  const chart = live.tooLarge ? apiChart(live, toolbar, body, signal) : liveChart(live, toolbar, body, signal);
  const update = () => {
    setText(title, t("title.of", { what: t("curves.title"), metric: metricTitle(toolbar.drawn) }));
    chart.update();
  };
  const save = (kind) => () =>
    saveFrom(`/v1/experiments/${live.id}/figures/learning_curves.${kind}${query(asked(toolbar))}`, {
      name: `learning-curves.${kind}`,
      signal,
    });
  const files = downloads({ SVG: save("svg"), PNG: save("png") });
  const head = h("div.heading", title, help("curves-title", t("curves.title")), files);
  return { element: h("section.card", { "aria-labelledby": "curves-title" }, head, body), update };
}

/** Return what the API's picture is asked for. */
function asked(toolbar) {
  return { metric: toolbar.drawn, by: toolbar.by };
}

/** Return the chart that the service draws of more values than a page can hold. */
function apiChart(live, toolbar, body, signal) {
  const figure = new Figure({ alt: t("curves.title"), signal });
  let drawn = "";
  const update = () => {
    const path = `/v1/experiments/${live.id}/figures/learning_curves.svg${query(asked(toolbar))}`;
    if (drawn === path + live.version) return;
    drawn = path + live.version;
    if (!body.contains(figure.element)) show(body, notice(t("curves.tooLarge")), figure.element);
    figure.image.alt = t("title.of", { what: t("curves.title"), metric: metricTitle(toolbar.drawn) });
    figure.show(path);
  };
  return { update };
}

/** Return the chart of the histories that the page holds. */
function liveChart(live, toolbar, body, signal) {
  const curves = new Curves({ label: t("curves.title"), signal, choices: toolbar.choices, onChange: () => update() });
  const update = () => {
    if (!lastEpoch([...live.histories.values()])) {
      show(body, notice(live.finished ? t("curves.nothing") : t("curves.waiting")));
      return;
    }
    if (!body.contains(curves.element)) show(body, curves.element);
    curves.update(shownCurves(live, toolbar, curves));
  };
  return { update };
}

function shownCurves(live, toolbar, curves) {
  const { drawn: metric, bestBy, colour } = toolbar;
  const labelOf = (run) => toolbar.labelOf(run);
  const colourOf = colour ? (run) => labelOn(run, colour) : null;
  return groupCurves([...live.runs.values()], live.histories, { metric, bestBy, labelOf, colourOf }, curves);
}
