// The runs of a comparison as a table: what each came to, and what each was made of.

import { AXES } from "../lib/catalog.js";
import { h, reachable, setText, show } from "../lib/dom.js";
import { showValue } from "../lib/format.js";
import { known, t } from "../lib/text.js";
import { setStatus, verdict, verdictOf } from "../parts/badges.js";
import { written } from "../parts/configuration.js";
import { metricName } from "../parts/metrics.js";

/** As it was last wanted, also when runs come or go. */
let hidesEqual = false;

/** @param remove called with the id of a run that is to be left out */
export function compareTable(runs, names, remove) {
  const moving = movingRows().map(([name, write]) => ({
    ...row(
      name,
      runs.map(() => h("td")),
    ),
    write,
  }));
  const still = stillRows(runs).map(([name, contents]) =>
    row(
      name,
      contents.map((each) => h("td", {}, each)),
    ),
  );
  for (const { element, cells } of still) element.classList.toggle("differs", !equal(cells));
  const nothing = h("p.note", { hidden: true }, t("compare.equal"));
  const update = () => {
    moving.forEach(({ write, cells }) => cells.forEach((cell, at) => write(cell, runs[at])));
    const hidden = [...moving, ...still].map(({ element, cells }) => (element.hidden = box.checked && equal(cells)));
    nothing.hidden = !hidden.every(Boolean);
  };
  const box = h("input", {
    type: "checkbox",
    checked: hidesEqual && runs.length > 1,
    onChange: () => {
      hidesEqual = box.checked;
      update();
    },
  });
  const head = (run, at) =>
    h(
      "th",
      { scope: "col" },
      h("a", { href: `#/runs/${run.id}` }, names[at]),
      " ",
      h(
        "button.ghost.small",
        { type: "button", "aria-label": t("compare.remove", { name: names[at] }), onClick: () => remove(run.id) },
        "✕",
      ),
    );
  const table = h(
    "table.compare",
    {},
    h("thead", {}, h("tr", {}, h("td"), runs.map(head))),
    h(
      "tbody",
      {},
      [...moving, ...still].map(({ element }) => element),
    ),
  );
  const element = h(
    "section.card",
    { "aria-labelledby": "compare-table" },
    h(
      "div.heading",
      {},
      h("h2", { id: "compare-table" }, t("compare.differences")),
      runs.length > 1 ? h("label.check", {}, box, t("compare.hideEqual")) : null,
    ),
    reachable(t("compare.differences"), h("div.scroll", {}, table)),
    nothing,
  );
  return { element, update };
}

function row(name, cells) {
  return { cells, element: h("tr", {}, h("th", { scope: "row" }, name), cells) };
}

function equal(cells) {
  return cells.every((cell) => cell.textContent === cells[0].textContent);
}

/** What changes while a run is trained: a row's name, and how its cell is brought up to date. */
function movingRows() {
  const metric = (name) => [
    metricName(name),
    (cell, run) => setText(cell, run.final ? showValue(name, run.final[name]) : "–"),
  ];
  return [
    [t("runs.status"), (cell, run) => setStatus(cell, run.status)],
    [t("runs.epoch"), (cell, run) => setText(cell, `${run.epoch} / ${run.epochs}`)],
    [
      t("runs.verdict"),
      (cell, run) => {
        if (cell.dataset.verdict === String(verdictOf(run))) return;
        cell.dataset.verdict = String(verdictOf(run));
        show(cell, verdict(verdictOf(run)));
      },
    ],
    ...["val_accuracy", "val_loss", "accuracy", "loss"].map(metric),
  ];
}

/** What a run was made of: a row's name, and what each run has there. */
function stillRows(runs) {
  const axes = [...new Set([...AXES, ...runs.flatMap((run) => Object.keys(run.config))])];
  return [
    [t("axis.seed"), runs.map((run) => run.seed)],
    ...axes.map((axis) => [
      known(`axis.${axis}`) ?? axis,
      runs.map((run) => (axis in run.config ? written(run.config[axis]) : "–")),
    ]),
  ];
}
