// The values of learning curves as text: in the legend, beside the pointer, and as a table.

import { showValue } from "../lib/format.js";
import { lowerIsBetter } from "../lib/metrics.js";
import { t } from "../lib/text.js";
import { swatch } from "./curve_options.js";
import { h } from "./dom.js";

const TOOLTIP_LINES = 10;
const TABLE_ROWS = 100;

/** Return a line's last value, with the number of runs it is the mean of. */
export function lastValueText(metric, line) {
  const last = line.mean.findLastIndex((value) => value !== null);
  const value = last < 0 ? "–" : showValue(metric, line.mean[last]) + runCount(line, last);
  return line.diverged ? `${value} · ${t("curves.diverged", { n: line.diverged })}` : value;
}

/** Return the values of lines at an epoch, the best first; null where there is none. */
export function tooltipContent({ metric, epochs }, lines, index) {
  const rows = lines.filter((line) => !line.hidden && (line.mean[index] ?? null) !== null);
  if (!rows.length) return null;
  const upward = lowerIsBetter(metric) ? 1 : -1;
  rows.sort((one, other) => upward * (one.mean[index] - other.mean[index]));
  const row = (line) => {
    const value = showValue(metric, line.mean[index]) + bandText(metric, line, index) + runCount(line, index);
    return h("div", swatch(line.style), namedValue(line.label, h("span.value", value)));
  };
  return [
    h("b", t("curves.epoch", { n: epochs[index] })),
    rows.slice(0, TOOLTIP_LINES).map(row),
    rows.length > TOOLTIP_LINES ? h("div.muted", t("curves.andMore", { n: rows.length - TOOLTIP_LINES })) : null,
  ];
}

/** Return a name with its value beside or below it. */
export function namedValue(name, value) {
  return h("span.named", h("span.name", name), value);
}

/** Return the numbers behind a chart, for those who do not see it or want to copy them. */
export function valueTable({ metric, epochs, lines }) {
  const step = Math.max(1, Math.ceil(epochs.length / TABLE_ROWS));
  const kept = [...epochs.keys()].filter((index) => index % step === 0 || index === epochs.length - 1);
  const heading = (text) => h("th", { scope: "col" }, text);
  const row = (index) =>
    h(
      "tr",
      h("th", { scope: "row" }, epochs[index]),
      lines.map((line) => h("td.number", showValue(metric, line.mean[index]))),
    );
  return h(
    "table",
    h(
      "thead",
      h(
        "tr",
        heading(t("axis.epoch")),
        lines.map(({ label }) => heading(label)),
      ),
    ),
    h("tbody", kept.map(row)),
  );
}

/** Return the number of runs that the mean at an epoch is of; nothing for a line of one run. */
function runCount(line, index) {
  return line.runs > 1 ? ` · n=${line.counts[index]}` : "";
}

function bandText(metric, line, index) {
  const [low, high] = [line.low[index], line.high[index]];
  return high > low ? ` (${t("number.range", { low: showValue(metric, low), high: showValue(metric, high) })})` : "";
}
