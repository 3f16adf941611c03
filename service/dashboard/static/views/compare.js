// Any runs side by side, also of different experiments: their curves, and where they differ.

import { AXES, catalog, places, varyingAxes } from "../lib/catalog.js";
import { h, select, setText, show } from "../lib/dom.js";
import { showValue } from "../lib/format.js";
import { Selection } from "../lib/selection.js";
import { known, t } from "../lib/text.js";
import { notice, setStatus, verdict, verdictOf } from "../parts/badges.js";
import { Curves, MOST_LINES } from "../parts/curves.js";
import { metricName, metricOptions } from "../parts/metrics.js";
import { choose, keep } from "../parts/tray.js";
import { written } from "../parts/configuration.js";

export async function view({ element, parameters, signal }) {
  const ids = (parameters.get("runs") ?? "").toLowerCase().split(",").filter(Boolean).slice(0, MOST_LINES);
  const entry = h("input", { type: "text", placeholder: t("compare.id"), "aria-label": t("compare.id"), size: "40" });
  const add = h("form.controls", { onSubmit: (event) => {
    event.preventDefault();
    go([...ids, ...entry.value.split(/[\s,]+/).filter(Boolean)]);
  } }, entry, h("button", { type: "submit" }, t("compare.add")), ids.length ? h("button.ghost", { type: "button", onClick: () => go([]) }, t("compare.clear")) : null);
  const live = h("span.live");
  const heading = h("div.heading", {}, h("h1", {}, t("nav.compare")), live);
  let parts = [];
  const update = () => {
    live.dataset.state = selection.connection;
    setText(live, t(`live.${selection.connection}`));
    parts.forEach((part) => part.update());
  };
  const selection = new Selection(ids, signal, update);
  const [axes] = await Promise.all([catalog(), selection.load()]);
  const runs = [...selection.runs.values()];
  const gone = missing(ids, selection.runs);
  if (!runs.length) {
    show(element, heading, gone, h("div.card.empty", {}, h("p", {}, t("compare.none")), add));
    return t("nav.compare");
  }
  const names = namesOf(axes, runs);
  parts = [curvesCard(selection, names, signal), table(runs, names, (id) => go(ids.filter((each) => each !== id)))];
  show(element, heading, gone, add, parts.map((part) => part.element));
  update();
  selection.follow();
  return t("nav.compare");
}

function go(ids) {
  const distinct = [...new Set(ids)];
  keep(distinct);
  location.hash = distinct.length ? `#/compare?runs=${distinct.join(",")}` : "#/compare";
}

/** Say which runs there are none of, and choose them no longer. */
function missing(ids, runs) {
  const gone = ids.filter((id) => !runs.has(id));
  for (const id of gone) choose(id, false);
  return gone.length ? notice(t("compare.gone", { n: gone.length, ids: gone.join(", ") })) : null;
}

/** Name each run by what tells it from the others. */
function namesOf(axes, runs) {
  const placed = [...places(axes, runs).values()];
  const differing = [...varyingAxes(placed), ...["variant", "seed"].filter((axis) => new Set(placed.map((place) => place[axis])).size > 1)];
  const names = placed.map((place) => differing.map((axis) => (axis === "seed" ? t("run.seed", { seed: place.seed }) : place[axis])).join(" · "));
  return names.map((name, at) => (name && names.indexOf(name) === at && names.lastIndexOf(name) === at ? name : `${name || placed[at].activation} (…${runs[at].id.slice(-4)})`));
}

function curvesCard(selection, names, signal) {
  const curves = new Curves({ label: t("curves.title") });
  signal.addEventListener("abort", () => curves.destroy());
  let metric = "val_accuracy";
  let offered = "";
  const log = h("input", { type: "checkbox", onChange: () => curves.setLog(log.checked) });
  const controls = h("div.controls");
  const body = h("div");
  const update = () => {
    const histories = [...selection.histories.values()];
    const options = metricOptions(histories);
    if (JSON.stringify(options) !== offered) {
      offered = JSON.stringify(options);
      show(controls, select(t("curves.metric"), options, metric, (value) => { metric = value; update(); }), h("label.check", {}, log, t("curves.log")));
    }
    if (!histories.some(({ epoch }) => epoch.length)) {
      show(body, notice(selection.finished ? t("curves.nothing") : t("curves.waiting")));
      return;
    }
    if (!body.contains(curves.element)) show(body, curves.element);
    const last = Math.max(...histories.map(({ epoch }) => epoch.at(-1) ?? 0));
    const lines = histories.map((history, at) => {
      const mean = column(history, metric, last);
      return { label: names[at], runs: 1, n: 1, diverged: 0, mean, low: mean, high: mean };
    });
    curves.update({ metric, epochs: Array.from({ length: last }, (_, at) => at + 1), lines, note: "" });
  };
  const element = h("section.card", { "aria-labelledby": "compare-curves" }, h("h2", { id: "compare-curves" }, t("curves.title")), controls, body);
  return { element, update };
}

/** A metric at the epochs 1, 2, ... up to the last; null where there is no finite value. */
function column({ epoch, metrics }, metric, last) {
  const values = Array(last).fill(null);
  epoch.forEach((each, place) => {
    const value = metrics[metric]?.[place];
    if (value !== null && value !== undefined && Number.isFinite(Number(value))) values[each - 1] = Number(value);
  });
  return values;
}

/** What changes while a run is trained: a row's name, and how its cell is brought up to date. */
function movingRows() {
  const metric = (name) => [metricName(name), (cell, run) => setText(cell, run.final ? showValue(name, run.final[name]) : "–")];
  return [
    [t("runs.status"), (cell, run) => setStatus(cell, run.status)],
    [t("runs.epoch"), (cell, run) => setText(cell, `${run.epoch} / ${run.epochs}`)],
    [t("runs.verdict"), (cell, run) => {
      if (cell.dataset.verdict === String(verdictOf(run))) return;
      cell.dataset.verdict = String(verdictOf(run));
      show(cell, verdict(verdictOf(run)));
    }],
    ...["val_accuracy", "val_loss", "accuracy", "loss"].map(metric),
  ];
}

function table(runs, names, remove) {
  const moving = movingRows().map(([name, write]) => ({ name, write, cells: runs.map(() => h("td")) }));
  const update = () => moving.forEach(({ write, cells }) => cells.forEach((cell, at) => write(cell, runs[at])));
  const still = [
    [t("axis.seed"), runs.map((run) => String(run.seed))],
    ...[...new Set([...AXES, ...Object.keys(runs[0].config)])].map((axis) => [known(`axis.${axis}`) ?? axis, runs.map((run) => written(run.config[axis])), new Set(runs.map((run) => JSON.stringify(run.config[axis]))).size > 1]),
  ];
  const row = (name, cells, differs) => h(differs ? "tr.differs" : "tr", {}, h("th", { scope: "row" }, name), cells);
  const element = h("section.card", { "aria-labelledby": "compare-table" }, h("h2", { id: "compare-table" }, t("compare.differences")), h("div.scroll", {}, h("table.compare", {},
    h("thead", {}, h("tr", {}, h("td"), runs.map((run, at) => h("th", { scope: "col" }, h("a", { href: `#/runs/${run.id}` }, names[at]), " ",
      h("button.ghost.small", { type: "button", "aria-label": t("compare.remove", { name: names[at] }), onClick: () => remove(run.id) }, "✕"))))),
    h("tbody", {}, moving.map(({ name, cells }) => row(name, cells)), still.map(([name, cells, differs]) => row(name, cells.map((cell) => h("td", {}, cell)), differs))))));
  return { element, update };
}
