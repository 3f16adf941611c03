// How uPlot draws learning curves: colours, axes, ranges. Three series a line: its mean, and both edges of its band.

import { isShare } from "../lib/metrics.js";
import { bounds, tickLabels } from "../lib/scale.js";
import { t } from "../lib/text.js";
import { svg } from "./dom.js";
import { ink } from "./theme.js";

const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
const COLOURS = 8;
const LETTER_WIDTH_PIXELS = 7.5;
/** Wide enough for most labels, so that charts below each other begin at the same place. */
const AXIS_WIDTH_PIXELS = 58;
const SERIES_PER_LINE = 3;

/**
 * Return the colour and dashes of a line, as in the API's pictures.
 *
 * @param index  place of the line, or, where it has a colour, its place among the lines of that colour
 * @param colour number of the colour, or null for the next one
 */
export function lineStyle(index, colour) {
  const round = Math.floor(index / COLOURS);
  return colour === null
    ? { colour: ink(`line-${index % COLOURS}`), dash: DASHES[(index + round) % DASHES.length] }
    : { colour: ink(`line-${colour % COLOURS}`), dash: DASHES[index % DASHES.length] };
}

/** Return a short piece of a line, for legends. */
export function swatch({ colour, dash }) {
  const stroke = { stroke: colour, "stroke-width": 2.4, "stroke-dasharray": dash.join(" ") };
  return svg(
    "svg.swatch",
    { viewBox: "0 0 26 8", "aria-hidden": "true" },
    svg("line", { x1: 1, x2: 25, y1: 4, y2: 4, ...stroke }),
  );
}

/** Return uPlot's numbers of the series of a line: its mean and the edges of its band. */
export function seriesOf(lineIndex) {
  return [1, 2, 3].map((offset) => SERIES_PER_LINE * lineIndex + offset);
}

/** Return the line of one of uPlot's series. */
export function lineOf(seriesIndex) {
  return Math.floor((seriesIndex - 1) / SERIES_PER_LINE);
}

/** Return uPlot's data: the epochs, then the series of each line; a logarithm shows only what is positive. */
export function plotData(epochs, lines, log) {
  if (!log) return [epochs, ...lines.flatMap(({ mean, low, high }) => [mean, low, high])];
  const positive = (column) => column.map((value) => (value > 0 ? value : null));
  // A band may reach below zero: there it ends just under the lowest mean.
  const floor = Math.min(...lines.flatMap(({ mean }) => mean.filter((value) => value > 0))) / 2;
  const edge = (column) => column.map((value) => (value === null ? null : Math.max(value, floor)));
  return [epochs, ...lines.flatMap(({ mean, low, high }) => [positive(mean), edge(low), edge(high)])];
}

/**
 * Return uPlot's options.
 *
 * @param lines  lines with `label`, `style` and `hidden`
 * @param hooks  uPlot's own
 */
export function plotOptions({ lines, metric, log, size, hooks }) {
  const axis = {
    stroke: ink("muted"),
    font: "12px system-ui, sans-serif",
    grid: { stroke: ink("faint"), width: 1 },
    ticks: { stroke: ink("faint"), width: 1, size: 4 },
  };
  const epochAxis = {
    ...axis,
    incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000],
    size: 28,
    label: t("axis.epoch"),
    labelFont: axis.font,
    labelSize: 18,
  };
  return {
    ...size,
    series: [{}, ...lines.flatMap(lineSeries)],
    bands: lines.map(({ style }, index) => ({
      series: seriesOf(index).slice(1).toReversed(),
      fill: `color-mix(in srgb, ${style.colour} 15%, transparent)`,
    })),
    legend: { show: false },
    cursor: { drag: { x: true, y: true, uni: 24 }, focus: { prox: 24, dist: distance }, points: { size: 7 } },
    focus: { alpha: 0.35 },
    scales: { x: { time: false, range: epochRange }, y: { distr: log ? 3 : 1, range: metricRange(metric, log) } },
    axes: [epochAxis, { ...axis, values: (_, values) => metricTicks(metric, values), size: axisWidth }],
    hooks,
  };
}

function lineSeries({ label, style, hidden }) {
  const { colour, dash } = style;
  const points = { show: hasOneValue, size: 6, fill: colour };
  const mean = { show: !hidden, label, stroke: colour, dash, width: 1.8, points };
  const edge = { show: !hidden, stroke: "transparent", width: 0, points: { show: false } };
  return [mean, edge, edge];
}

/** A line of one value is drawn as a point. */
function hasOneValue(plot, seriesIndex) {
  return plot.data[seriesIndex].filter((value) => value !== null).length === 1;
}

/** Return how far a series is from the pointer: the edges of bands cannot be pointed at. */
function distance(_, seriesIndex, __, value, pointer) {
  return seriesIndex % SERIES_PER_LINE === 1 ? Math.abs(value - pointer) : Infinity;
}

function metricTicks(metric, values) {
  if (!isShare(metric)) return tickLabels(values);
  const percentages = values.map((value) => (value === null ? null : 100 * value));
  return tickLabels(percentages).map((label) => label && `${label}%`);
}

/** Return the width of an axis that cuts off no label. */
function axisWidth(_, labels) {
  const longest = Math.max(0, ...(labels ?? []).map((label) => label.length));
  return Math.max(AXIS_WIDTH_PIXELS, 12 + LETTER_WIDTH_PIXELS * longest);
}

/** Return a range with a margin, but not beyond what the metric can be. */
function metricRange(metric, log) {
  const [least, most] = bounds(metric);
  const { rangeLog, rangeNum } = window.uPlot;
  return (_, low, high) => {
    if (low === null) return log ? [0.1, 1] : [0, 1];
    const [bottom, top] = log ? rangeLog(low, high, 10, false) : rangeNum(low, high, 0.1, true);
    return [Math.max(least, bottom), Math.min(most, top)];
  };
}

function epochRange(_, low, high) {
  if (low === null) return [0, 1];
  return high - low < 1e-9 ? [low - 1, high + 1] : [low, high];
}
