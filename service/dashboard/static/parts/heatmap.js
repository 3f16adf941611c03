// A heat map: two axes against each other, with the mean and the verdict of each combination.

import { asText, labelOn, labelsOn } from "../lib/axes.js";
import { CIVIDIS, heatColours } from "../lib/colours.js";
import { showValue } from "../lib/format.js";
import { metricTitle } from "../lib/metrics.js";
import { clamp } from "../lib/scale.js";
import { hasEnded, WITHOUT_RESULT } from "../lib/statuses.js";
import { t } from "../lib/text.js";
import { statusName } from "./badges.js";
import { axisTitle } from "./configuration.js";
import { h } from "./dom.js";
import { button, scrollableTable } from "./elements.js";
import { isHealthy, verdictName, verdictOf } from "./verdicts.js";

/**
 * Return the table, and the key of its colours.
 *
 * @param comparison the API's comparison by the two axes
 * @param runs       the experiment's runs
 * @param open       called with `{axis: label}` of a chosen cell
 */
export function heatmap(comparison, runs, open) {
  const axes = comparison.by;
  const [rowAxis, columnAxis] = axes;
  const groups = new Map(
    comparison.groups.map((group) => [JSON.stringify(axes.map((axis) => asText(group.by[axis]))), group]),
  );
  const members = Map.groupBy(runs, (run) => JSON.stringify(axes.map((axis) => labelOn(run, axis))));
  const range = rangeOfMeans(comparison);
  const rows = labelsOn(runs, rowAxis).map((row) => ({
    label: row,
    cells: labelsOn(runs, columnAxis).map((column) => {
      const place = JSON.stringify([row, column]);
      const choose = () => open({ [rowAxis]: row, [columnAxis]: column });
      return cell(groups.get(place), members.get(place) ?? [], comparison.metric, range, choose);
    }),
  }));
  return [
    table(axes.map(axisTitle), labelsOn(runs, columnAxis), rows),
    range && range.best !== range.worst ? colourKey(comparison, range) : null,
  ];
}

/**
 * Return the values that the darkest and the brightest colour stand for, and the place of each mean between them. The darkest
 * is guessing, where that is known, so that a colour says the same in every experiment; else the worst mean.
 */
export function rangeOfMeans({ groups, higher_is_better: upward, guess = null }) {
  const means = groups.map((group) => group.mean).filter((mean) => mean !== null);
  if (!means.length) return null;
  const sign = upward ? 1 : -1;
  const ordered = means.toSorted((one, other) => sign * (one - other));
  const [worst, best] = [guess ?? ordered[0], ordered.at(-1)];
  const spread = sign * (best - worst);
  const shareOf = (mean) => (spread > 0 ? clamp((sign * (mean - worst)) / spread, 0, 1) : Number(guess === null));
  return { worst, best, isGuess: guess !== null, shareOf };
}

function table([rowTitle, columnTitle], columns, rows) {
  const heading = (content) => h("th", { scope: "col" }, content);
  return scrollableTable(
    t("heatmap.title"),
    "table.heatmap",
    h("caption.unseen", t("heatmap.caption", { rows: rowTitle, columns: columnTitle })),
    h("thead", h("tr", heading(h("span.muted", `${rowTitle} ╲ ${columnTitle}`)), columns.map(heading))),
    h(
      "tbody",
      rows.map(({ label, cells }) => h("tr", h("th", { scope: "row" }, label), cells)),
    ),
  );
}

/** Return the colours with the values they stand for, the worst on the left. */
function colourKey({ metric }, { worst, best, isGuess }) {
  const ends = [worst, (worst + best) / 2, best].map((value) => showValue(metric, value));
  if (isGuess) ends[0] = t("heatmap.guess", { value: ends[0] });
  const title = metricTitle(metric);
  return h(
    "div.colours",
    { role: "img", "aria-label": `${title}: ${t("number.range", { low: ends[0], high: ends[2] })}` },
    h("span", title),
    h("i", { style: { background: `linear-gradient(to right, ${CIVIDIS.join(", ")})` } }),
    h(
      "div",
      ends.map((value) => h("span", value)),
    ),
  );
}

function cell(group, runs, metric, range, open) {
  if (!group) return h("td.empty");
  const finished = runs.filter((run) => hasEnded(run) && !WITHOUT_RESULT.includes(run.status)).length;
  const total = runs.length;
  const lost = WITHOUT_RESULT.map((status) => [status, countOf(runs, status)]).filter(([, times]) => times);
  const lostRuns = lost.reduce((sum, [, times]) => sum + times, 0);
  if (finished === 0 && lostRuns < total) return h("td.empty", t("heatmap.waiting"));
  const [verdict, times] = finished ? mostFrequentVerdict(runs) : [null, 0];
  const lines = [
    group.mean === null ? null : h("b", showValue(metric, group.mean)),
    lost.map(([status, runsLost]) => h("small", runsLost < total ? `${runsLost}/${total} ` : "", statusName(status))),
    verdict && h("small", verdictName(verdict), times < finished ? ` ${times}/${finished}` : ""),
    group.diverged ? h("small", t("heatmap.diverged", { n: `${group.diverged}/${finished}` })) : null,
  ];
  const style = group.mean === null ? {} : heatColours(range.shareOf(group.mean));
  return h("td", button(`button.cell${ground(group, verdict, range)}`, open, { style }, lines));
}

/** Return the class of a cell without a mean; where no cell has one (networks only initialized), its verdict's. */
function ground(group, verdict, range) {
  if (range === null && verdict) return isHealthy(verdict) ? ".healthy" : ".unhealthy";
  return group.mean === null ? ".hatched" : "";
}

function countOf(runs, status) {
  return runs.filter((run) => run.status === status).length;
}

function mostFrequentVerdict(runs) {
  const counts = [...Map.groupBy(runs.filter(verdictOf), verdictOf)].map(([verdict, { length }]) => [verdict, length]);
  return counts.sort(([, one], [, other]) => other - one)[0] ?? [null, 0];
}
