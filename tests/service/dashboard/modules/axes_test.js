import { AXES, asText, axesWithManyLabels, labelOn, labelsOn, varyingAxes } from "/static/lib/axes.js";
import { equal, test } from "./harness.js";

const USUAL = Object.fromEntries(AXES.map((axis) => [axis, "same"]));

function runs(...labels) {
  return labels.map((changed, index) => ({ seed: index, labels: { ...USUAL, ...changed } }));
}

test("a label is text, whatever the API answers", () => {
  const [run] = runs({ batch_size: 32 });
  equal([labelOn(run, "batch_size"), labelOn(run, "seed"), labelOn(run, "variant")], ["32", "0", "–"]);
  equal([asText(null), asText(0)], ["–", "0"]);
});

test("labels on an axis come once, in the order of the runs", () => {
  equal(labelsOn(runs({ loss: "b" }, { loss: "a" }, { loss: "b" }), "loss"), ["b", "a"]);
});

test("an axis that an earlier one decides does not vary", () => {
  const decided = runs({ activation: "relu", initializer: "he" }, { activation: "tanh", initializer: "glorot" });
  equal(varyingAxes(decided), ["activation"]);
  const free = [...decided, ...runs({ activation: "relu", initializer: "glorot" })];
  equal(varyingAxes(free), ["activation", "initializer"]);
});

test("an axis that varies between parts and in none of them does not vary", () => {
  const found = runs({ activation: "relu", loss: "a" }, { activation: "tanh", loss: "a" }, { loss: "b" });
  equal(varyingAxes(found), ["activation"]);
  const apart = runs({ activation: "relu", loss: "a" }, { activation: "relu", loss: "b" });
  equal(
    varyingAxes(apart, (run) => run.seed),
    [],
  );
  equal(
    varyingAxes(found, (run) => run.labels.loss),
    ["activation"],
  );
});

test("axes with many labels include those that others decide, and variants", () => {
  const decided = runs(
    { activation: "relu", initializer: "he", output_initializer: "he", variant: "one" },
    { activation: "tanh", initializer: "glorot", output_initializer: "glorot", variant: "two" },
  );
  equal(axesWithManyLabels(decided), ["activation", "initializer", "variant"]);
  const own = [...decided, ...runs({ activation: "tanh", initializer: "he", output_initializer: "glorot" })];
  equal(axesWithManyLabels(own), ["activation", "initializer", "output_initializer", "variant"]);
});

test("a single run varies on nothing", () => {
  equal([varyingAxes(runs({})), axesWithManyLabels(runs({}))], [[], []]);
});
