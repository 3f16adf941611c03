// The numbers behind the violins, layer by layer.

import { aligned, percent } from "../lib/format.js";
import { hasValues } from "../lib/histograms.js";
import { t } from "../lib/text.js";
import { h } from "../parts/dom.js";
import { button } from "../parts/elements.js";

/** The quantities whose standard deviation is shown. */
const SPREADS = ["z", "activation", "gradient"];

/**
 * Return the table.
 *
 * @param marked name of the layer that is marked, or null
 * @param mark   called with the name of a layer that was pressed
 */
export function layerTable(layers, marked, mark) {
  const spreads = SPREADS.map((quantity) => t("layers.std", { quantity: t(`layers.${quantity}`) }));
  const columns = [t("layers.layer"), ...spreads, t("layers.dead"), t("layers.saturated"), t("layers.zero")];
  const heading = (column, index) => h(index ? "th.number" : "th", { scope: "col" }, column);
  return h(
    "table",
    h("caption.unseen", t("layers.title")),
    h("thead", h("tr", columns.map(heading))),
    h(
      "tbody",
      layers.map((layer) => layerRow(layer, layer.name === marked, mark)),
    ),
  );
}

function layerRow(layer, isMarked, mark) {
  const properties = { "data-layer": layer.name, "aria-pressed": String(isMarked) };
  const name = button("button.plain", () => mark(layer.name), properties, layer.name);
  return h(isMarked ? "tr.marked" : "tr", h("th", { scope: "row" }, name), numberCells(layer));
}

function numberCells(layer) {
  if (!SPREADS.some((quantity) => hasValues(layer, quantity))) {
    return h("td.number.muted", { colspan: String(SPREADS.length + 3) }, t("layers.notFinite"));
  }
  // Units whose z-values are not finite are neither dead nor saturated.
  const { dead_fraction: dead, saturated_fraction: saturated, sparsity } = layer;
  const shares = hasValues(layer, "z") ? [dead, saturated, sparsity ?? null] : [null, null, null];
  const spreads = SPREADS.map((quantity) => (layer[quantity] ? aligned(layer[quantity].std) : "–"));
  return [...spreads, ...shares.map(percent)].map((text) => h("td.number", text));
}
