// What is typed into the form's fields, and the values it stands for in a spec.

import { STOPPING_METRICS } from "./metrics.js";
import { readTags, writeTags } from "./tags.js";

/** The kinds of workers that a run may ask for, the API's default first. */
export const DEVICES = ["auto", "cpu", "cuda"];

/** What the share of a lottery ticket is of, the API's default first. */
export const TICKET_SCOPES = ["layer", "global"];

const DEFAULT_EPOCHS = 12;
const NUMERIC_TYPES = new Set(["number", "integer", "numbers", "integers"]);

/** Return the text of each simple field of a spec; `reuse` is a boolean. */
export function fieldsOf(spec) {
  return {
    name: spec.name ?? "",
    description: spec.description ?? "",
    tags: writeTags(spec.tags ?? {}),
    epochs: String(spec.epochs ?? DEFAULT_EPOCHS),
    early_stopping: numberText(spec.early_stopping?.patience),
    stopping_metric: optionText(spec.early_stopping?.metric, STOPPING_METRICS),
    min_delta: numberText(spec.early_stopping?.min_delta),
    ticket: spec.ticket?.run ?? "",
    ticket_keep: numberText(spec.ticket?.keep),
    ticket_scope: optionText(spec.ticket?.scope, TICKET_SCOPES),
    seeds: listText(spec.seeds ?? 1),
    batch_size: [spec.batch_size ?? []].flat().join(", "),
    layer_statistics: intervalText(spec.layer_statistics),
    priority: String(spec.priority || ""),
    max_attempts: numberText(spec.max_attempts),
    device: optionText(spec.device, DEVICES),
    reuse: spec.reuse ?? true,
  };
}

/** Return the values that the fields stand for; undefined where the spec is to have none. */
export function valuesOf(fields, spec) {
  const tags = readTags(fields.tags);
  return {
    name: fields.name.trim() || undefined,
    description: fields.description.trim() || undefined,
    tags: Object.keys(tags).length ? tags : undefined,
    epochs: readNumber(fields.epochs),
    early_stopping: readStopping(fields, spec.early_stopping),
    ticket: readTicket(fields, spec.ticket),
    seeds: readList(fields.seeds),
    batch_size: readList(fields.batch_size),
    layer_statistics: readInterval(fields.layer_statistics, spec.layer_statistics),
    priority: readNumber(fields.priority),
    max_attempts: readNumber(fields.max_attempts),
    device: readOption(fields.device, spec.device, DEVICES),
    reuse: fields.reuse ? undefined : false,
  };
}

/** A list of one ends in a comma, since a number alone is a count. */
function listText(value) {
  if (!Array.isArray(value)) return String(value);
  return value.join(", ") + (value.length === 1 ? "," : "");
}

function numberText(value) {
  return value === undefined || value === null ? "" : String(value);
}

/** Return the text of a choice among options; none for the first, the default. */
function optionText(value, [usual]) {
  return value === undefined || value === usual ? "" : value;
}

/** Return the option that a text stands for; the default is written only where the spec writes it already. */
function readOption(text, given, [usual]) {
  return text || (given === usual ? usual : undefined);
}

/** Return when a run stops early; undefined for never: where no part of it is chosen. */
function readStopping({ early_stopping: patience, stopping_metric: metric, min_delta: minDelta }, given) {
  const chosen = { patience: readNumber(patience), min_delta: readNumber(minDelta) };
  const isChosen = metric || Object.values(chosen).some((value) => value !== undefined);
  if (!isChosen) return undefined;
  const parts = { metric: readOption(metric, given?.metric, STOPPING_METRICS), ...chosen };
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));
}

/** Return the ticket that the fields stand for, with what the spec has of it beside; undefined for none. */
function readTicket({ ticket: run, ticket_keep: keep, ticket_scope: scope }, given) {
  const chosen = { run: run.trim() || undefined, keep: readNumber(keep) };
  const isChosen = scope || Object.values(chosen).some((value) => value !== undefined);
  if (!isChosen) return undefined;
  const parts = { ...given, ...chosen, scope: readOption(scope, given?.scope, TICKET_SCOPES) };
  return Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));
}

function intervalText(statistics) {
  if (statistics === "off") return "off";
  return statistics?.every && statistics.every !== "auto" ? String(statistics.every) : "";
}

/** An interval changes `every` and keeps the other settings of layer statistics. */
function readInterval(text, statistics) {
  const every = readNumber(text);
  if (every === undefined || every === "off") return every;
  return { ...(typeof statistics === "object" ? statistics : {}), every };
}

/** Return a number; other text as it is, for the API to refuse with a sentence; undefined for none. */
function readNumber(text) {
  const trimmed = text.trim();
  if (trimmed === "") return undefined;
  return Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
}

/** "3" is a number, "0, 1, 2" a list, "7," a list of one. */
function readList(text) {
  return text.includes(",") ? readItems(text) : readNumber(text);
}

function readItems(text) {
  return text
    .split(",")
    .map(readNumber)
    .filter((item) => item !== undefined);
}

/**
 * Return the value that the text of a parameter stands for, by the parameter's type; undefined for none.
 *
 * Numbers with commas are several values, of `integers` and `numbers` one value that is a list. JSON
 * writes what has no shorter form: a range, a list of lists, a list of entries.
 */
export function readParameter(text, type) {
  const trimmed = text.trim();
  if (trimmed && (!NUMERIC_TYPES.has(type) || /^[[{]/.test(trimmed))) {
    try {
      return JSON.parse(trimmed);
    } catch {
      if (!NUMERIC_TYPES.has(type)) return trimmed;
    }
  }
  const isList = type === "integers" || trimmed.includes(",");
  return trimmed && isList ? readItems(trimmed) : readNumber(trimmed);
}

/** Return the text of a parameter's value. */
export function parameterText(value) {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value) && value.every((item) => typeof item === "number")) return value.join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
