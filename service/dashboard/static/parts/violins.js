// Layer statistics as violins: each layer's distribution at one epoch, side by side.

import { h, ink, svg } from "../lib/dom.js";
import { significant } from "../lib/format.js";
import { t } from "../lib/text.js";

export const QUANTITIES = ["z", "activation", "weight", "gradient"];
// As in the API's pictures.
const VALUES_A_BIN = 30;
const FEWEST_BINS = 8;
const HEIGHT = 220;
const TOP = 14;
const BOTTOM = 30;
const LEFT = 54;
const NAME_WIDTH = 54;

/**
 * Draw one quantity of all layers.
 *
 * @param layers   as the API gives them
 * @param quantity one of `QUANTITIES`
 * @param range    `[low, high]` for all, so that epochs can be compared; null: of these layers
 * @param marked   names of layers that a finding points at
 */
export function violins(layers, quantity, { range = null, marked = [], width = 520, open = () => {} } = {}) {
  const drawn = layers.filter((layer) => layer[quantity]?.histogram?.edges?.length > 1);
  if (!drawn.length) return h("p.notice", {}, t("layers.nothing"));
  const [low, high] = padded(range ?? rangeOf(drawn, quantity));
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (value - low) / (high - low));
  const step = (width - LEFT - 8) / drawn.length;
  const half = Math.min(46, 0.42 * step);
  const scale = ticks(low, high);
  const named = Math.ceil(NAME_WIDTH / step); // of many layers, every so many have their name
  return svg("svg.violins", { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": summary(drawn, quantity) },
    scale.map((value) => svg("g.tick", {}, svg("line", { x1: LEFT, x2: width - 4, y1: y(value), y2: y(value) }),
      svg("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, significant(value)))),
    drawn.map((layer, at) => {
      const middle = LEFT + step * (at + 0.5);
      const statistic = layer[quantity];
      const [q1, median, q3] = ["0.25", "0.5", "0.75"].map((share) => Number(statistic.quantiles[share]));
      return svg(`g.violin${marked.includes(layer.name) ? ".marked" : ""}`, { onClick: () => open(layer.name) },
        svg("title", {}, sentence(layer, quantity)),
        svg("path", { d: outline(statistic.histogram, middle, half, y, low, high), fill: ink(`line-${QUANTITIES.indexOf(quantity)}`) }),
        svg("line.quartiles", { x1: middle, x2: middle, y1: y(clamp(q1, low, high)), y2: y(clamp(q3, low, high)) }),
        svg("circle.median", { cx: middle, cy: y(clamp(median, low, high)), r: 3 }),
        at % named && !marked.includes(layer.name) ? null : svg("text.layer", { x: middle, y: HEIGHT - 12, "text-anchor": "middle" }, shorten(layer.name, step * named)));
    }));
}

/** The range that all layers at all these epochs fit in. */
export function rangeOf(layers, quantity) {
  const ends = layers.flatMap((layer) => {
    const edges = layer[quantity]?.histogram?.edges ?? [];
    return edges.length ? [Number(edges[0]), Number(edges.at(-1))] : [];
  }).filter(Number.isFinite);
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
    return [half * widths[at] / widest, y(clamp(centre, low, high))];
  });
  const [start, end] = [y(clamp(Number(edges[0]), low, high)), y(clamp(Number(edges.at(-1)), low, high))];
  const right = points.map(([offset, place]) => `L${(middle + Math.max(0.6, offset)).toFixed(1)} ${place.toFixed(1)}`);
  const left = points.toReversed().map(([offset, place]) => `L${(middle - Math.max(0.6, offset)).toFixed(1)} ${place.toFixed(1)}`);
  return `M${middle.toFixed(1)} ${start.toFixed(1)}${right.join("")}L${middle.toFixed(1)} ${end.toFixed(1)}${left.join("")}Z`;
}

/** Only where there are values, and in bins wide enough that chance does not fray the outline. */
function joined(histogram) {
  const [first, last] = [histogram.counts.findIndex((count) => count > 0), histogram.counts.findLastIndex((count) => count > 0)];
  let counts = histogram.counts.slice(first, last + 1);
  let edges = histogram.edges.slice(first, last + 2);
  const total = counts.reduce((sum, count) => sum + count, 0);
  while (counts.length >= 2 * FEWEST_BINS && total < VALUES_A_BIN * counts.length) {
    edges = edges.filter((_, at) => at % 2 === 0 || at === edges.length - 1);
    counts = Array.from({ length: Math.ceil(counts.length / 2) }, (_, at) => counts[2 * at] + (counts[2 * at + 1] ?? 0));
  }
  return { edges, counts };
}

function sentence(layer, quantity) {
  const { mean, std, min, max } = layer[quantity];
  return `${layer.name}: ${t(`layers.${quantity}`)} ${significant(mean)} ± ${significant(std)} [${significant(min)}, ${significant(max)}]`;
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

function shorten(name, step) {
  const room = Math.max(3, Math.floor(step / 6));
  return name.length > room ? `${name.slice(0, room - 1)}…` : name;
}
