// The scales of charts: how far a metric goes, and what is written at an axis's ticks.

import { isShare } from "./format.js";

const MOST_DIGITS = 15;

/** Between what a metric's values lie: shares end at 1, and none is below 0. */
export function bounds(metric) {
  return [0, isShare(metric) ? 1 : Infinity];
}

/** What is spread around a value of a metric, as far as the metric goes. */
export function bounded(metric, value) {
  const [least, most] = bounds(metric);
  return Math.min(most, Math.max(least, value));
}

/** Labels of an axis's ticks (null: none there), with the digits it takes to tell them apart. */
export function tickLabels(values) {
  const given = values.filter((value) => value !== null);
  const largest = Math.max(...given.map(Math.abs));
  const exponents = largest > 0 && (largest < 1e-4 || largest >= 1e6);
  const room = new Map(
    given.map((value) => [
      value,
      Math.min(...given.map((other) => Math.abs(other - value) || Infinity), Math.abs(value) || 1),
    ]),
  );
  const write = (value, digits) =>
    exponents ? value.toExponential(digits - 1) : String(Number(value.toPrecision(digits)));
  const close = (value, digits) => Math.abs(Number(write(value, digits)) - value) <= room.get(value) / 50;
  let digits = 1;
  while (digits < MOST_DIGITS && !given.every((value) => close(value, digits))) digits += 1;
  return values.map((value) => {
    if (value === null) return "";
    return value === 0 ? "0" : write(value, digits);
  });
}
