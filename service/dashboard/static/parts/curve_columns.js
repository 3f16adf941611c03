// The columns that uPlot draws of each line, and which of its series they are.

import { placesOf } from "../lib/curve_places.js";
import { smoothed } from "../lib/smoothing.js";

/** Of more points than this, with places of their own for each line, only every n-th is drawn. */
const MOST_PLACES = 20_000;

/**
 * Return what is drawn of each line, in the order of its series: its mean as recorded, both edges of its band, and, where asked for,
 * the smoothed mean and another metric's mean.
 *
 * @param drawing `{weight, both}` of the controls: the smoothing, and whether there is another metric
 */
export function rolesOf({ weight, both }) {
  return ["mean", "low", "high", weight > 0 && "smooth", both && "other", both && weight > 0 && "otherSmooth"].filter(
    Boolean,
  );
}

/** Return uPlot's numbers of the series of a line. */
export function seriesOf(lineIndex, roles) {
  return roles.map((_, index) => 1 + roles.length * lineIndex + index);
}

/** Return the line of one of uPlot's series. */
export function lineOf(seriesIndex, roles) {
  return Math.floor((seriesIndex - 1) / roles.length);
}

/** Return what one of uPlot's series draws of its line. */
export function roleOf(seriesIndex, roles) {
  return roles[(seriesIndex - 1) % roles.length];
}

/** Return of how many points one is drawn. */
export function strideOf(shown, lines) {
  if (!shown.byTime) return 1;
  const points = lines.reduce((sum, line) => sum + placesOf(line, shown).length, 0);
  return Math.max(1, Math.ceil(points / MOST_PLACES));
}

/** Return uPlot's data: the places, then the series of each line; a logarithm shows only what is positive. */
export function plotData(shown, lines, { roles, weight, log }) {
  // A band may reach below zero: there it ends just under the lowest mean.
  const floor = log ? Math.min(...lines.flatMap(({ mean }) => mean.filter((value) => value > 0))) / 2 : null;
  const written = lines.map((line) => {
    const columns = columnsOf(line, weight);
    return roles.map((role) => (log ? positive(columns[role], isEdge(role) ? floor : null) : columns[role]));
  });
  if (!shown.byTime) return [shown.epochs, ...written.flat()];
  const stride = strideOf(shown, lines);
  const tables = lines.map((line, index) => {
    const places = placesOf(line, shown);
    const kept = (column) =>
      column.filter((_, point) => point < places.length && (point % stride === 0 || point === places.length - 1));
    return [places, ...written[index]].map(kept);
  });
  return window.uPlot.join(tables);
}

function columnsOf({ mean, low, high, other }, weight) {
  return {
    mean,
    low,
    high,
    other,
    smooth: weight > 0 ? smoothed(mean, weight) : null,
    otherSmooth: weight > 0 && other ? smoothed(other, weight) : null,
  };
}

function isEdge(role) {
  return role === "low" || role === "high";
}

/** Return a column with nothing where a logarithm has no value, or with a floor there. */
function positive(column, floor) {
  if (floor !== null) return column.map((value) => (value === null ? null : Math.max(value, floor)));
  return column.map((value) => (value > 0 ? value : null));
}
