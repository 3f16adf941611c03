// The catalog, asked for once, and how values of axes are written.

import { get } from "./api.js";

let loading = null;

/** Give the catalog as a map from axis to `{meaning, items}`. */
export function catalog() {
  loading ??= get("/v1/catalog", { limit: 1000 })
    .then((page) => new Map(page.items.map((each) => [each.axis, each])))
    .catch((error) => {
      loading = null;
      throw error;
    });
  return loading;
}

/** The axes of a grid, slowest first, as the API numbers runs. */
export const AXES = [
  "dataset",
  "model",
  "activation",
  "initializer",
  "output_initializer",
  "bias_initializer",
  "normalization",
  "clipping",
  "optimizer",
  "dropout",
  "batch_size",
  "loss",
];

/** The catalog's axis that a spec's axis takes its values from. */
export function catalogAxis(axis) {
  return axis === "output_initializer" ? "initializer" : axis;
}

// Labels are written as the API writes them, in Python: they must be the same to find a
// comparison's groups among the runs.

/** What one value is called, with the parameters that are not at their defaults. */
function label(axes, axis, value) {
  if (!isChoice(value)) return write(value);
  const parameters = parametersOf(axes, axis, value);
  if (!parameters) return spelledOut(axes, axis, value);
  const shown = parameters.filter(({ name, default: usual }) => name in value && !same(value[name], usual));
  if (!shown.length) return value.name;
  const written = shown.map(({ name, type, axis: inner }) =>
    isChoice(value[name]) ? label(axes, inner, value[name]) : write(value[name], type, "()"),
  );
  if (shown.length === 1) return `${value.name}(${written[0]})`;
  return `${value.name}(${shown.map(({ name }, at) => `${name}=${written[at]}`).join(", ")})`;
}

function spelledOut(axes, axis, value) {
  if (!isChoice(value)) return write(value);
  const { name, ...rest } = value;
  const known = new Map((parametersOf(axes, axis, value) ?? []).map((each) => [each.name, each]));
  const parameters = Object.entries(rest)
    .sort()
    .map(
      ([key, each]) =>
        `${key}=${isChoice(each) ? spelledOut(axes, known.get(key)?.axis, each) : write(each, known.get(key)?.type)}`,
    );
  return parameters.length ? `${name}(${parameters.join(", ")})` : name;
}

function isChoice(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function parametersOf(axes, axis, value) {
  return axes.get(catalogAxis(axis))?.items.find((each) => each.name === value.name)?.parameters;
}

/** A choice at all its defaults is its name alone. */
function same(value, usual) {
  const plain = (each) => (isChoice(each) && Object.keys(each).length === 1 ? each.name : each);
  return JSON.stringify(plain(value)) === JSON.stringify(plain(usual));
}

/** A whole `number` ends in .0, and what is below 1e-4 has an exponent of two digits. */
function write(value, type = null, [open, close] = "[]") {
  if (Array.isArray(value)) {
    const items = value.map((each) => write(each, type)).join(", ");
    return open + items + (open === "(" && value.length === 1 ? "," : "") + close;
  }
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "number" || !["number", "numbers"].includes(type)) return String(value);
  if (value !== 0 && Math.abs(value) < 1e-4) return value.toExponential().replace(/e-(\d)$/, "e-0$1");
  return Number.isInteger(value) && Math.abs(value) < 1e16 ? `${value}.0` : String(value);
}

/**
 * Place each run in the grid: a map from run id to its label on every axis, and on `variant`.
 * Different values have different labels: where two would read alike, they are spelled out.
 */
export function places(axes, runs) {
  const written = new Map(); // axis -> JSON of the value -> label
  for (const axis of AXES) {
    const values = new Map(runs.map((run) => [JSON.stringify(run.config[axis]), run.config[axis]]));
    const labels = [...values].map(([key, value]) => [key, label(axes, axis, value)]);
    const times = new Map();
    for (const [, text] of labels) times.set(text, (times.get(text) ?? 0) + 1);
    written.set(
      axis,
      new Map(
        labels.map(([key, text]) => [key, times.get(text) === 1 ? text : spelledOut(axes, axis, values.get(key))]),
      ),
    );
  }
  return new Map(
    runs.map((run) => {
      const place = Object.fromEntries(
        AXES.map((axis) => [axis, written.get(axis).get(JSON.stringify(run.config[axis]))]),
      );
      return [run.id, { ...place, variant: run.label ?? "–", seed: String(run.seed) }];
    }),
  );
}

/** The axes that vary and that no earlier one of them already decides. */
export function varyingAxes(all, among = AXES) {
  const kept = [];
  const count = (names) => new Set(all.map((place) => JSON.stringify(names.map((name) => place[name])))).size;
  for (const axis of among) {
    if (count([...kept, axis]) > count(kept)) kept.push(axis);
  }
  return kept;
}

/** All axes with more than one value, and the variants' labels where there are any. */
export function manyValued(all) {
  // The output's initializer is a question of its own only where it is not the others'.
  const own = all.some((place) => place.output_initializer !== place.initializer);
  return [...AXES, "variant"].filter(
    (axis) => (axis !== "output_initializer" || own) && new Set(all.map((place) => place[axis])).size > 1,
  );
}
