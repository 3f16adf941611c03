// Scales of charts: the range of a metric, and the labels of an axis's ticks.

import { isShare, quantityOf } from "./metrics.js";

const MOST_DIGITS = 15;
const FEWEST_TICKS = 3;
/** Powers of ten at which a scale that is logarithmic both ways has ticks, on each side of zero. */
const POWERS_EACH_WAY = 3;

/** Return the smallest and the largest value a metric can have: R² has no smallest. */
export function bounds(metric) {
  if (quantityOf(metric) === "r2") return [-Infinity, 1];
  return [0, isShare(metric) ? 1 : Infinity];
}

/** Return a value limited to the range of a metric: the end of a band, say. */
export function bounded(metric, value) {
  const [least, most] = bounds(metric);
  return clamp(value, least, most);
}

export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

/** Return the labels of ticks (null: no tick), with as many digits as it takes to tell them apart. */
export function tickLabels(values) {
  const ticks = values.filter((value) => value !== null);
  const largest = Math.max(...ticks.map(Math.abs));
  const withExponent = largest > 0 && (largest < 1e-4 || largest >= 1e6);
  const write = (value, digits) =>
    withExponent ? value.toExponential(digits - 1) : String(Number(value.toPrecision(digits)));
  const spacing = new Map(ticks.map((value) => [value, distanceToNearest(value, ticks)]));
  const isClose = (value, digits) => Math.abs(Number(write(value, digits)) - value) <= spacing.get(value) / 50;
  let digits = 1;
  while (digits < MOST_DIGITS && !ticks.every((value) => isClose(value, digits))) digits += 1;
  return values.map((value) => {
    if (value === null) return "";
    return value === 0 ? "0" : write(value, digits);
  });
}

function distanceToNearest(value, values) {
  const distances = values.map((other) => Math.abs(other - value) || Infinity);
  return Math.min(...distances, Math.abs(value) || 1);
}

/** Return round numbers between two ends, about four of them and no fewer than three. */
export function roundTicks(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const sizes = [0.2, 0.5, 1, 2, 5, 10].map((factor) => factor * power);
  const usual = sizes.findIndex((size) => size >= rough);
  const fits = sizes.slice(0, usual + 1).findLast((size) => multiples(size, low, high).length >= FEWEST_TICKS);
  return multiples(fits ?? sizes[0], low, high);
}

function multiples(step, low, high) {
  const [first, last] = [Math.ceil(low / step), Math.floor(high / step)];
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => (first + index) * step);
}

/**
 * Return a scale that is linear around zero and logarithmic beyond, both ways: `{forward, ticks}`.
 *
 * @param unit where it turns from one to the other
 */
export function symlog(unit, low, high) {
  const forward = (value) => Math.asinh(value / unit);
  const reach = Math.max(Math.abs(low), Math.abs(high));
  const most = Math.floor(Math.log10(reach));
  const stride = Math.max(1, Math.ceil((most - Math.floor(Math.log10(unit))) / POWERS_EACH_WAY));
  const powers = Array.from({ length: POWERS_EACH_WAY }, (_, index) => 10 ** (most - index * stride)).filter(
    (power) => power >= unit,
  );
  const ticks = [...powers.map((power) => -power), 0, ...powers.toReversed()];
  return { forward, ticks: ticks.filter((tick) => tick >= low && tick <= high) };
}
