// Any runs side by side, also of different experiments: their curves, and where they differ.

import { get } from "../lib/api.js";
import { AXES, catalog, places, varyingAxes } from "../lib/catalog.js";
import { h, select, show } from "../lib/dom.js";
import { showValue } from "../lib/format.js";
import { known, t } from "../lib/text.js";
import { notice, status, verdict, verdictOf } from "../parts/badges.js";
import { Curves, MOST_LINES } from "../parts/curves.js";
import { metricOptions } from "../parts/metrics.js";
import { keep } from "../parts/tray.js";
import { written } from "../parts/configuration.js";

export async function view({ element, parameters, signal }) {
  const ids = (parameters.get("runs") ?? "").split(",").filter(Boolean).slice(0, MOST_LINES);
  const entry = h("input", { type: "text", placeholder: t("compare.id"), "aria-label": t("compare.id"), size: "40" });
  const add = h("form.controls", { onSubmit: (event) => {
    event.preventDefault();
    go([...ids, ...entry.value.split(/[\s,]+/).filter(Boolean)]);
  } }, entry, h("button", { type: "submit" }, t("compare.add")), ids.length ? h("button.ghost", { type: "button", onClick: () => go([]) }, t("compare.clear")) : null);
  const heading = h("div.heading", {}, h("h1", {}, t("nav.compare")));
  if (!ids.length) {
    show(element, heading, h("div.card.empty", {}, h("p", {}, t("compare.none")), add));
    return t("nav.compare");
  }
  const [axes, ...loaded] = await Promise.all([catalog(), ...ids.map(async (id) => ({
    run: await get(`/v1/runs/${id}`, {}, signal), history: await get(`/v1/runs/${id}/history`, {}, signal),
  }))]);
  const runs = loaded.map(({ run }) => run);
  const names = namesOf(axes, runs);
  show(element, heading, add, curvesCard(loaded, names, signal), table(runs, names, (id) => go(ids.filter((each) => each !== id))));
  return t("nav.compare");
}

function go(ids) {
  const distinct = [...new Set(ids)];
  keep(distinct);
  location.hash = distinct.length ? `#/compare?runs=${distinct.join(",")}` : "#/compare";
}

/** Name each run by what tells it from the others. */
function namesOf(axes, runs) {
  const placed = [...places(axes, runs).values()];
  const differing = [...varyingAxes(placed), ...["variant", "seed"].filter((axis) => new Set(placed.map((place) => place[axis])).size > 1)];
  const names = placed.map((place) => differing.map((axis) => (axis === "seed" ? t("run.seed", { seed: place.seed }) : place[axis])).join(" · "));
  return names.map((name, at) => (name && names.indexOf(name) === at && names.lastIndexOf(name) === at ? name : `${name || placed[at].activation} (…${runs[at].id.slice(-4)})`));
}

function curvesCard(loaded, names, signal) {
  const curves = new Curves({ label: t("curves.title") });
  signal.addEventListener("abort", () => curves.destroy());
  const draw = (metric) => {
    const last = Math.max(0, ...loaded.map(({ history }) => history.epoch.at(-1) ?? 0));
    const lines = loaded.map(({ history }, at) => {
      const mean = Array(last).fill(null);
      history.epoch.forEach((epoch, place) => {
        const value = history.metrics[metric]?.[place];
        if (value !== null && value !== undefined && Number.isFinite(Number(value))) mean[epoch - 1] = Number(value);
      });
      return { label: names[at], runs: 1, n: 1, diverged: 0, mean, low: mean, high: mean };
    });
    curves.update({ metric, epochs: Array.from({ length: last }, (_, at) => at + 1), lines, note: "" });
  };
  const log = h("input", { type: "checkbox", onChange: () => curves.setLog(log.checked) });
  const controls = h("div.controls", {}, select(t("curves.metric"), metricOptions(loaded.map(({ history }) => history)), "val_accuracy", draw), h("label.check", {}, log, t("curves.log")));
  const recorded = loaded.some(({ history }) => history.epoch.length);
  if (recorded) queueMicrotask(() => draw("val_accuracy"));
  return h("section.card", { "aria-labelledby": "compare-curves" }, h("h2", { id: "compare-curves" }, t("curves.title")), controls, recorded ? curves.element : notice(t("curves.nothing")));
}

function table(runs, names, remove) {
  const rows = [
    [t("runs.status"), runs.map((run) => status(run.status))],
    [t("runs.verdict"), runs.map((run) => verdict(verdictOf(run)))],
    ...["val_accuracy", "val_loss", "accuracy", "loss"].map((name) => [t(`metric.${name}`), runs.map((run) => (run.final ? showValue(name, run.final[name]) : "–"))]),
    [t("axis.seed"), runs.map((run) => String(run.seed))],
    ...[...new Set([...AXES, ...Object.keys(runs[0].config)])].map((axis) => [known(`axis.${axis}`) ?? axis, runs.map((run) => written(run.config[axis])), new Set(runs.map((run) => JSON.stringify(run.config[axis]))).size > 1]),
  ];
  return h("section.card", { "aria-labelledby": "compare-table" }, h("h2", { id: "compare-table" }, t("compare.differences")), h("div.scroll", {}, h("table.compare", {},
    h("thead", {}, h("tr", {}, h("td"), runs.map((run, at) => h("th", { scope: "col" }, h("a", { href: `#/runs/${run.id}` }, names[at]), " ",
      h("button.ghost.small", { type: "button", "aria-label": t("compare.remove", { name: names[at] }), onClick: () => remove(run.id) }, "✕"))))),
    h("tbody", {}, rows.map(([name, cells, differs]) => h(differs ? "tr.differs" : "tr", {}, h("th", { scope: "row" }, name), cells.map((cell) => h("td", {}, cell))))))));
}
