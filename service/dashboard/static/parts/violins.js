// Layer statistics as violins: the distribution of each layer at one epoch, side by side.

import { significant } from "../lib/format.js";
import { densities, hasValues, padded, QUANTITIES, rangeOf, smoothed } from "../lib/histograms.js";
import { clamp, roundTicks, tickLabels } from "../lib/scale.js";
import { t } from "../lib/text.js";
import { svg } from "./dom.js";
import { notice } from "./elements.js";
import { ink } from "./theme.js";

const HEIGHT = 220;
const TOP = 14;
const BOTTOM = 30;
const RIGHT = 8;
/** Wide enough for most labels, so that violins below each other begin at the same place. */
const USUAL_LEFT = 54;
const LETTER_WIDTH = 7;
const NAME_GAP = 6;
const WIDEST_HALF = 46;
const THINNEST_HALF = 0.6;

/**
 * Return a picture of one quantity of all layers.
 *
 * @param layers   as the API answers them
 * @param quantity one of `QUANTITIES`
 * @param range    `[low, high]`, so that epochs can be compared; null: the range of these layers
 * @param marked   names of layers to be marked
 * @param open     called with the name of a layer that was clicked
 */
export function violins(layers, quantity, { range, marked, width, open }) {
  if (!layers.some((layer) => hasValues(layer, quantity))) return notice(t("layers.nothing"));
  const frame = frameOf(padded(range ?? rangeOf(layers, quantity)), layers.length, width);
  const names = placedNames(layers, marked, frame);
  const colour = ink(`line-${QUANTITIES.indexOf(quantity)}`);
  const violin = (layer, index) => {
    const middle = frame.middles[index];
    return svg(
      marked.includes(layer.name) ? "g.violin.marked" : "g.violin",
      { onClick: () => open(layer.name) },
      svg("title", layerSentence(layer, quantity)),
      hasValues(layer, quantity) ? shape(layer[quantity], middle, frame, colour) : notANumber(middle),
      names.has(index)
        ? svg("text.layer", { x: names.get(index), y: HEIGHT - 12, "text-anchor": "middle" }, layer.name)
        : null,
    );
  };
  const words = layers.map((layer) => layerSentence(layer, quantity)).join("; ");
  return svg(
    "svg.violins",
    { viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": words },
    frame.ticks.map((tick) => tickLine(tick, frame)),
    layers.map(violin),
  );
}

/** Return where everything is: the vertical scale with its ticks, and the middle of each violin. */
function frameOf([low, high], layerCount, width) {
  const values = roundTicks(low, high);
  const labels = tickLabels(values);
  const left = Math.max(USUAL_LEFT, 12 + LETTER_WIDTH * Math.max(...labels.map((label) => label.length)));
  const step = (width - left - RIGHT) / layerCount;
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - (clamp(Number(value), low, high) - low) / (high - low));
  return {
    width,
    left,
    y,
    ticks: values.map((value, index) => ({ y: y(value), label: labels[index] })),
    middles: Array.from({ length: layerCount }, (_, index) => left + step * (index + 0.5)),
    half: Math.min(WIDEST_HALF, 0.42 * step),
  };
}

function tickLine({ y, label }, { left, width }) {
  return svg(
    "g.tick",
    svg("line", { x1: left, x2: width - 4, y1: y, y2: y }),
    svg("text", { x: left - 6, y: y + 4, "text-anchor": "end" }, label),
  );
}

function shape({ quantiles, histogram }, middle, { y, half }, fill) {
  const [q1, median, q3] = ["0.25", "0.5", "0.75"].map((share) => y(quantiles[share]));
  return [
    svg("path", { d: outline(histogram, middle, half, y), fill }),
    svg("line.quartiles", { x1: middle, x2: middle, y1: q1, y2: q3 }),
    svg("circle.median", { cx: middle, cy: median, r: 3 }),
  ];
}

function notANumber(middle) {
  const place = `translate(${middle + 4} ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)`;
  return svg("text", { transform: place, "text-anchor": "middle" }, "NaN");
}

/** Return the path of a violin: the density on both sides, the densest bin `half` wide on each. */
function outline(histogram, middle, half, y) {
  const { edges, counts } = smoothed(histogram);
  const bins = densities({ edges, counts });
  const densest = Math.max(...bins.map(({ density }) => density));
  if (!(densest > 0)) return "";
  const points = bins.map(({ centre, density }) => [Math.max(THINNEST_HALF, (half * density) / densest), y(centre)]);
  const at = (x, height) => `${x.toFixed(1)} ${height.toFixed(1)}`;
  const right = points.map(([offset, height]) => `L${at(middle + offset, height)}`);
  const left = points.toReversed().map(([offset, height]) => `L${at(middle - offset, height)}`);
  return `M${at(middle, y(edges[0]))}${right.join("")}L${at(middle, y(edges.at(-1)))}${left.join("")}Z`;
}

/** Return the x of the layers' names by index: of marked layers first, and of others where there is room. */
function placedNames(layers, marked, { middles, width }) {
  const placed = new Map();
  const widths = layers.map(({ name }) => LETTER_WIDTH * name.length + NAME_GAP);
  const isFree = (index, x) =>
    [...placed].every(([other, taken]) => Math.abs(taken - x) >= (widths[other] + widths[index]) / 2);
  const isMarked = (index) => marked.includes(layers[index].name);
  for (const index of [...layers.keys()].sort((one, other) => isMarked(other) - isMarked(one))) {
    const x = Math.min(middles[index], width - widths[index] / 2);
    if (isFree(index, x)) placed.set(index, x);
  }
  return placed;
}

function layerSentence(layer, quantity) {
  const start = `${layer.name}: ${t(`layers.${quantity}`)}`;
  if (!hasValues(layer, quantity)) return `${start} – ${t("layers.notFinite")}`;
  const { mean, std, min, max } = layer[quantity];
  const range = t("number.range", { low: significant(min), high: significant(max) });
  return `${start} ${significant(mean)} ± ${significant(std)}, ${range}`;
}
