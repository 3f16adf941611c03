// What was understood of a file: its facts, its columns, its first rows or some of its images.

import { significant } from "../lib/format.js";
import { t } from "../lib/text.js";
import { pictureOf } from "../lib/upload.js";
import { h } from "./dom.js";
import { apiText, scrollableTable, termList } from "./elements.js";

const MOST_COLUMNS = 200;

/**
 * Return everything that was understood of a file.
 *
 * @param dataset  an answer about a data set, or about a dry run
 * @param onLeave  called with the name of a column that is to be left out or taken back, and which; null: neither
 */
export function understood(dataset, onLeave = null) {
  const { features, left_out: leftOut, notes, preview } = dataset;
  return [
    termList("dl.facts", facts(dataset)),
    notes.map((note) => h("p.note", apiText(note))),
    features.length ? columnTable(features.slice(0, MOST_COLUMNS), leftOut, onLeave) : null,
    preview.rows ? rowTable(preview) : h("div.thumbnails", preview.thumbnails.map(thumbnail)),
  ];
}

function facts({ format, details, task, target, targets, input_shape: shape, classes, split, ...rest }) {
  const read = [format, details.encoding, details.separator && JSON.stringify(details.separator)];
  const counts = classes.map(({ name, train, test }) => `${name} (${(train + test).toLocaleString()})`);
  return [
    [t("data.format"), read.filter(Boolean).join(", ")],
    [t("data.task"), t(`data.task.${task}`)],
    target && [t("data.target"), target],
    [t("data.input"), shape.join(" × ")],
    [t("data.rows"), t("data.parts", { train: rest.train_count, test: rest.test_count })],
    [
      t("data.split"),
      [t(`data.split.${split.by}`), split.stratified && t("data.stratified")].filter(Boolean).join(", "),
    ],
    counts.length && [t("data.classes"), counts.join(", ")],
    targets && [t("data.numbers"), numbersText(targets)],
    rest.dropped_rows && [t("data.dropped"), rest.dropped_rows],
    rest.filled_values && [t("data.filled"), rest.filled_values],
  ].filter(Boolean);
}

/** Return the range of targets that are numbers, and the error that a network has to beat. */
function numbersText({ minimum, maximum, mean, test_rmse: error }) {
  const [low, high, middle, rmse] = [minimum, maximum, mean, error].map(significant);
  return `${t("number.range", { low, high })}; ${t("data.meanError", { mean: middle, rmse })}`;
}

function columnTable(features, leftOut, onLeave) {
  const heads = ["column", "type", "missing", "values"].map((name) => h("th", { scope: "col" }, t(`data.${name}`)));
  const rows = features.map((feature) => columnRow(feature, onLeave));
  return scrollableTable(
    t("data.columns"),
    "table.columns",
    h("thead", h("tr", heads)),
    h(
      "tbody",
      rows,
      leftOut.map((column) => leftOutRow(column, onLeave)),
    ),
  );
}

function columnRow(feature, onLeave) {
  return h(
    "tr",
    h("th", { scope: "row" }, choice(feature.name, true, onLeave)),
    h("td", t(`data.type.${feature.type}`)),
    h("td", feature.missing),
    h("td", values(feature)),
  );
}

function leftOutRow({ name, reason }, onLeave) {
  const canReturn = reason === "named in leave_out" ? onLeave : null;
  return h(
    "tr.left-out",
    h("th", { scope: "row" }, choice(name, false, canReturn)),
    h("td", { colspan: "3" }, t("data.leftOut"), canReturn ? null : [": ", apiText(reason)]),
  );
}

function choice(name, isInput, onLeave) {
  if (!onLeave) return name;
  const box = h("input", { type: "checkbox", checked: isInput, onChange: () => onLeave(name, !box.checked) });
  return h("label.check", box, name);
}

function values({ type, minimum, maximum, categories }) {
  if (type === "number") return minimum === null ? "–" : t("number.range", { low: minimum, high: maximum });
  return categories.map(({ name, count }) => `${name} (${count.toLocaleString()})`).join(", ");
}

function rowTable({ columns, rows }) {
  return scrollableTable(
    t("data.first"),
    "table.first-rows",
    h("caption.muted", t("data.first")),
    h(
      "thead",
      h(
        "tr",
        columns.map((name) => h("th", { scope: "col" }, name)),
      ),
    ),
    h(
      "tbody",
      rows.map((row) =>
        h(
          "tr",
          row.map((cell) => h("td", cell ?? t("data.none"))),
        ),
      ),
    ),
  );
}

function thumbnail({ label, image }) {
  return h("figure", h("img", { src: pictureOf(image), alt: label, height: "48" }), h("figcaption.muted", label));
}
