// How much each axis matters: the share of the variation that it explains, and the mean of each level.

import { asText } from "../lib/axes.js";
import { percent, pValue, showValue } from "../lib/format.js";
import { dimensionTitle } from "../lib/label_words.js";
import { bounded, clamp } from "../lib/scale.js";
import { joined, t } from "../lib/text.js";
import { h } from "./dom.js";
import { scrollableTable } from "./elements.js";
import { help } from "./help.js";

/** Above this an effect may be chance. */
const ALPHA = 0.05;

/** Return the share of the variation that each axis explains, as bars; null where none is known. */
export function effects(comparison) {
  const found = comparison.effects.filter((effect) => effect.omega_squared !== null && effect.df > 0);
  if (!found.length) return null;
  const scale = comparison.scale === "raw" ? null : t(`effects.scale.${comparison.scale}`);
  return h(
    "div.effects",
    h("div.heading", h("h3", t("effects.title")), help("effects-title", t("effects.title"))),
    h("p.note", joined([t("effects.about"), scale])),
    h("ul.bars", found.map(effectBar)),
  );
}

/** Return which axis matters most, and how much, as a sentence; null where no effect can be told from chance. */
export function strongestAxes({ effects: found, by }) {
  const certain = found.filter(({ p_value: p, omega_squared: omega }) => p !== null && p <= ALPHA && omega !== null);
  if (by.length < 2 || !certain.length) return null;
  const strongest = certain.reduce((one, other) => (other.omega_squared > one.omega_squared ? other : one));
  const name = strongest.axes.map(dimensionTitle).join(" × ");
  const [low, high] = strongest.omega_ci95?.map((end) => toPercent(end).toFixed(0)) ?? [];
  const values = { name, value: toPercent(strongest.omega_squared).toFixed(0), low, high };
  return t(low === undefined ? "effects.strongest" : "effects.strongestWithin", values);
}

function effectBar({ axes, omega_squared: omega, omega_ci95: interval, p_value: p }) {
  const value = toPercent(omega);
  const ends = interval?.map(toPercent);
  const range = ends && h("i.range", { style: { left: `${ends[0]}%`, width: `${ends[1] - ends[0]}%` } });
  const [low, high] = ends?.map((end) => end.toFixed(0)) ?? [];
  const text = ends ? t("effects.value", { value: value.toFixed(0), low, high }) : `${value.toFixed(0)}%`;
  return h(
    "li",
    h("span.name", axes.map(dimensionTitle).join(" × ")),
    h("span.bar", h("i.size", { style: { width: `${value}%` } }), range),
    h("span.value", text, h("small.muted", ` p ${pValue(p)}`)),
  );
}

function toPercent(share) {
  return 100 * clamp(share, 0, 1);
}

/** Return the mean of each level of each axis as a table; null where one axis makes the groups: it is the ranking. */
export function levelMeans({ by, levels, metric }) {
  if (by.length < 2) return null;
  const columns = ["level", "mean", "interval", "trained"].map((column) => {
    const title = t(column === "mean" ? "ranking.mean" : `levels.${column}`);
    return h(column === "level" ? "th" : "th.number", { scope: "col" }, title);
  });
  const bodies = [...Map.groupBy(levels, ({ axis }) => axis)].map(([axis, found]) =>
    h(
      "tbody",
      h("tr", h("th.axis", { scope: "rowgroup", colspan: columns.length }, dimensionTitle(axis))),
      found.map((level) => levelRow(metric, level)),
    ),
  );
  return h(
    "div.effects",
    h("div.heading", h("h3", t("levels.title")), help("levels-title", t("levels.title"))),
    h("p.note", t("levels.about")),
    scrollableTable(t("levels.title"), "table.levels", h("thead", h("tr", columns)), bodies),
  );
}

function levelRow(metric, { level, mean, ci95, trained, n }) {
  const ends = ci95?.map((end) => showValue(metric, bounded(metric, end)));
  return h(
    "tr",
    h("th", { scope: "row" }, asText(level)),
    h("td.number", showValue(metric, mean)),
    h("td.number", ends ? t("number.range", { low: ends[0], high: ends[1] }) : ""),
    h("td.number", { title: `${trained} / ${n}` }, percent(n ? trained / n : null)),
  );
}
