// Any runs side by side, also of different experiments: their curves, and where they differ.

import { catalog, places, varyingAxes } from "../lib/catalog.js";
import { h, select, show } from "../lib/dom.js";
import { Selection } from "../lib/selection.js";
import { t } from "../lib/text.js";
import { notice, setLive } from "../parts/badges.js";
import { Curves } from "../parts/curves.js";
import { metricOptions } from "../parts/metrics.js";
import { choose, keep, MOST } from "../parts/tray.js";
import { compareTable } from "./compare_table.js";

export async function view({ element, parameters, signal }) {
  const wanted = idsIn(parameters.get("runs") ?? "");
  const ids = wanted.slice(-MOST);
  const live = h("span.live");
  const heading = h("div.heading", {}, h("h1", {}, t("nav.compare")), live);
  let parts = [];
  const update = () => {
    setLive(live, selection.connection);
    parts.forEach((part) => part.update());
  };
  const selection = new Selection(ids, signal, update);
  const [axes] = await Promise.all([catalog(), selection.load()]);
  const runs = [...selection.runs.values()];
  const found = runs.map((run) => run.id);
  selection.gone.forEach((id) => choose(id, false)); // what is not there is not chosen any longer
  const notes = [
    selection.gone.length
      ? notice(t("compare.gone", { n: selection.gone.length, ids: selection.gone.join(", ") }))
      : null,
    wanted.length > MOST ? notice(t("compare.most", { most: MOST, n: wanted.length - MOST })) : null,
  ];
  if (!runs.length) {
    show(element, heading, notes, h("div.card.empty", {}, h("p", {}, t("compare.none")), adding([])));
    return t("nav.compare");
  }
  const names = namesOf(axes, runs);
  parts = [
    curvesCard(selection, names, signal),
    compareTable(runs, names, (id) => go(found.filter((each) => each !== id))),
  ];
  show(
    element,
    heading,
    notes,
    adding(found),
    parts.map((part) => part.element),
  );
  update();
  selection.follow();
  return t("nav.compare");
}

/** Ids between commas or spaces, each once; of a run's address, its end. */
function idsIn(text) {
  return [
    ...new Set(
      text
        .toLowerCase()
        .split(/[\s,]+/)
        .map((each) => each.split("/").at(-1))
        .filter(Boolean),
    ),
  ];
}

function adding(ids) {
  const entry = h("input", { type: "text", placeholder: t("compare.id"), "aria-label": t("compare.id"), size: "40" });
  const add = (event) => {
    event.preventDefault();
    go([...ids, ...idsIn(entry.value)]);
  };
  return h(
    "form.controls",
    { onSubmit: add },
    entry,
    h("button", { type: "submit" }, t("compare.add")),
    ids.length ? h("button.ghost", { type: "button", onClick: () => go([]) }, t("compare.clear")) : null,
  );
}

function go(ids) {
  const distinct = [...new Set(ids)];
  keep(distinct);
  location.hash = distinct.length ? `#/compare?runs=${distinct.map(encodeURIComponent).join(",")}` : "#/compare";
}

/** Name each run by what tells it from the others. */
function namesOf(axes, runs) {
  const placed = [...places(axes, runs).values()];
  const differing = [
    ...varyingAxes(placed),
    ...["variant", "seed"].filter((axis) => new Set(placed.map((place) => place[axis])).size > 1),
  ];
  const names = placed.map((place) =>
    differing.map((axis) => (axis === "seed" ? t("run.seed", { seed: place.seed }) : place[axis])).join(" · "),
  );
  return names.map((name, at) =>
    name && names.indexOf(name) === at && names.lastIndexOf(name) === at
      ? name
      : `${name || placed[at].activation} (…${runs[at].id.slice(-4)})`,
  );
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
      show(
        controls,
        select(t("curves.metric"), options, metric, (value) => {
          metric = value;
          update();
        }),
        h("label.check", {}, log, t("curves.log")),
      );
    }
    if (!histories.some(({ epoch }) => epoch.length)) {
      show(body, notice(selection.finished ? t("curves.nothing") : t("curves.waiting")));
      return;
    }
    if (!body.contains(curves.element)) show(body, curves.element);
    const last = Math.max(...histories.map(({ epoch }) => epoch.at(-1) ?? 0));
    const lines = histories.map((history, at) => {
      const mean = column(history, metric, last);
      return { label: names[at], runs: 1, diverged: 0, mean, low: mean, high: mean };
    });
    curves.update({ metric, epochs: Array.from({ length: last }, (_, at) => at + 1), lines, note: "" });
  };
  const element = h(
    "section.card",
    { "aria-labelledby": "compare-curves" },
    h("h2", { id: "compare-curves" }, t("curves.title")),
    controls,
    body,
  );
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
