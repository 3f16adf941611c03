// Layer statistics as violins: each layer's distribution at one epoch, side by side.

import { h, ink, svg } from "../lib/dom.js";
import { significant } from "../lib/format.js";
import { tickLabels } from "../lib/scale.js";
import { t } from "../lib/text.js";

export const QUANTITIES = ["z", "activation", "weight", "gradient"];
// As in the API's pictures.
const VALUES_A_BIN = 30;
const FEWEST_BINS = 8;
const HEIGHT = 220;
const TOP = 14;
const BOTTOM = 30;
/** Wide enough for most, so that violins below each other begin at one place. */
const USUAL_LEFT = 54;
const LETTER_WIDTH = 7;
const NAME_GAP = 6;

/**
 * Draw one quantity of all layers.
 *
 * @param layers   as the API gives them
 * @param quantity one of `QUANTITIES`
 * @param range    `[low, high]` for all, so that epochs can be compared; null: of these layers
 * @param marked   names of layers that a finding points at
 */
export function violins(layers, quantity, { range = null, marked = [], width = 520, open = () => {} } = {}) {
  if (!layers.some((layer) => hasValues(layer, quantity))) return h("p.notice", {}, t("layers.nothing"));
  const [low, high] = padded(range ?? rangeOf(layers, quantity));
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low));
  const scale = ticks(low, high);
  const labels = tickLabels(scale);
  const left = Math.max(USUAL_LEFT, 12 + LETTER_WIDTH * Math.max(...labels.map((label) => label.length)));
  const step = (width - left - 8) / layers.length;
  const middles = layers.map((_, at) => left + step * (at + 0.5));
  const named = places(
    layers.map((layer) => layer.name),
    marked,
    middles,
    width,
  );
  return svg(
    "svg.violins",
    { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": summary(layers, quantity) },
    scale.map((value, at) =>
      svg(
        "g.tick",
        {},
        svg("line", { x1: left, x2: width - 4, y1: y(value), y2: y(value) }),
        svg("text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, labels[at]),
      ),
    ),
    layers.map((layer, at) =>
      svg(
        `g.violin${marked.includes(layer.name) ? ".marked" : ""}`,
        { onClick: () => open(layer.name) },
        svg("title", {}, sentence(layer, quantity)),
        hasValues(layer, quantity)
          ? violin(
              layer[quantity],
              middles[at],
              Math.min(46, 0.42 * step),
              y,
              [low, high],
              ink(`line-${QUANTITIES.indexOf(quantity)}`),
            )
          : svg(
              "text",
              {
                transform: `translate(${middles[at] + 4} ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`,
                "text-anchor": "middle",
              },
              "NaN",
            ),
        named.has(at)
          ? svg("text.layer", { x: named.get(at), y: HEIGHT - 12, "text-anchor": "middle" }, layer.name)
          : null,
      ),
    ),
  );
}

/** Whether there is any finite value to draw of a layer. */
export function hasValues(layer, quantity) {
  return layer[quantity]?.histogram.edges.length > 1;
}

function violin(statistic, middle, half, y, [low, high], fill) {
  const [q1, median, q3] = ["0.25", "0.5", "0.75"].map((share) => Number(statistic.quantiles[share]));
  return [
    svg("path", { d: outline(statistic.histogram, middle, half, y, low, high), fill }),
    svg("line.quartiles", { x1: middle, x2: middle, y1: y(clamp(q1, low, high)), y2: y(clamp(q3, low, high)) }),
    svg("circle.median", { cx: middle, cy: y(clamp(median, low, high)), r: 3 }),
  ];
}

/** Where layers' names stand, by the layers' places: the marked ones first, and others where there is room. */
function places(names, marked, middles, width) {
  const placed = new Map();
  const room = (name) => LETTER_WIDTH * name.length + NAME_GAP;
  const clear = (at, x) =>
    [...placed].every(([other, taken]) => Math.abs(taken - x) >= (room(names[other]) + room(names[at])) / 2);
  const order = [...names.keys()].sort((one, other) => marked.includes(names[other]) - marked.includes(names[one]));
  for (const at of order) {
    const x = Math.min(middles[at], width - room(names[at]) / 2);
    if (clear(at, x)) placed.set(at, x);
  }
  return placed;
}

/** The range that all layers at all these epochs fit in. */
export function rangeOf(layers, quantity) {
  const ends = layers
    .flatMap((layer) => {
      const edges = layer[quantity]?.histogram?.edges ?? [];
      return edges.length ? [Number(edges[0]), Number(edges.at(-1))] : [];
    })
    .filter(Number.isFinite);
  return ends.length ? [Math.min(...ends), Math.max(...ends)] : [-1, 1];
}

function padded([low, high]) {
  const margin = high > low ? 0.03 * (high - low) : 0.5 * Math.abs(high) || 1;
  return [low - margin, high + margin];
}

/** A violin: density on both sides, the widest bin as wide as there is room. */
function outline(histogram, middle, half, y, low, high) {
  const { edges, counts } = joined(histogram);
  const widths = counts.map((count, at) => Number(count) / Math.max(Number(edges[at + 1]) - Number(edges[at]), 1e-300));
  const widest = Math.max(...widths);
  if (!(widest > 0)) return "";
  const points = counts.map((_, at) => {
    const centre = (Number(edges[at]) + Number(edges[at + 1])) / 2;
    return [(half * widths[at]) / widest, y(clamp(centre, low, high))];
  });
  const [start, end] = [y(clamp(Number(edges[0]), low, high)), y(clamp(Number(edges.at(-1)), low, high))];
  const right = points.map(([offset, place]) => `L${(middle + Math.max(0.6, offset)).toFixed(1)} ${place.toFixed(1)}`);
  const left = points
    .toReversed()
    .map(([offset, place]) => `L${(middle - Math.max(0.6, offset)).toFixed(1)} ${place.toFixed(1)}`);
  return `M${middle.toFixed(1)} ${start.toFixed(1)}${right.join("")}L${middle.toFixed(1)} ${end.toFixed(1)}${left.join("")}Z`;
}

/** Only where there are values, and in bins wide enough that chance does not fray the outline. */
function joined(histogram) {
  const [first, last] = [
    histogram.counts.findIndex((count) => count > 0),
    histogram.counts.findLastIndex((count) => count > 0),
  ];
  let counts = histogram.counts.slice(first, last + 1);
  let edges = histogram.edges.slice(first, last + 2);
  const total = counts.reduce((sum, count) => sum + count, 0);
  while (counts.length >= 2 * FEWEST_BINS && total < VALUES_A_BIN * counts.length) {
    edges = edges.filter((_, at) => at % 2 === 0 || at === edges.length - 1);
    counts = Array.from(
      { length: Math.ceil(counts.length / 2) },
      (_, at) => counts[2 * at] + (counts[2 * at + 1] ?? 0),
    );
  }
  return { edges, counts };
}

function sentence(layer, quantity) {
  const start = `${layer.name}: ${t(`layers.${quantity}`)}`;
  if (!hasValues(layer, quantity)) return `${start} – ${t("layers.notFinite")}`;
  const { mean, std, min, max } = layer[quantity];
  return `${start} ${significant(mean)} ± ${significant(std)}, ${t("number.range", { low: significant(min), high: significant(max) })}`;
}

function summary(layers, quantity) {
  return layers.map((layer) => sentence(layer, quantity)).join("; ");
}

function ticks(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const found = [];
  for (let at = Math.ceil(low / step); at * step <= high; at += 1) found.push(at * step);
  return found;
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, Number(value)));
}
