// A resolved configuration, axis by axis.

import { AXES } from "../lib/catalog.js";
import { h, reachable } from "../lib/dom.js";
import { known, t } from "../lib/text.js";

export function configuration(config) {
  // JSON from the database comes in an order of its own; people know that of the axes.
  const names = [
    ...AXES.filter((axis) => axis in config),
    ...Object.keys(config).filter((name) => !AXES.includes(name)),
  ];
  return [
    h(
      "dl.config",
      {},
      names
        .map((axis) => [axis, config[axis]])
        .map(([axis, value]) => h("div", {}, h("dt", {}, known(`axis.${axis}`) ?? axis), h("dd", {}, written(value)))),
    ),
    h("details", {}, h("summary", {}, "JSON"), reachable("JSON", h("pre", {}, JSON.stringify(config, null, 2)))),
  ];
}

/** One value: its name, with its parameters behind it. */
export function written(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return plain(value);
  const { name, ...parameters } = value;
  const listed = Object.entries(parameters)
    .map(([key, each]) => `${key} = ${plain(each)}`)
    .join(", ");
  return [name !== undefined && h("b", {}, name), listed && h("small.muted", {}, ` ${listed}`)];
}

function plain(value) {
  if (value !== null && typeof value === "object" && !Array.isArray(value)) {
    const { name, ...rest } = value;
    const inner = Object.entries(rest)
      .map(([key, each]) => `${key} = ${plain(each)}`)
      .join(", ");
    return name === undefined ? `{${inner}}` : inner ? `${name} (${inner})` : name;
  }
  return Array.isArray(value) ? `[${value.map(plain).join(", ")}]` : value === null ? t("config.none") : String(value);
}
