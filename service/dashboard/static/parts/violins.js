// Layer statistics as violins: the distribution of each layer at one epoch, side by side.

import { significant } from "../lib/format.js";
import {
  densities,
  hasValues,
  isOutput,
  padded,
  QUANTITIES,
  rangeOf,
  smoothed,
  symlogUnit,
} from "../lib/histograms.js";
import { clamp, roundTicks, symlog, tickLabels } from "../lib/scale.js";
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
const LABEL_HEIGHT = 18;
const NAME_GAP = 6;
const WIDEST_HALF = 46;
const THINNEST_HALF = 0.6;
/** The least room of the output layer apart from the others. */
const LEAST_OUTPUT = 110;

/**
 * Return a picture of one quantity of all layers. The output layer stands apart, on a scale of its own: logits and their
 * gradients are of another size than what is hidden. Where hidden layers differ widely the scale is logarithmic away from zero.
 *
 * @param layers   as the API answers them
 * @param quantity one of `QUANTITIES`
 * @param seen     the layers that share a scale: those of all epochs, so that these can be compared, or `layers`
 * @param marked   names of layers to be marked
 * @param open     called with the name of a layer that was clicked
 */
export function violins(layers, quantity, { seen, marked, width, open }) {
  if (!layers.some((layer) => hasValues(layer, quantity))) return notice(t("layers.nothing"));
  const frames = framesOf(layers, seen, quantity, width);
  const middles = frames.flatMap((frame) => frame.middles);
  const names = placedNames(layers, marked, { middles, width });
  const colour = ink(`line-${QUANTITIES.indexOf(quantity)}`);
  const violin = (layer, index) => {
    const middle = middles[index];
    const frame = frames.find((found) => found.middles.includes(middle));
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
    frames.map((frame) => frame.ticks.map((tick) => tickLine(tick, frame))),
    layers.map(violin),
  );
}

/** Return the frame of the hidden layers and that of the output, or one of all where there is nothing to set apart. */
function framesOf(layers, seen, quantity, width) {
  const hidden = layers.filter((layer) => !isOutput(layer));
  const apart = hidden.length > 0 && hidden.length === layers.length - 1 && isOutput(layers.at(-1));
  if (!apart) return [frameOf(seen, quantity, layers.length, { from: 0, to: width })];
  const cut = width - Math.max(LEAST_OUTPUT, width / (layers.length + 1));
  const hiddenSeen = seen.filter((layer) => !isOutput(layer));
  return [
    frameOf(hiddenSeen, quantity, hidden.length, { from: 0, to: cut }),
    frameOf(seen.filter(isOutput), quantity, 1, { from: cut, to: width }),
  ];
}

/** Return where everything is between two edges: the vertical scale with its ticks, and the middle of each violin. */
function frameOf(seen, quantity, layerCount, { from, to }) {
  const [low, high] = padded(rangeOf(seen, quantity));
  const unit = symlogUnit(seen, quantity);
  const { forward, ticks: values } = unit ? symlog(unit, low, high) : { forward: Number, ticks: roundTicks(low, high) };
  const labels = unit ? values.map(powerLabel) : tickLabels(values);
  const left = from + Math.max(USUAL_LEFT, 12 + LETTER_WIDTH * Math.max(...labels.map((label) => label.length)));
  const step = (to - left - RIGHT) / layerCount;
  const [bottom, top] = [forward(low), forward(high)];
  const share = (value) => (forward(clamp(Number(value), low, high)) - bottom) / (top - bottom);
  const y = (value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - share(value));
  return {
    right: to,
    left,
    y,
    ticks: spaced(values.map((value, index) => ({ value, y: y(value), label: labels[index] }))),
    middles: Array.from({ length: layerCount }, (_, index) => left + step * (index + 0.5)),
    half: Math.min(WIDEST_HALF, 0.42 * step),
  };
}

function powerLabel(value) {
  return value === 0 ? "0" : value.toExponential(0);
}

/** Return the ticks whose labels do not touch: zero, then the outermost. */
function spaced(ticks) {
  const rank = ({ value }) => (value === 0 ? Infinity : Math.abs(value));
  const kept = [];
  for (const tick of ticks.toSorted((one, other) => rank(other) - rank(one))) {
    if (kept.every((other) => Math.abs(other.y - tick.y) >= LABEL_HEIGHT)) kept.push(tick);
  }
  return kept;
}

function tickLine({ y, label }, { left, right }) {
  return svg(
    "g.tick",
    svg("line", { x1: left, x2: right - 4, y1: y, y2: y }),
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
