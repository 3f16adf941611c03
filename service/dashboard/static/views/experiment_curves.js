// The learning curves of an experiment: one metric, grouped and coloured by axes of the reader's choice.

import { query } from "../lib/api.js";
import { labelOn } from "../lib/axes.js";
import { whole } from "../lib/format.js";
import { bestGroups, lastEpoch, meanCurves } from "../lib/mean.js";
import { metricTitle } from "../lib/metrics.js";
import { joined, t } from "../lib/text.js";
import { Curves, MOST_LINES } from "../parts/curves.js";
import { h, setText, show } from "../parts/dom.js";
import { downloads, saveFrom } from "../parts/downloads.js";
import { notice } from "../parts/elements.js";
import { Figure } from "../parts/figure.js";
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
  const onZoom = (ends) => toolbar.setZoom(ends);
  const curves = new Curves({ label: t("curves.title"), signal, zoom: toolbar.zoom, onZoom });
  const update = () => {
    if (!lastEpoch([...live.histories.values()])) {
      show(body, notice(live.finished ? t("curves.nothing") : t("curves.waiting")));
      return;
    }
    if (!body.contains(curves.element)) show(body, curves.element);
    curves.setLog(toolbar.log);
    curves.update(shownCurves(live, toolbar));
  };
  return { update };
}

function shownCurves(live, toolbar) {
  const metric = toolbar.drawn;
  const labelOf = (run) => toolbar.labelOf(run);
  const { epochs, groups } = meanCurves([...live.runs.values()], live.histories, metric, labelOf);
  const drawable = groups.filter((group) => group.mean.some((value) => value !== null));
  const lines = bestGroups(drawable, live.histories, toolbar.bestBy, MOST_LINES);
  const left = drawable.length - lines.length;
  const hasBands = lines.some((line) => line.counts.some((count) => count > 1));
  const note = joined([
    left > 0 &&
      t("curves.best", { n: left, most: MOST_LINES, count: whole(left), metric: metricTitle(toolbar.bestBy) }),
    hasBands && t("curves.band"),
  ]);
  return { metric, epochs, lines: coloured(lines, toolbar.colour), note };
}

/** Return lines with the colour of their label on an axis; lines of one colour differ in their dashes. */
function coloured(lines, axis) {
  if (!axis) return lines;
  const lineCounts = new Map(); // by label, in the order of their colours
  return lines.map((line) => {
    const label = labelOn(line.members[0], axis);
    const place = lineCounts.get(label) ?? 0;
    lineCounts.set(label, place + 1);
    return { ...line, colour: [...lineCounts.keys()].indexOf(label), place };
  });
}
