// Limits of a chart's axes, as the address holds them and as a reader writes them.

import { isShare } from "./metrics.js";

const DIGITS = 4;
/** The dash between two numbers, not that of an exponent. */
const DASH = /(?<!e)-/;
const PERCENT = 100;

/** Return the first and last place of a zoom ("3-12"); null for all. */
export function readZoom(text) {
  const ends = text.split(DASH).map(Number);
  return ends.length === 2 && ends[0] < ends[1] ? ends : null;
}

export function writeZoom(ends) {
  return ends ? ends.map(rounded).join("-") : "";
}

/** Return the lower and upper limit of a text ("0.9:1", "0.9:"); null for an end that is open. */
export function readLimits(text) {
  const ends = text.split(":").map((end) => (end.trim() === "" ? null : Number(end)));
  const isRead = ends.length === 2 && ends.every((end) => end === null || Number.isFinite(end));
  return isRead && areInOrder(ends) ? ends : [null, null];
}

export function writeLimits(ends) {
  return ends.every((end) => end === null) ? "" : ends.map((end) => (end === null ? "" : rounded(end))).join(":");
}

/** Whether the lower limit lies below the upper, where there are both. */
export function areInOrder([low, high]) {
  return low === null || high === null || low < high;
}

/** Return a limit as it stands in a field; shares are in percent. */
export function limitText(metric, value) {
  if (value === null) return "";
  return String(rounded(isShare(metric) ? PERCENT * value : value));
}

/** Return a limit as it was typed: null where nothing was, NaN where it is no number. */
export function typedLimit(metric, text) {
  const typed = text.replace(/\s*%\s*$/, "").trim();
  if (!typed) return null;
  const value = Number(typed);
  if (!Number.isFinite(value)) return NaN;
  return isShare(metric) ? value / PERCENT : value;
}

function rounded(value) {
  return Number(value.toPrecision(DIGITS));
}
