// How uPlot draws learning curves: colours, axes, ranges.

import { isShare } from "../lib/metrics.js";
import { bounds, clamp, tickLabels } from "../lib/scale.js";
import { t } from "../lib/text.js";
import { roleOf, seriesOf } from "./curve_columns.js";
import { svg } from "./dom.js";
import { ink } from "./theme.js";

const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3]];
/** Those that differ from the dots of another metric. */
const LONG_DASHES = [[], [6, 3], [8, 3, 2, 3]];
const COLOURS = 8;
const LETTER_WIDTH_PIXELS = 7.5;
/** Wide enough for most labels, so that charts below each other begin at the same place. */
const AXIS_WIDTH_PIXELS = 58;
/** A metric that is drawn beside the line of another. */
const DOTS = [0.5, 4];
/** How much of its colour a line keeps behind its smoothed one. */
const FAINT_PERCENT = 40;
/** Half of the side of the cross at the end of what diverged. */
const CROSS_PIXELS = 4.5;
/** The units of an axis of time, the largest first. */
const TIME_UNITS = [
  { name: "time.h", seconds: 3600, least: 7200 },
  { name: "time.min", seconds: 60, least: 120 },
  { name: "time.s", seconds: 1, least: -Infinity },
];
/** Steps between ticks of time: round in the unit in which they are written. */
const TIME_STEPS = [
  ...[0.0001, 0.001, 0.01, 0.1, 1, 10].flatMap((power) => [power, 2 * power, 5 * power]).filter((step) => step < 30),
  ...[30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 18_000, 36_000, 72_000, 180_000, 360_000],
];

/**
 * Return the colour and dashes of a line, as in the API's pictures.
 *
 * @param index  place of the line, or, where it has a colour, its place among the lines of that colour
 * @param colour number of the colour, or null for the next one
 * @param both   whether dots are another metric, so that lines have none
 */
export function lineStyle(index, colour, both) {
  const round = Math.floor(index / COLOURS);
  const place = colour === null ? (both ? round : index + round) : index;
  const dashes = both ? LONG_DASHES : DASHES;
  return { colour: ink(`line-${(colour ?? index) % COLOURS}`), dash: dashes[place % dashes.length] };
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

/**
 * Return uPlot's options.
 *
 * @param lines   lines with `label`, `style` and `hidden`
 * @param drawing `{roles, log, byTime}`: the series of each line, and the axes
 * @param limits  returns the limits of the vertical axis, null where one is open
 * @param hooks   uPlot's own
 */
export function plotOptions({ lines, metric, drawing, limits, size, hooks }) {
  const { roles, log, byTime } = drawing;
  const axis = {
    stroke: ink("muted"),
    font: "12px system-ui, sans-serif",
    grid: { stroke: ink("faint"), width: 1 },
    ticks: { stroke: ink("faint"), width: 1, size: 4 },
  };
  const placeAxis = { ...axis, size: 28, labelFont: axis.font, labelSize: 18, ...(byTime ? timeAxis() : epochAxis()) };
  const drag = { x: true, y: true, uni: 24, setScale: false };
  const distance = (_, series, __, value, pointer) =>
    isPointedAt(roleOf(series, roles), roles) ? Math.abs(value - pointer) : Infinity;
  return {
    ...size,
    series: [{}, ...lines.flatMap((line) => roles.map((role) => seriesOptions(line, role, roles)))],
    bands: lines.map(({ style }, index) => ({
      series: seriesOf(index, roles).slice(1, 3).toReversed(),
      fill: `color-mix(in srgb, ${style.colour} 15%, transparent)`,
    })),
    legend: { show: false },
    cursor: { drag, focus: { prox: 24, dist: distance }, points: { size: 7 } },
    focus: { alpha: 0.35 },
    scales: {
      x: { time: false, range: placeRange },
      y: { distr: log ? 3 : 1, range: metricRange(metric, log, limits) },
    },
    axes: [placeAxis, { ...axis, values: (_, values) => metricTicks(metric, values), size: axisWidth }],
    hooks: { ...hooks, draw: [(plot) => markLost(plot, lines, roles)] },
  };
}

function epochAxis() {
  return { incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000], label: t("axis.epoch") };
}

/** Return an axis of seconds that is labelled in seconds, minutes or hours. */
function timeAxis() {
  const unit = (plot) => TIME_UNITS.find(({ least }) => plot.scales.x.max >= least);
  return {
    incrs: TIME_STEPS,
    label: (plot) => t("axis.time", { unit: t(unit(plot).name, { n: "" }).trim() }),
    values: (plot, values) => tickLabels(values.map((value) => (value === null ? null : value / unit(plot).seconds))),
  };
}

/** Return how a series is drawn: what is smoothed stands out from what was recorded, and the other metric is dotted. */
function seriesOptions({ label, style, hidden }, role, roles) {
  const { colour, dash } = style;
  const isFaint = roles.includes("smooth") && (role === "mean" || role === "other");
  const stroke = isFaint ? `color-mix(in srgb, ${colour} ${FAINT_PERCENT}%, transparent)` : colour;
  const show = !hidden;
  if (role === "low" || role === "high") {
    return { show, stroke: "transparent", width: 0, points: { show: false } };
  }
  const points = { show: hasOneValue, size: 6, fill: colour };
  if (role === "other" || role === "otherSmooth") {
    return { show, label, stroke, dash: DOTS, cap: "round", width: isFaint ? 1 : 1.6, points };
  }
  return { show, label, stroke, dash: isFaint ? [] : dash, width: isFaint ? 1 : 1.8, points };
}

/** A line of one value is drawn as a point. */
function hasOneValue(plot, seriesIndex) {
  return plot.data[seriesIndex].filter((value) => Number.isFinite(value)).length === 1;
}

/** Whether a series can be pointed at: the edges of bands cannot, nor what is faint behind a smoothed line. */
function isPointedAt(role, roles) {
  return role === (roles.includes("smooth") ? "smooth" : "mean");
}

/** Draw a cross at the end of each line whose runs all diverged; at the edge, where the end lies outside. */
function markLost(plot, lines, roles) {
  const { ctx, bbox } = plot;
  const size = CROSS_PIXELS * devicePixelRatio;
  for (const [index, { lost, hidden, style }] of lines.entries()) {
    const [mean] = seriesOf(index, roles);
    const last = plot.data[mean].findLastIndex((value) => Number.isFinite(value));
    const place = plot.data[0][last];
    if (!lost || hidden || last < 0 || place < plot.scales.x.min || place > plot.scales.x.max) continue;
    const x = plot.valToPos(place, "x", true);
    const y = clamp(plot.valToPos(plot.data[mean][last], "y", true), bbox.top + size, bbox.top + bbox.height - size);
    ctx.save();
    ctx.strokeStyle = style.colour;
    ctx.lineWidth = 2 * devicePixelRatio;
    ctx.beginPath();
    for (const way of [-1, 1]) {
      ctx.moveTo(x - size, y - way * size);
      ctx.lineTo(x + size, y + way * size);
    }
    ctx.stroke();
    ctx.restore();
  }
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

/** Return a range with a margin, but not beyond what the metric can be; the reader's limits come first. */
function metricRange(metric, log, limits) {
  const [least, most] = bounds(metric);
  const { rangeLog, rangeNum } = window.uPlot;
  const automatic = (low, high) => {
    if (low === null) return log ? [0.1, 1] : [0, 1];
    const [bottom, top] = log ? rangeLog(low, high, 10, false) : rangeNum(low, high, 0.1, true);
    return [Math.max(least, bottom), Math.min(most, top)];
  };
  return (_, low, high) => {
    const [bottom, top] = automatic(low, high);
    const [lower, upper] = limits();
    const chosen = [log && !(lower > 0) ? bottom : (lower ?? bottom), upper ?? top];
    if (chosen[0] < chosen[1]) return chosen;
    // Everything lies beyond the one limit: an empty chart, with that limit at its edge.
    return upper === null
      ? [chosen[0], 2 * chosen[0] || 1]
      : [log ? chosen[1] / 10 : Math.min(0, 2 * upper), chosen[1]];
  };
}

function placeRange(_, low, high) {
  if (low === null) return [0, 1];
  const margin = low >= 1 ? 1 : low / 2 || 1;
  return high - low < 1e-9 ? [low - margin, high + margin] : [low, high];
}
