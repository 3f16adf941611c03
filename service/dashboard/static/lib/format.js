// Numbers, times and durations as people read them.

import { isLoss, isShare } from "./metrics.js";
import { language, t } from "./text.js";

const NOTHING = "–";
const DIGITS = 3;
const GIBIBYTE = 2 ** 30;
const SECONDS_PER = { day: 86400, hour: 3600, minute: 60 };

/** Return a number of the API, where non-finite ones are strings ("NaN", "Infinity"); NaN for none. */
export function number(value) {
  return value === null || value === undefined ? NaN : Number(value);
}

/** Return a finite number of the API, or null. */
export function finite(value) {
  const read = number(value);
  return Number.isFinite(read) ? read : null;
}

/** Return a value of a metric as text: 98.51%, 0.0482; losses keep their zeros, 2.30 beside 2.29. */
export function showValue(metric, value) {
  if (value === null || value === undefined) return NOTHING;
  const read = number(value);
  if (!Number.isFinite(read)) return t(`number.${read}`);
  if (isShare(metric)) return `${(100 * read).toFixed(2)}%`;
  return isLoss(metric) ? aligned(read) : significant(read);
}

/** Return a number with three significant digits that keeps its zeros, for a column: 2.30 beside 2.29. */
export function aligned(value) {
  const read = number(value);
  const text = significant(read);
  const isPlain = Number.isFinite(read) && read !== 0 && Math.abs(read) < 100 && !text.includes("e");
  return isPlain ? read.toPrecision(DIGITS) : text;
}

/** Return a number with three significant digits: 0.0482, 1.2e-7. */
export function significant(value) {
  const read = number(value);
  if (!Number.isFinite(read)) return t(`number.${read}`);
  if (read !== 0 && (Math.abs(read) < 1e-4 || Math.abs(read) >= 1e6)) return read.toExponential(2);
  return String(Number(read.toPrecision(DIGITS)));
}

/** Return a share with one decimal: 25.0%. */
export function percent(share) {
  return share === null || share === undefined ? NOTHING : `${(100 * Number(share)).toFixed(1)}%`;
}

export function whole(value) {
  return new Intl.NumberFormat(language).format(value);
}

/** Return a p-value as text: 0.031, < 0.001. */
export function pValue(value) {
  if (value === null || value === undefined) return NOTHING;
  return value < 0.001 ? "< 0.001" : value.toFixed(3);
}

/** Return a size of memory: 1.5 GiB. */
export function gibibytes(bytes) {
  return bytes === null ? NOTHING : t("number.gibibytes", { n: Number((bytes / GIBIBYTE).toPrecision(2)) });
}

/** Return the two ends of a guess: "3 s to 27 s"; under a second at its lower end. */
export function durationRange({ low_seconds: low, high_seconds: high }) {
  return t("time.range", { low: duration(low), high: duration(high) });
}

/** Return a duration in its two largest units: 47 s, 3 min 20 s, 2 h 5 min. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NOTHING;
  if (seconds < 1) return t("time.lessThanASecond");
  const rounded = Math.round(seconds);
  const parts = [
    [Math.floor(rounded / SECONDS_PER.day), "time.d"],
    [Math.floor(rounded / SECONDS_PER.hour) % 24, "time.h"],
    [Math.floor(rounded / SECONDS_PER.minute) % 60, "time.min"],
    [rounded % 60, "time.s"],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => t(unit, { n: amount }))
    .join(" ");
}

/** Return how long training had taken: 0.482 s, 3 min 20 s. */
export function elapsedText(seconds) {
  return seconds < SECONDS_PER.minute ? t("time.s", { n: significant(seconds) }) : duration(seconds);
}

/** Return the reader's own locale where it speaks the page's language, which decides how dates are written. */
function locale() {
  return navigator.languages.find((tag) => tag.startsWith(language)) ?? language;
}

/** Return a moment with its seconds, in the reader's own zone. */
export function moment(text) {
  if (!text) return NOTHING;
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "medium" }).format(new Date(text));
}

/** Return a moment's date and time of day, for lists. */
export function dateTime(text) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));
}

/** Return a moment as the API has it, in UTC: 2026-11-21 16:20:00 UTC. */
export function utc(text) {
  return new Date(text)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
}

/** Return how long ago something was, for lists: 3 minutes ago. */
export function ago(text) {
  const seconds = (new Date(text) - Date.now()) / 1000;
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  for (const [unit, size] of Object.entries(SECONDS_PER)) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return relative.format(Math.trunc(Math.min(0, seconds)), "second");
}

/** Return an experiment's name, or one made of its preset or its time where it has none. */
export function experimentName({ name, preset, created_at: createdAt }) {
  return name ?? preset?.name ?? t("experiment.unnamed", { at: dateTime(createdAt) });
}

/** Return a run's name among the runs of its experiment, with its seed. */
export function runName({ name, seed }) {
  return `${name} · ${t("run.seed", { seed })}`;
}

/** Return an epoch's name; epoch 0 is the network before its first step. */
export function epochName(epoch) {
  return epoch === 0 ? t("layers.initial") : t("curves.epoch", { n: epoch });
}

export function shortId(id) {
  return id.slice(-8);
}
