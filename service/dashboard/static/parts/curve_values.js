// The values of learning curves as text: in the legend, beside the pointer, and as a table.

import { pointAt } from "../lib/curve_places.js";
import { elapsedText, showValue } from "../lib/format.js";
import { lowerIsBetter, metricTitle } from "../lib/metrics.js";
import { smoothed } from "../lib/smoothing.js";
import { t } from "../lib/text.js";
import { swatch } from "./curve_options.js";
import { h } from "./dom.js";

const TOOLTIP_LINES = 10;
const TABLE_ROWS = 100;

/** Return the name of a place: an epoch, or a time since training began. */
export function placeName(place, { byTime }) {
  return byTime ? t("curves.after", { time: elapsedText(place) }) : t("curves.epoch", { n: place });
}

/** Return a line's last value, as recorded, with the number of runs it is the mean of. */
export function lastValueText(metric, line) {
  const last = line.mean.findLastIndex((value) => value !== null);
  const value = last < 0 ? "–" : showValue(metric, line.mean[last]) + runCount(line, last);
  if (!line.diverged) return value;
  return `${value} · ${line.runs > 1 ? t("curves.diverged", { n: line.diverged }) : t("status.diverged")}`;
}

/**
 * Return the values of lines at a place, as recorded, the best first; null where there is none.
 *
 * @param weight of the smoothing, whose values stand behind those recorded; 0 for none
 */
export function tooltipContent(shown, lines, place, weight) {
  const { metric, other } = shown;
  const rows = lines
    .filter((line) => !line.hidden)
    .map((line) => ({ line, index: pointAt(line, place, shown) }))
    .filter(({ line, index }) => (line.mean[index] ?? null) !== null);
  if (!rows.length) return null;
  const upward = lowerIsBetter(metric) ? 1 : -1;
  rows.sort((one, another) => upward * (one.line.mean[one.index] - another.line.mean[another.index]));
  const row = ({ line, index }) => {
    const parts = [
      showValue(metric, line.mean[index]) + bandText(metric, line, index) + runCount(line, index),
      weight > 0 && t("smoothing.value", { value: showValue(metric, smoothed(line.mean, weight)[index]) }),
      other && `${metricTitle(other)} ${showValue(other, line.other[index])}`,
      shown.byTime && t("curves.epoch", { n: shown.epochs[index] }),
    ];
    const value = h("span.value", parts.filter(Boolean).join(" · "));
    return h("div", swatch(line.style), namedValue(line.label, value));
  };
  return [
    h("b", placeName(place, shown)),
    rows.slice(0, TOOLTIP_LINES).map(row),
    rows.length > TOOLTIP_LINES ? h("div.muted", t("curves.andMore", { n: rows.length - TOOLTIP_LINES })) : null,
  ];
}

/** Return a name with its value beside or below it. */
export function namedValue(name, value) {
  return h("span.named", h("span.name", name), value);
}

/** Return the numbers behind a chart, as recorded, for those who do not see it or want to copy them. */
export function valueTable({ metric, other, byTime, epochs, lines }) {
  const step = Math.max(1, Math.ceil(epochs.length / TABLE_ROWS));
  const kept = [...epochs.keys()].filter((index) => index % step === 0 || index === epochs.length - 1);
  const columns = lines.flatMap((line) => [
    [line.label, (index) => showValue(metric, line.mean[index])],
    other && [`${line.label}, ${metricTitle(other)}`, (index) => showValue(other, line.other[index])],
    byTime && [`${line.label}, ${t("curves.time")}`, (index) => timeText(line.seconds[index])],
  ]);
  const shown = columns.filter(Boolean);
  const heading = (text) => h("th", { scope: "col" }, text);
  const row = (index) =>
    h(
      "tr",
      h("th", { scope: "row" }, epochs[index]),
      shown.map(([, write]) => h("td.number", write(index))),
    );
  const headings = shown.map(([title]) => heading(title));
  return h("table", h("thead", h("tr", heading(t("axis.epoch")), headings)), h("tbody", kept.map(row)));
}

function timeText(seconds) {
  return seconds === null ? "–" : elapsedText(seconds);
}

/** Return the number of runs that the mean at an epoch is of; nothing for a line of one run. */
function runCount(line, index) {
  return line.runs > 1 ? ` · n=${line.counts[index]}` : "";
}

function bandText(metric, line, index) {
  const [low, high] = [line.low[index], line.high[index]];
  return high > low ? ` (${t("number.range", { low: showValue(metric, low), high: showValue(metric, high) })})` : "";
}
