// The runs of a comparison as a table: their results, and their configurations.

import { AXES, asText } from "../lib/axes.js";
import { showValue } from "../lib/format.js";
import { metricNames, metricTitle } from "../lib/metrics.js";
import { t } from "../lib/text.js";
import { setStatus } from "../parts/badges.js";
import { axisTitle, configurationValue } from "../parts/configuration.js";
import { h, setText } from "../parts/dom.js";
import { button, checkbox, scrollableTable } from "../parts/elements.js";
import { help } from "../parts/help.js";
import { setOutcome, setVerdict } from "../parts/verdicts.js";

/** The last choice; it stays when runs are added or removed. */
let hidesEqual = false;

/**
 * Return the table as a panel.
 *
 * @param names  of the runs
 * @param remove called with the id of a run that is to be removed
 */
export function compareTable(runs, names, remove) {
  const results = resultRows().map(([title, write]) => ({ ...tableRow(title, emptyCells(runs)), write }));
  const settings = settingRows(runs).map(([title, contents]) => tableRow(title, contents));
  for (const { element, cells } of settings) element.classList.toggle("differs", !areEqual(cells));
  const rows = [...results, ...settings];
  const nothingDiffers = h("p.note", { hidden: true }, t("compare.equal"));
  const hides = () => hidesEqual && runs.length > 1;
  const update = () => {
    for (const { write, cells } of results) {
      for (const [index, cell] of cells.entries()) write(cell, runs[index]);
    }
    for (const { element, cells } of rows) element.hidden = isEmpty(cells) || (hides() && areEqual(cells));
    nothingDiffers.hidden = rows.some(({ element }) => !element.hidden);
  };
  const hideEqual = checkbox(t("compare.hideEqual"), hidesEqual, (checked) => {
    hidesEqual = checked;
    update();
  });
  const title = t("compare.differences");
  const element = h(
    "section.card",
    { "aria-labelledby": "compare-table" },
    h(
      "div.heading",
      h("h2", { id: "compare-table" }, title),
      help("compare-table", title),
      runs.length > 1 ? hideEqual : null,
    ),
    scrollableTable(
      title,
      "table.compare",
      h(
        "thead",
        h(
          "tr",
          h("td"),
          runs.map((run, index) => headCell(run, names[index], remove)),
        ),
      ),
      h(
        "tbody",
        rows.map((row) => row.element),
      ),
    ),
    nothingDiffers,
  );
  return { element, update };
}

function headCell({ id }, name, remove) {
  const cross = button("button.ghost.small", () => remove(id), { "aria-label": t("compare.remove", { name }) }, "✕");
  return h("th", { scope: "col" }, h("a", { href: `#/runs/${id}` }, name), " ", cross);
}

function tableRow(title, contents) {
  const cells = contents.map((content) => h("td", content));
  return { cells, element: h("tr", h("th", { scope: "row" }, title), cells) };
}

function emptyCells(runs) {
  return runs.map(() => null);
}

function areEqual(cells) {
  return cells.every((cell) => cell.textContent === cells[0].textContent);
}

function isEmpty(cells) {
  return cells.every((cell) => cell.textContent === "–");
}

/** Return the rows that change while runs train: a title, and how to write a run's cell. */
function resultRows() {
  const metrics = metricNames((metric) => metric.in_final);
  return [
    [t("runs.status"), (cell, run) => setStatus(cell, run.status)],
    [t("runs.epoch"), (cell, run) => setText(cell, `${run.epoch} / ${run.epochs}`)],
    [t("runs.outcome"), setOutcome],
    [t("runs.verdict"), setVerdict],
    ...metrics.map((metric) => [
      metricTitle(metric),
      (cell, run) => setText(cell, showValue(metric, run.final?.[metric])),
    ]),
  ];
}

/** Return the rows of what the runs were made of: a title, and each run's content. */
function settingRows(runs) {
  const names = [...new Set([...AXES, ...runs.flatMap((run) => Object.keys(run.config))])];
  // An axis that came later is not in a configuration at its usual value, but in its labels.
  const content = ({ config, labels }, name) =>
    name in config ? configurationValue(config[name]) : asText(labels[name]);
  return [
    [t("axis.seed"), runs.map((run) => run.seed)],
    ...names.map((name) => [axisTitle(name), runs.map((run) => content(run, name))]),
  ];
}
