// Numbers, times and durations as people read them.

import { language, t } from "./text.js";

/** Non-finite numbers travel as strings: "NaN", "Infinity". */
export function number(value) {
  return value === null || value === undefined ? NaN : Number(value);
}

export function isShare(metric) {
  return /(accuracy|fraction)$/.test(metric);
}

/** One value of a metric: 98.51%, 0.0482. */
export function showValue(metric, value) {
  const read = number(value);
  if (value === null || value === undefined) return "–";
  if (!Number.isFinite(read)) return t(`number.${read}`);
  if (isShare(metric)) return `${(100 * read).toFixed(2)}%`;
  return significant(read);
}

/** Three significant digits: 0.0482, 1.2e-7. */
export function significant(value) {
  const read = number(value);
  if (!Number.isFinite(read)) return t(`number.${read}`);
  if (read !== 0 && (Math.abs(read) < 1e-4 || Math.abs(read) >= 1e6)) return read.toExponential(2);
  return String(Number(read.toPrecision(3)));
}

export function whole(value) {
  return new Intl.NumberFormat(language).format(value);
}

/** A p-value: 0.031, < 0.001. */
export function pValue(value) {
  if (value === null || value === undefined) return "–";
  return value < 0.001 ? "< 0.001" : value.toFixed(3);
}

/** 47 s, 3 min 20 s, 2 h 5 min. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return "–";
  if (seconds < 1) return t("time.lessThanASecond");
  const all = Math.round(seconds);
  const [days, hours, minutes, rest] = [
    Math.floor(all / 86400),
    Math.floor(all / 3600) % 24,
    Math.floor(all / 60) % 60,
    all % 60,
  ];
  const parts = [
    [days, "time.d"],
    [hours, "time.h"],
    [minutes, "time.min"],
    [rest, "time.s"],
  ];
  const first = parts.findIndex(([amount]) => amount > 0);
  return parts
    .slice(first, first + 2)
    .filter(([amount]) => amount > 0)
    .map(([amount, unit]) => t(unit, { n: amount }))
    .join(" ");
}

/** Dates as they are written where the reader is, where that speaks the page's language. */
function locale() {
  return navigator.languages.find((each) => each.startsWith(language)) ?? language;
}

/** A moment in the reader's own zone. */
export function moment(text) {
  if (!text) return "–";
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "medium" }).format(new Date(text));
}

/** A moment's date and time of day, for lists. */
export function dateTime(text) {
  return new Intl.DateTimeFormat(locale(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));
}

/** A moment as the API has it, in UTC: 2026-11-21 16:20:00 UTC. */
export function utc(text) {
  return new Date(text)
    .toISOString()
    .replace("T", " ")
    .replace(/\.\d+Z$/, " UTC");
}

/** What an experiment is called, also where nobody named it. */
export function experimentName({ name, preset, created_at: at }) {
  return name ?? preset?.name ?? t("experiment.unnamed", { at: dateTime(at) });
}

/** "3 minutes ago", for lists. */
export function ago(text) {
  const seconds = (new Date(text) - Date.now()) / 1000;
  const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  for (const [unit, size] of [
    ["day", 86400],
    ["hour", 3600],
    ["minute", 60],
  ]) {
    if (Math.abs(seconds) >= size) return relative.format(Math.trunc(seconds / size), unit);
  }
  return relative.format(Math.trunc(Math.min(0, seconds)), "second");
}

export function shortId(id) {
  return id.slice(-8);
}
