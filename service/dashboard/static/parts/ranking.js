// The ranking of configurations as a table: a column for each axis, what is said, the mean, and the distance to the best.

import { asText } from "../lib/axes.js";
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
import { dimensionTitle } from "../lib/label_words.js";
import { isOfTest, isShare } from "../lib/metrics.js";
import { bounded } from "../lib/scale.js";
import { t } from "../lib/text.js";
import { h, svg } from "./dom.js";
import { button, notice, scrollableTable } from "./elements.js";

const FIRST_ROWS = 8;
/** Width and height of the drawing of a group's seeds, and the room beside its outermost marks. */
const [WIDTH, HEIGHT, ROOM] = [140, 16, 5];

/**
 * Return the API's comparison as a table.
 *
 * @param comparison the API's comparison
 * @param against    called with the labels by axis of a group that all others shall be compared
 *                   with; with null for the leader again
 */
export function ranking(comparison, against) {
  const groups = comparison.groups.filter((group) => group.n > 0 || group.diverged > 0);
  if (!groups.length && comparison.groups.some((group) => group.missing)) {
    return notice(t(missingKey(comparison)));
  }
  if (!groups.length) return notice(headline(comparison));
  const withWord = (word) => groups.find((group) => group.word === word) ?? null;
  const best = withWord(WORD.REFERENCE) ?? withWord(WORD.LEADS);
  const place = placeOf(groups.flatMap((group) => drawnValues(comparison.metric, group, best)));
  const rowOf = (group) => groupRow(comparison, group, { place, best }, against);
  const body = h("tbody", groups.slice(0, FIRST_ROWS).map(rowOf));
  const left = groups.slice(FIRST_ROWS);
  const all = button("button.small", showAll, t("ranking.showAll", { n: groups.length, count: whole(groups.length) }));
  function showAll() {
    body.append(...left.map(rowOf));
    all.remove();
  }
  const hasReference = best?.word === WORD.REFERENCE;
  return [
    hasReference && [
      h("p.lead", headline(comparison)),
      button("button.small", () => against(null), t("ranking.againstLeader")),
    ],
    scrollableTable(t("ranking.title"), "table.ranking", h("thead", headings(comparison)), body),
    left.length > 0 && all,
    h(
      "ul.notes",
      [...notes(comparison), t("ranking.seeds.about")].map((note) => h("li", note)),
    ),
  ];
}

/** Return the key of the sentence why completed runs have no value. */
export function missingKey({ metric }) {
  return isOfTest(metric) ? "ranking.missingTest" : "ranking.missing";
}

/** Return the titles of the columns of a ranking as a file has them: rank, axes, mean, interval, test part, seeds. */
export function fileTitles({ by, groups }) {
  const test = hasTest(groups) ? [t("ranking.test")] : [];
  return ["#", ...by.map(dimensionTitle), t("ranking.mean"), t("levels.interval"), ...test, "n"];
}

function headings({ metric, by, groups }) {
  const heading = (column, title = t(`ranking.${column}`), selector = "th") =>
    h(selector, { scope: "col", title: t(`ranking.${column}.about`) }, title);
  const axes = by.length ? by.map(dimensionTitle) : [t("ranking.configuration")];
  return h(
    "tr",
    heading("rank", undefined, "th.number"),
    axes.map((title) => heading("configuration", title)),
    heading("word"),
    heading("mean", undefined, "th.number"),
    hasTest(groups) && heading("test", undefined, "th.number"),
    heading("difference", t(isShare(metric) ? "ranking.difference.points" : "ranking.difference")),
  );
}

/** Return whether some group was measured on a test part that chose nothing. */
function hasTest(groups) {
  return groups.some(({ test }) => test);
}

/** Return a function that places values between the two ends of a drawing. */
function placeOf(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return (value) => (high > low ? ROOM + ((WIDTH - 2 * ROOM) * (value - low)) / (high - low) : WIDTH / 2);
}

function groupRow(comparison, group, drawn, against) {
  const { metric, by } = comparison;
  const [first, ...others] = by.map((axis) => asText(group.by[axis]));
  return h(
    "tr",
    h("td.number", group.rank ?? "–"),
    h("th", { scope: "row" }, nameOf(group, first, against)),
    others.map((label) => h("td", label)),
    h("td", saying(comparison, group)),
    h("td.number", meanOf(metric, group)),
    hasTest(comparison.groups) && h("td.number", testOf(group)),
    h("td", drawing(metric, group, drawn), differenceOf(metric, group)),
  );
}

/** Return a group's first label; a press on it makes the group the reference, unless there is nothing to compare it with. */
function nameOf(group, label, against) {
  const name = groupName(group);
  const isFixed = group.rank === null || group.word === WORD.REFERENCE;
  if (isFixed || label === undefined) return h("b", label ?? name);
  const properties = { title: t("ranking.against", { name }), "aria-label": name };
  return button("button", () => against(group.by), properties, label);
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
    h(`span.word.${group.word ?? "none"}`, wordName(group)),
    facts.length > 0 && h("small.muted", facts.join(" · ")),
    warnings.length > 0 && h("small.warn", warnings.join(" · ")),
  ];
}

function meanOf(metric, { mean, ci95, shrunk_mean: shrunk }) {
  const title = shrunk === null ? null : t("ranking.mean.shrunk", { mean: showValue(metric, shrunk) });
  const ends = ci95?.map((end) => showValue(metric, bounded(metric, end)));
  return [
    h("span", { title }, showValue(metric, mean)),
    ends && h("small.muted", t("number.range", { low: ends[0], high: ends[1] })),
  ];
}

/** Return a group's mean on the test part. */
function testOf({ test }) {
  if (!test) return "–";
  const { metric, mean, std, n } = test;
  const spread = std === null ? null : t("ranking.test.spread", { std: showValue(metric, std), n });
  return h("span", { title: spread }, showValue(metric, mean));
}

function differenceOf(metric, { difference: found, p_value: p }) {
  if (!found) return null;
  const [low, high] = found.ci95.map((end) => difference(metric, end));
  const interval = t("number.range", { low, high });
  return h("div", { title: `p ${pValue(p)}` }, difference(metric, found.mean), h("small.beside.muted", interval));
}

/** Return the ends of the bar of a group: the interval of its distance to the best, or of its own mean. */
function barOf(metric, { ci95, difference: found }, best) {
  const shift = (end) => best.mean + end;
  const ends = found && best ? found.ci95.map(shift) : ci95;
  return ends?.map((end) => bounded(metric, end)) ?? null;
}

/** Return all values that the drawing of a group shows. */
function drawnValues(metric, group, best) {
  const { mean, seeds } = group;
  return [...(barOf(metric, group, best) ?? []), ...seeds.map(({ value }) => value), ...(mean === null ? [] : [mean])];
}

/** Return the seeds of a group as marks, over the bar of its distance to the best, which is a line through all rows. */
function drawing(metric, group, { place, best }) {
  if (group.mean === null) return "";
  const words = drawingWords(metric, group);
  const [middle, mean] = [HEIGHT / 2, place(group.mean)];
  const ends = barOf(metric, group, best)?.map(place);
  const line = best && place(best.mean);
  return svg(
    "svg.interval",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": words },
    svg("title", words),
    best && svg("line.best", { x1: line, x2: line, y1: -8, y2: HEIGHT + 8 }),
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

function drawingWords(metric, { ci95, seeds, n, runs }) {
  const interval = ci95
    ? t("ranking.interval.is", { low: showValue(metric, ci95[0]), high: showValue(metric, ci95[1]) })
    : t("ranking.interval.none");
  const values = seeds.map(({ value, trained, reached }) => {
    const text = showValue(metric, value);
    const some = runs > n ? "Some" : "";
    if (!trained) return t(`ranking.seeds.untrained${some}`, { value: text });
    return reached ? text : t(`ranking.seeds.notReached${some}`, { value: text });
  });
  return `${t("ranking.seeds.are", { values: values.join(t("list.separator")) })}; ${interval}`;
}
