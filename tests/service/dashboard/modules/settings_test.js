import { settingsOf } from "/static/lib/settings.js";
import { useSentences } from "/static/lib/text.js";
import { equal, test } from "./harness.js";

const parameter = (name, value) => ({ name, default: value });
const entry = (name, parameters = [], more = {}) => ({ name, aliases: [], parameters, model: null, ...more });
const AXES = new Map([
  [
    "optimizer",
    {
      items: [
        entry("adam", [parameter("learning_rate", 0.001)]),
        entry("sgd", [parameter("learning_rate", 0.01), parameter("momentum", 0)]),
      ],
    },
  ],
  [
    "model",
    {
      items: [
        entry("mnist_cnn", [], { model: { batch_size: 128 } }),
        entry("mlp", [], { model: { batch_size: 32 } }),
        entry("layers"),
      ],
    },
  ],
  ["dropout", { items: [entry("dropout", [parameter("rate", 0.5)])] }],
]);

function shown(spec) {
  useSentences("en", { "compose.never": "never", "compose.modelsOwn": "own", "compose.values": "{n} values" });
  return Object.fromEntries(
    settingsOf(spec, AXES).map(({ name, value, usual }) => [name, value === usual ? value : [value, usual]]),
  );
}

test("without choices every setting is its default", () => {
  equal(shown({ activation: "relu" }), {
    dataset: "mnist",
    model: "mnist_cnn",
    initializer: "auto",
    normalization: "none",
    clipping: "none",
    optimizer: "adam 0.001",
    dropout: "auto",
    precision: "float32",
    batch_size: "128",
    epochs: "12",
    seeds: "1",
    early_stopping: "never",
  });
});

test("a parameter is told where it differs from its default, the learning rate always", () => {
  const optimizer = (value) => shown({ optimizer: value }).optimizer;
  equal(optimizer({ name: "adam", learning_rate: 0.001 }), "adam 0.001");
  equal(optimizer("sgd"), ["sgd 0.01", "adam 0.001"]);
  equal(optimizer({ name: "sgd", momentum: 0.9 }), ["sgd 0.01 (momentum 0.9)", "adam 0.001"]);
  equal(optimizer({ name: "sgd", momentum: 0 }), ["sgd 0.01", "adam 0.001"]);
  equal(optimizer(["adam", "sgd"]), ["adam 0.001, sgd 0.01", "adam 0.001"]);
  equal(optimizer(["adam", "sgd", "nope"]), ["3 values", "adam 0.001"]);
  equal(shown({ dropout: 0.25 }).dropout, ["0.25", "auto"]);
});

test("the default batch size is that of the models, where they agree", () => {
  const batch = (spec) => shown(spec).batch_size;
  equal(batch({ model: "mlp" }), "32");
  equal(batch({ model: ["mlp", "mnist_cnn"] }), "own");
  equal(batch({ model: { name: "layers", layers: [] } }), "own");
  equal(batch({ batch_size: [32, 64], model: "mlp" }), ["32, 64", "32"]);
  equal(batch({ batch_size: 128 }), "128");
});
