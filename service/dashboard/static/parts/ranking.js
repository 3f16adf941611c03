// The ranking of configurations: means with intervals, ties, and diverged runs.

import { asText } from "../lib/axes.js";
import { pValue, showValue, whole } from "../lib/format.js";
import { bounded, clamp } from "../lib/scale.js";
import { t } from "../lib/text.js";
import { axisTitle } from "./configuration.js";
import { h, svg } from "./dom.js";
import { notice, scrollableTable } from "./elements.js";

const MOST_ROWS = 60;
const MANY_SEEDS = 1000;
/** Columns by their keys in the strings, and whether they hold numbers. */
const COLUMNS = { rank: true, configuration: false, mean: true, interval: false, n: true, p: true };

/** Return the API's comparison as a table, after a sentence that says how certain it is. */
export function ranking(comparison) {
  const groups = comparison.groups.filter((group) => group.rank !== null || group.diverged > 0);
  if (!groups.length) {
    return notice(t(comparison.groups.some((group) => group.missing) ? "ranking.missing" : "ranking.none"));
  }
  const { metric } = comparison;
  const place = percentScale(groups.flatMap((group) => intervalOf(metric, group)));
  const shown = groups.slice(0, MOST_ROWS);
  const headings = Object.entries(COLUMNS).map(([column, isNumber]) =>
    h(isNumber ? "th.number" : "th", { scope: "col", title: t(`ranking.${column}.about`) }, t(`ranking.${column}`)),
  );
  const rows = shown.map((group) => groupRow(metric, group, place));
  return [
    h("p.lead", conclusion(comparison, groups)),
    scrollableTable(t("ranking.title"), "table.ranking", h("thead", h("tr", headings)), h("tbody", rows)),
    groups.length > shown.length ? h("p.note", t("ranking.more", { n: whole(groups.length - shown.length) })) : null,
  ];
}

/** Return a function that places values between 4% and 96% of a bar's width. */
function percentScale(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return (value) => (high > low ? 4 + (92 * (value - low)) / (high - low) : 50);
}

function groupRow(metric, group, place) {
  const notes = [
    group.diverged && t("ranking.diverged", { n: group.diverged }),
    group.unfinished && t("ranking.unfinished", { n: group.unfinished }),
  ].filter(Boolean);
  const tie = h("span.tie", { title: t("ranking.tied.about") }, t("ranking.tied"));
  return h(
    group.tied_with_best ? "tr.tied" : "tr",
    h("td.number", group.rank ?? "–"),
    h(
      "th",
      { scope: "row" },
      groupName(group),
      group.tied_with_best && tie,
      notes.length ? h("small.warn", notes.join(" · ")) : null,
    ),
    h("td.number", showValue(metric, group.mean)),
    h("td", intervalBar(metric, group, place)),
    h("td.number", group.n),
    h("td.number", pValue(group.p_value)),
  );
}

/** Return a group's labels: "relu · he_normal". */
function groupName(group) {
  return Object.values(group.by).map(asText).join(" · ") || t("ranking.all");
}

/** Return the ends of a group's interval within the metric's range; of one run, its value twice; of none, nothing. */
function intervalOf(metric, { mean, ci95 }) {
  if (mean === null) return [];
  return ci95?.map((end) => bounded(metric, end)) ?? [mean, mean];
}

function intervalBar(metric, group, place) {
  if (group.mean === null) return "";
  const [low, high] = intervalOf(metric, group);
  const words = group.ci95
    ? t("ranking.interval.is", { low: showValue(metric, low), high: showValue(metric, high) })
    : t("ranking.interval.none");
  const mean = place(group.mean);
  return svg(
    "svg.interval",
    { viewBox: "0 0 100 12", preserveAspectRatio: "none", role: "img", "aria-label": words },
    svg("title", words),
    svg("line.range", { x1: place(low), x2: place(high), y1: 6, y2: 6 }),
    svg("line.mean", { x1: mean, x2: mean, y1: 1.5, y2: 10.5 }),
  );
}

function conclusion({ more_seeds_needed: seeds }, groups) {
  if (groups[0].rank === null) return t("ranking.allDiverged");
  const best = groupName(groups[0]);
  const tied = groups.filter((group) => group.tied_with_best).length - 1;
  if (groups.length === 1) return t("ranking.only", { best });
  if (seeds === null) return t("ranking.tooFew", { best });
  if (tied <= 0) return t("ranking.clear", { best });
  const more = seeds >= MANY_SEEDS ? t("ranking.manySeeds") : t("ranking.moreSeeds", { n: seeds });
  return `${t("ranking.tiedWith", { n: tied, best })} ${more}`;
}

/** Return the share of the variation that each axis explains, as bars; null where none is known. */
export function effects(comparison) {
  const known = comparison.effects.filter((effect) => effect.eta_squared !== null && effect.df > 0);
  if (!known.length) return null;
  return h(
    "div.effects",
    h("h3", t("effects.title")),
    h("p.note", t("effects.about")),
    h("ul.bars", known.map(effectBar)),
  );
}

function effectBar({ axes, eta_squared: etaSquared, p_value: p }) {
  const percent = 100 * clamp(etaSquared, 0, 1);
  return h(
    "li",
    h("span.name", axes.map(axisTitle).join(" × ")),
    h("span.bar", h("i", { style: { width: `${percent}%` } })),
    h("span.value", `${percent.toFixed(0)}%`, h("small.muted", ` p ${pValue(p)}`)),
  );
}
