// The ranking of configurations: the answer in a sentence, the groups with their seeds, the notes.

import {
  chosenLevels,
  detail,
  difference,
  groupName,
  headline,
  notes,
  reachedShare,
  trainedShare,
  WORD,
  wordName,
} from "../lib/comparison.js";
import { pValue, showValue, whole } from "../lib/format.js";
import { isShare } from "../lib/metrics.js";
import { bounded } from "../lib/scale.js";
import { t } from "../lib/text.js";
import { h, svg } from "./dom.js";
import { button, notice, scrollableTable } from "./elements.js";

const MOST_ROWS = 60;
/** Width and height of the drawing of a group's seeds, and the room beside its outermost marks. */
const [WIDTH, HEIGHT, ROOM] = [140, 16, 5];
/** Columns by their keys in the strings, and whether they hold numbers. */
const COLUMNS = { rank: true, configuration: false, mean: false, difference: true, p: true };

/**
 * Return the API's comparison as a table, after its answer in a sentence.
 *
 * @param comparison the API's comparison
 * @param against    called with the labels by axis of a group that all others shall be compared
 *                   with; with null for the leader again
 */
export function ranking(comparison, against) {
  const groups = comparison.groups.filter((group) => group.n > 0 || group.diverged > 0);
  if (!groups.length && comparison.groups.some((group) => group.missing)) return notice(t("ranking.missing"));
  if (!groups.length) return notice(headline(comparison));
  const place = placeOf(groups.flatMap((group) => drawnValues(comparison.metric, group)));
  const shown = groups.slice(0, MOST_ROWS);
  const rows = shown.map((group) => groupRow(comparison, group, place, against));
  const hasReference = groups.some((group) => group.word === WORD.REFERENCE);
  return [
    h("p.lead", headline(comparison)),
    hasReference && button("button.small", () => against(null), t("ranking.againstLeader")),
    scrollableTable(t("ranking.title"), "table.ranking", h("thead", headings(comparison.metric)), h("tbody", rows)),
    groups.length > shown.length && h("p.note", t("ranking.more", { n: whole(groups.length - shown.length) })),
    h(
      "ul.notes",
      [...notes(comparison), t("ranking.seeds.about")].map((note) => h("li", note)),
    ),
  ];
}

function headings(metric) {
  const cells = Object.entries(COLUMNS).map(([column, isNumber]) => {
    const inPoints = column === "difference" && isShare(metric);
    const title = t(inPoints ? "ranking.difference.points" : `ranking.${column}`);
    return h(isNumber ? "th.number" : "th", { scope: "col", title: t(`ranking.${column}.about`) }, title);
  });
  return h("tr", cells);
}

/** Return a function that places values between the two ends of a drawing. */
function placeOf(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return (value) => (high > low ? ROOM + ((WIDTH - 2 * ROOM) * (value - low)) / (high - low) : WIDTH / 2);
}

function groupRow(comparison, group, place, against) {
  const { metric } = comparison;
  return h(
    "tr",
    h("td.number", group.rank ?? "–"),
    h("th", { scope: "row" }, nameOf(group, against), saying(comparison, group)),
    h("td", meanOf(metric, group), drawing(metric, group, place)),
    h("td.number", differenceOf(metric, group)),
    h("td.number", pValue(group.p_value)),
  );
}

/** Return a group's name; a press on it makes it the reference, unless there is nothing to compare it with. */
function nameOf(group, against) {
  const name = groupName(group);
  if (group.rank === null || group.word === WORD.REFERENCE || !Object.keys(group.by).length) return h("b", name);
  return button("button", () => against(group.by), { title: t("ranking.against", { name }) }, name);
}

/** Return what is said of a group, and what its runs came to. */
function saying(comparison, group) {
  const facts = [detail(group, comparison), ...chosenLevels(group)].filter(Boolean);
  const warnings = [
    trainedShare(group),
    reachedShare(group),
    group.diverged && t("ranking.diverged", { n: group.diverged }),
    group.unfinished && t("ranking.unfinished", { n: group.unfinished }),
  ].filter(Boolean);
  return [
    h(
      "small",
      h(`span.word.${group.word ?? "none"}`, wordName(group)),
      facts.map((fact) => ` · ${fact}`),
    ),
    warnings.length > 0 && h("small.warn", warnings.join(" · ")),
  ];
}

function meanOf(metric, { mean, ci95, shrunk_mean: shrunk }) {
  const title = shrunk === null ? null : t("ranking.mean.shrunk", { mean: showValue(metric, shrunk) });
  const ends = ci95?.map((end) => showValue(metric, bounded(metric, end)));
  return [
    h("span", { title }, showValue(metric, mean)),
    ends && h("small.muted.beside", t("number.range", { low: ends[0], high: ends[1] })),
  ];
}

function differenceOf(metric, { difference: found }) {
  if (!found) return "";
  const [low, high] = found.ci95.map((end) => difference(metric, end));
  return [difference(metric, found.mean), h("small.muted", t("number.range", { low, high }))];
}

/** Return all values that the drawing of a group shows. */
function drawnValues(metric, { mean, ci95, seeds }) {
  const ends = (ci95 ?? []).map((end) => bounded(metric, end));
  return [...ends, ...seeds.map(({ value }) => value), ...(mean === null ? [] : [mean])];
}

function drawing(metric, group, place) {
  if (group.mean === null) return "";
  const words = drawingWords(metric, group);
  const [middle, mean] = [HEIGHT / 2, place(group.mean)];
  const ends = group.ci95?.map((end) => place(bounded(metric, end)));
  return svg(
    "svg.interval",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words },
    svg("title", words),
    ends && svg("line.range", { x1: ends[0], x2: ends[1], y1: middle, y2: middle }),
    svg("line.mean", { x1: mean, x2: mean, y1: 1.5, y2: HEIGHT - 1.5 }),
    group.seeds.map(({ value, trained, reached }) => seedMark(place(value), middle, trained && reached)),
  );
}

/** Return the mark of a seed: a dot, or a cross where it did not train or reach the target. */
function seedMark(x, y, entered) {
  if (entered) return svg("circle.seed", { cx: x, cy: y, r: 2.5 });
  return svg("path.seed.untrained", { d: `M${x - 3} ${y - 3}l6 6m0-6l-6 6` });
}

function drawingWords(metric, { ci95, seeds }) {
  const interval = ci95
    ? t("ranking.interval.is", { low: showValue(metric, ci95[0]), high: showValue(metric, ci95[1]) })
    : t("ranking.interval.none");
  const values = seeds.map(({ value, trained, reached }) => {
    const text = showValue(metric, value);
    if (!trained) return t("ranking.seeds.untrained", { value: text });
    return reached ? text : t("ranking.seeds.notReached", { value: text });
  });
  return `${t("ranking.seeds.are", { values: values.join(t("list.separator")) })}; ${interval}`;
}
