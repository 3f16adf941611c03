// The layers of a network: what each makes, what it learns, and the residual blocks as brackets beside them.

import { whole } from "../lib/format.js";
import { t } from "../lib/text.js";
import { h } from "./dom.js";
import { scrollableTable } from "./elements.js";

/** Models that are no lists of layers. */
const WITHOUT_LAYERS = ["rnn"];

/** Whether a configuration's network is a list of layers. */
export function hasLayers({ model }) {
  return !WITHOUT_LAYERS.includes(model.name);
}

/** Return the network of the first configuration of a plan, folded up. */
export function networkOf(network, configurations) {
  const { layers, parameters } = network;
  const summary = t("network.summary", { layers: layers.length, parameters: whole(parameters) });
  const first = configurations > 1 ? h("p.note", t("network.first", { n: whole(configurations) })) : null;
  return h("details", h("summary", summary), first, networkTable(network));
}

/** Return the table of a network's layers, in the order in which they compute. */
export function networkTable({ layers, parameters }) {
  const columns = ["layer", "output", "parameters"].map((name) => t(`network.${name}`));
  const heading = (column, index) => h(index ? "th.number" : "th", { scope: "col" }, column);
  return scrollableTable(
    t("network.title"),
    "table.network",
    h("caption.unseen", t("network.title")),
    h("thead", h("tr", columns.map(heading))),
    h(
      "tbody",
      layers.map((layer, place) => layerRow(layer, layers[place - 1], layers[place + 1])),
    ),
    h("tfoot", h("tr", h("th", { scope: "row", colspan: "2" }, t("network.total")), h("td.number", whole(parameters)))),
  );
}

function layerRow({ name, layer, block, output_shape: shape, parameters }, before, after) {
  const row = block === null ? "tr" : `tr.block${ends(block, before, after)}`;
  const kind = name === layer ? null : h("small.muted", ` ${layer}`);
  const title = block === null ? null : t("network.block", { n: block + 1 });
  return h(
    row,
    { title },
    h("th", { scope: "row" }, name, kind),
    h("td.number", shape.map(whole).join(" × ")),
    h("td.number", parameters ? whole(parameters) : "–"),
  );
}

/** Return the classes of the ends of a bracket. */
function ends(block, before, after) {
  const first = before?.block === block ? "" : ".first";
  return first + (after?.block === block ? "" : ".last");
}
