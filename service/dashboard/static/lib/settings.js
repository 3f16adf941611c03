// The settings of a spec that have a default: what holds, as a text, and whether that is the default.

import { fieldsOf, parameterText } from "./spec_fields.js";
import { t } from "./text.js";

/** What the API takes where nothing is chosen. */
export const USUAL = {
  dataset: "mnist",
  model: "mnist_cnn",
  initializer: "auto",
  bias_initializer: "zeros",
  normalization: "none",
  clipping: "none",
  optimizer: "adam",
  dropout: "auto",
  precision: "float32",
};

const AXES_SHOWN = [
  "dataset",
  "model",
  "initializer",
  "normalization",
  "clipping",
  "optimizer",
  "dropout",
  "precision",
];
const FIELDS_SHOWN = ["batch_size", "epochs", "seeds", "early_stopping"];
/** The parameter that is told without its name, and also where it has its default. */
const RATE = "learning_rate";
const MOST_VALUES = 2;
const LONGEST_VALUE = 24;

/**
 * Return `{name, value, usual}` of each setting, as texts; it differs from its default where the two do.
 *
 * @param axes the catalog, as a map from axis to its entries
 */
export function settingsOf(spec, axes) {
  const entriesOf = (axis) => axes.get(axis)?.items ?? [];
  const chosen = AXES_SHOWN.map((name) => {
    const write = (value) => choiceText(value, entriesOf(name));
    const values = [spec[name] ?? USUAL[name]].flat();
    return { name, value: severalText(values.map(write)), usual: write(USUAL[name]) };
  });
  const [own, empty] = [fieldsOf(spec), fieldsOf({})];
  const usual = {
    ...empty,
    batch_size: batchSizeOf([spec.model ?? USUAL.model].flat(), entriesOf("model")),
    early_stopping: t("compose.never"),
  };
  const typed = FIELDS_SHOWN.map((name) => ({ name, value: own[name] || usual[name], usual: usual[name] }));
  return [...chosen, ...typed];
}

/** Return a value of an axis with the parameters that differ from their defaults: "leaky_relu (negative_slope 0.2)". */
function choiceText(value, entries) {
  if (value === null || typeof value !== "object") return withRate(String(value), {}, entries);
  const { name, ...parameters } = value;
  return withRate(String(name), parameters, entries);
}

function withRate(name, parameters, entries) {
  const entry = entries.find((candidate) => candidate.name === name || candidate.aliases.includes(name));
  const defaults = Object.fromEntries(
    (entry?.parameters ?? []).map((parameter) => [parameter.name, parameter.default]),
  );
  const { [RATE]: rate = defaults[RATE], ...others } = parameters;
  const written = Object.entries(others)
    .filter(([key, given]) => JSON.stringify(given) !== JSON.stringify(defaults[key]))
    .map(([key, given]) => `${key} ${shortened(parameterText(given))}`);
  const first = rate === undefined || rate === null ? name : `${entry?.name ?? name} ${shortened(parameterText(rate))}`;
  return written.length ? `${first} (${written.join(", ")})` : first;
}

function shortened(text) {
  return text.length > LONGEST_VALUE ? "…" : text;
}

function severalText(values) {
  return values.length > MOST_VALUES ? t("compose.values", { n: values.length }) : values.join(", ");
}

/** Return the batch size that the models have by default; in words where they have none, or several. */
function batchSizeOf(models, entries) {
  const sizes = models.map((model) => {
    const name = model?.name ?? model;
    return entries.find((entry) => entry.name === name)?.model?.batch_size;
  });
  const [size, ...others] = new Set(sizes);
  return size && !others.length ? String(size) : t("compose.modelsOwn");
}
