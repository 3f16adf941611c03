// Two axes against each other: the mean of each combination, with its verdict.

import { h, reachable } from "../lib/dom.js";
import { showValue } from "../lib/format.js";
import { t } from "../lib/text.js";
import { verdictName, verdictOf } from "./badges.js";
import { metricName } from "./metrics.js";

// cividis, the colours of the API's heat maps: lightness rises evenly, for every eye and in grey.
const STOPS = [
  "#00224e",
  "#123570",
  "#3b496c",
  "#575d6d",
  "#707173",
  "#8a8678",
  "#a59c74",
  "#c3b369",
  "#e1cc55",
  "#fee838",
];
/** Ended, but with nothing to average. */
const WITHOUT_RESULT = ["failed", "cancelled"];

/**
 * Draw the table, and what its colours stand for.
 *
 * @param comparison the API's comparison by the two axes
 * @param runs       the experiment's runs, for their verdicts
 * @param placed     each run's labels by axis
 * @param open       called with `{axis: label}` of a chosen cell
 */
export function heatmap(comparison, runs, placed, open) {
  const [rowAxis, columnAxis] = comparison.by;
  const cells = new Map(comparison.groups.map((group) => [key(group.by, rowAxis, columnAxis), group]));
  const place = (run) => JSON.stringify([rowAxis, columnAxis].map((axis) => String(placed.get(run.id)[axis])));
  const verdicts = counted(runs, place, verdictOf);
  const states = counted(runs, place, (run) => run.status);
  const values = (axis) => [...new Set(runs.map((run) => String(placed.get(run.id)[axis])))];
  const means = comparison.groups.map((group) => group.mean).filter((mean) => mean !== null);
  const [low, high] = [Math.min(...means), Math.max(...means)];
  const scale = (mean) => {
    const share = high > low ? (mean - low) / (high - low) : 1;
    return comparison.higher_is_better ? share : 1 - share;
  };
  const columns = values(columnAxis);
  const table = h(
    "table.heatmap",
    {},
    h("caption.unseen", {}, t("heatmap.caption", { rows: t(`axis.${rowAxis}`), columns: t(`axis.${columnAxis}`) })),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("th", { scope: "col" }, h("span.muted", {}, `${t(`axis.${rowAxis}`)} ╲ ${t(`axis.${columnAxis}`)}`)),
        columns.map((column) => h("th", { scope: "col" }, column)),
      ),
    ),
    h(
      "tbody",
      {},
      values(rowAxis).map((row) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, row),
          columns.map((column) => {
            const at = JSON.stringify([row, column]);
            return cell(
              cells.get(at),
              { verdicts: verdicts.get(at), states: states.get(at) },
              comparison.metric,
              means.length ? scale : null,
              () => open({ [rowAxis]: row, [columnAxis]: column }),
            );
          }),
        ),
      ),
    ),
  );
  return [
    reachable(t("heatmap.title"), h("div.scroll", {}, table)),
    high > low ? colourKey(comparison, low, high) : null,
  ];
}

/** The colours with the values they stand for, the worst on the left. */
function colourKey({ metric, higher_is_better: upward }, low, high) {
  const values = [low, (low + high) / 2, high].map((value) => showValue(metric, value));
  const ends = upward ? values : values.toReversed();
  return h(
    "div.colours",
    { role: "img", "aria-label": `${metricName(metric)}: ${t("number.range", { low: ends[0], high: ends[2] })}` },
    h("span", {}, metricName(metric)),
    h("i", { style: { background: `linear-gradient(to right, ${STOPS.join(", ")})` } }),
    h(
      "div",
      {},
      ends.map((value) => h("span", {}, value)),
    ),
  );
}

function key(by, rowAxis, columnAxis) {
  return JSON.stringify([String(by[rowAxis] ?? "–"), String(by[columnAxis] ?? "–")]);
}

/** How many runs have what at each place: a map from place to a map from what to its number. */
function counted(runs, place, what) {
  const found = new Map();
  for (const run of runs) {
    const told = what(run);
    if (!told) continue;
    const at = place(run);
    if (!found.has(at)) found.set(at, new Map());
    found.get(at).set(told, (found.get(at).get(told) ?? 0) + 1);
  }
  return found;
}

function cell(group, { verdicts, states }, metric, scale, open) {
  if (!group) return h("td.empty");
  const finished = group.n + group.diverged + group.missing;
  const total = finished + group.unfinished;
  const lost = WITHOUT_RESULT.filter((name) => states?.has(name)).map((name) => [name, states.get(name)]);
  const without = lost.reduce((sum, [, n]) => sum + n, 0);
  if (finished === 0 && without < total) return h("td.empty", {}, t("heatmap.waiting"));
  const lines = [group.mean === null ? null : h("b", {}, showValue(metric, group.mean))];
  for (const [name, n] of lost) lines.push(h("small", {}, n < total ? `${n}/${total} ` : "", t(`status.${name}`)));
  const [verdict, times] =
    finished === 0 ? [null, 0] : ([...(verdicts ?? [])].sort((one, other) => other[1] - one[1])[0] ?? [null, 0]);
  if (verdict) lines.push(h("small", {}, verdictName(verdict), times < finished ? ` ${times}/${finished}` : ""));
  if (group.diverged && verdict !== "diverged") {
    lines.push(h("small", {}, t("heatmap.diverged", { n: `${group.diverged}/${finished}` })));
  }
  const style = group.mean === null ? {} : colours(scale(group.mean));
  // Where no cell has a value (networks that were only initialized) the verdict gives the colour.
  const kind =
    scale === null && verdict
      ? verdict === "healthy"
        ? ".healthy"
        : ".unhealthy"
      : group.mean === null
        ? ".hatched"
        : "";
  return h("td", {}, h(`button.cell${kind}`, { type: "button", style, onClick: open }, lines));
}

function colours(share) {
  const at = share * (STOPS.length - 1);
  const index = Math.min(STOPS.length - 2, Math.floor(at));
  const [from, to] = [rgb(STOPS[index]), rgb(STOPS[index + 1])];
  const mixed = from.map((part, channel) => Math.round(part + (to[channel] - part) * (at - index)));
  return { background: `rgb(${mixed.join(" ")})`, color: luminance(mixed) > 0.179 ? "#000" : "#fff" };
}

function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/** WCAG 2.1. */
function luminance(colour) {
  const [red, green, blue] = colour
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
