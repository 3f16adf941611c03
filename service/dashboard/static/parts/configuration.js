// A run's configuration, axis by axis, with every parameter.

import { AXES } from "../lib/axes.js";
import { numberText } from "../lib/format.js";
import { known, t } from "../lib/text.js";
import { h } from "./dom.js";
import { scrollable, termList } from "./elements.js";

/** Return a configuration as a list and as JSON. */
export function configuration(config) {
  // JSON from the database comes in an order of its own; people know the order of the axes.
  const axes = AXES.filter((axis) => axis in config);
  const settings = Object.keys(config).filter((name) => !AXES.includes(name));
  return [
    termList(
      "dl.config",
      [...axes, ...settings].map((name) => [axisTitle(name), configurationValue(config[name])]),
    ),
    h("details", h("summary", "JSON"), scrollable("JSON", h("pre", JSON.stringify(config, null, 2)))),
  ];
}

/** Return the title of an axis or of a setting. */
export function axisTitle(axis) {
  return known(`axis.${axis}`) ?? axis.replaceAll("_", " ");
}

/** Return one value: its name, with all its parameters behind it. */
export function configurationValue(value) {
  if (!isChoice(value)) return plainText(value);
  const { name, ...parameters } = value;
  const listed = parameterList(parameters);
  return [name !== undefined && h("b", name), listed && h("small.muted", ` ${listed}`)];
}

function plainText(value) {
  if (value === null) return t("config.none");
  if (typeof value === "number") return numberText(value);
  if (Array.isArray(value)) return `[${value.map(plainText).join(", ")}]`;
  if (!isChoice(value)) return String(value);
  const { name, ...parameters } = value;
  const listed = parameterList(parameters);
  if (name === undefined) return `{${listed}}`;
  return listed ? `${name} (${listed})` : name;
}

function parameterList(parameters) {
  return Object.entries(parameters)
    .map(([name, value]) => `${name} = ${plainText(value)}`)
    .join(", ");
}

function isChoice(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
