// The ranking: means with their intervals, ties called ties, diverged runs not hidden.

import { h, reachable, svg } from "../lib/dom.js";
import { pValue, showValue, whole } from "../lib/format.js";
import { bounded } from "../lib/scale.js";
import { t } from "../lib/text.js";

const MOST_ROWS = 60;
const MANY_SEEDS = 1000;

/** Draw the API's comparison, with a sentence that says how sure it is. */
export function ranking(comparison) {
  const groups = comparison.groups.filter((group) => group.rank !== null || group.diverged > 0);
  if (!groups.length)
    return h("p.notice", {}, t(comparison.groups.some((group) => group.missing) ? "ranking.missing" : "ranking.none"));
  const ends = groups.flatMap((group) => interval(comparison.metric, group));
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const place = (value) => (high > low ? 4 + (92 * (value - low)) / (high - low) : 50);
  const shown = groups.slice(0, MOST_ROWS);
  return [
    h("p.lead", {}, conclusion(comparison, groups)),
    reachable(
      t("ranking.title"),
      h(
        "div.scroll",
        {},
        h(
          "table.ranking",
          {},
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              ["rank", "configuration", "mean", "interval", "n", "p"].map((name) =>
                h(
                  ["configuration", "interval"].includes(name) ? "th" : "th.number",
                  { scope: "col", title: t(`ranking.${name}.about`) },
                  t(`ranking.${name}`),
                ),
              ),
            ),
          ),
          h(
            "tbody",
            {},
            shown.map((group) => row(comparison, group, place)),
          ),
        ),
      ),
    ),
    groups.length > shown.length
      ? h("p.note", {}, t("ranking.more", { n: whole(groups.length - shown.length) }))
      : null,
  ];
}

function row({ metric }, group, place) {
  const notes = [];
  if (group.diverged) notes.push(t("ranking.diverged", { n: group.diverged }));
  if (group.unfinished) notes.push(t("ranking.unfinished", { n: group.unfinished }));
  return h(
    group.tied_with_best ? "tr.tied" : "tr",
    {},
    h("td.number", {}, group.rank ?? "–"),
    h(
      "th",
      { scope: "row" },
      name(group),
      group.tied_with_best && h("span.tie", { title: t("ranking.tied.about") }, t("ranking.tied")),
      notes.length ? h("small.warn", {}, notes.join(" · ")) : null,
    ),
    h("td.number", {}, group.mean === null ? "–" : showValue(metric, group.mean)),
    h("td", {}, intervalBar(metric, group, place)),
    h("td.number", {}, group.n),
    h("td.number", {}, pValue(group.p_value)),
  );
}

/** A group by its values: "relu · he_normal". */
export function name(group) {
  return (
    Object.values(group.by)
      .map((value) => value ?? "–")
      .join(" · ") || t("ranking.all")
  );
}

/** A group's interval as far as the metric goes; of one run, its value; of none, nothing. */
function interval(metric, group) {
  if (group.mean === null) return [];
  return group.ci95?.map((end) => bounded(metric, end)) ?? [group.mean, group.mean];
}

function intervalBar(metric, group, place) {
  if (group.mean === null) return "";
  const [from, to] = interval(metric, group);
  const written = group.ci95
    ? t("ranking.interval.is", { low: showValue(metric, from), high: showValue(metric, to) })
    : t("ranking.interval.none");
  return svg(
    "svg.interval",
    { viewBox: "0 0 100 12", preserveAspectRatio: "none", role: "img", "aria-label": written },
    svg("title", {}, written),
    svg("line.range", { x1: place(from), x2: place(to), y1: 6, y2: 6 }),
    svg("line.mean", { x1: place(group.mean), x2: place(group.mean), y1: 1.5, y2: 10.5 }),
  );
}

function conclusion(comparison, groups) {
  if (groups[0].rank === null) return t("ranking.allDiverged");
  const best = name(groups[0]);
  const tied = groups.filter((group) => group.tied_with_best).length - 1;
  const seeds = comparison.more_seeds_needed;
  if (groups.length === 1) return t("ranking.only", { best });
  if (seeds === null) return t("ranking.tooFew", { best });
  if (tied <= 0) return t("ranking.clear", { best });
  const more = seeds >= MANY_SEEDS ? t("ranking.manySeeds") : t("ranking.moreSeeds", { n: seeds });
  return `${t("ranking.tiedWith", { n: tied, best })} ${more}`;
}

/** Which axis matters: the share of the variation each explains. */
export function effects(comparison) {
  const known = comparison.effects.filter((effect) => effect.eta_squared !== null && effect.df > 0);
  if (!known.length) return null;
  return h(
    "div.effects",
    {},
    h("h3", {}, t("effects.title")),
    h("p.note", {}, t("effects.about")),
    h(
      "ul.bars",
      {},
      known.map((effect) => {
        const share = Math.max(0, Math.min(1, effect.eta_squared));
        return h(
          "li",
          {},
          h("span.name", {}, effect.axes.map((axis) => t(`axis.${axis}`)).join(" × ")),
          h("span.bar", {}, h("i", { style: { width: `${100 * share}%` } })),
          h(
            "span.value",
            {},
            `${(100 * share).toFixed(0)}%`,
            h("small.muted", {}, ` p ${effect.p_value === null ? "–" : pValue(effect.p_value)}`),
          ),
        );
      }),
    ),
  );
}
