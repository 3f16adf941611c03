import { useSentences } from "/static/lib/text.js";
import { hasLayers, networkOf, networkTable } from "/static/parts/network.js";
import { equal, test } from "./harness.js";

const SENTENCES = {
  "network.title": "Layers",
  "network.summary": "Network: {layers} layers, {parameters} parameters",
  "network.first": "Of the first of {n} configurations.",
  "network.layer": "layer",
  "network.output": "output",
  "network.parameters": "parameters",
  "network.total": "total",
  "network.block": "residual block {n}",
};

const layer = (name, block, more = {}) => ({
  name,
  layer: "convolution",
  block,
  output_shape: [8, 4, 4],
  parameters: 1234,
  ...more,
});
const NETWORK = {
  layers: [
    layer("conv_1", null),
    layer("shortcut_1", 0),
    layer("conv_2", 0),
    layer("residual", 0, { layer: "residual", parameters: 0 }),
    layer("conv_3", 1),
    layer("residual", 1, { layer: "residual", parameters: 0 }),
    layer("output", null, { layer: "dense", output_shape: [10] }),
  ],
  parameters: 6170,
};

test("A network is a table of its layers, with what each makes and learns", () => {
  useSentences("en", SENTENCES);
  const table = networkTable(NETWORK);
  const rows = [...table.querySelectorAll("tbody tr")].map((row) => [...row.children].map((cell) => cell.textContent));
  equal(rows[0], ["conv_1 convolution", "8 × 4 × 4", "1,234"]);
  equal(rows[3], ["residual", "8 × 4 × 4", "–"]);
  equal(rows[6], ["output dense", "10", "1,234"]);
  equal(table.querySelector("tfoot td").textContent, "6,170");
});

test("A residual block has a bracket from its first layer to its sum", () => {
  useSentences("en", SENTENCES);
  const rows = [...networkTable(NETWORK).querySelectorAll("tbody tr")];
  equal(
    rows.map((row) => row.className),
    ["", "block first", "block", "block last", "block first", "block last", ""],
  );
  equal(rows[4].title, "residual block 2");
});

test("While one composes it is folded up, and says of which configuration it is", () => {
  useSentences("en", SENTENCES);
  const [one, several] = [networkOf(NETWORK, 1), networkOf(NETWORK, 12)];
  equal(one.querySelector("summary").textContent, "Network: 7 layers, 6,170 parameters");
  equal(one.querySelector(".note"), null);
  equal(several.querySelector(".note").textContent, "Of the first of 12 configurations.");
});

test("A recurrent network is no list of layers", () => {
  equal([hasLayers({ model: { name: "rnn" } }), hasLayers({ model: { name: "resnet" } })], [false, true]);
});
