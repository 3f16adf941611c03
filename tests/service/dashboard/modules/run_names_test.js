import { AXES } from "/static/lib/axes.js";
import { distinctNames } from "/static/lib/run_names.js";
import { useSentences } from "/static/lib/text.js";
import { equal, test } from "./harness.js";

function run(id, seed, labels) {
  const usual = Object.fromEntries(AXES.map((axis) => [axis, "same"]));
  return { id: `00000000-${id}`, seed, name: "usual", labels: { ...usual, ...labels } };
}

function names(...runs) {
  useSentences("en", { "run.seed": "seed {seed}", "label.without": "no {axis}" });
  return distinctNames(runs);
}

test("runs are named by what differs", () => {
  equal(names(run("a", 0, { activation: "relu" }), run("b", 0, { activation: "elu" })), ["relu", "elu"]);
  equal(names(run("a", 0, {}), run("b", 1, {})), ["seed 0", "seed 1"]);
});

test("a label is understood without its axis", () => {
  const runs = [run("a", 0, { dropout: "none", batch_size: 16 }), run("b", 0, { dropout: "dropout", batch_size: 32 })];
  equal(names(...runs), ["no dropout", "dropout"]);
  const sizes = [run("a", 0, { batch_size: 16 }), run("b", 0, { batch_size: 32 })];
  equal(names(...sizes), ["batch size 16", "batch size 32"]);
});

test("what people have named is left as it is", () => {
  equal(names(run("a", 0, { variant: "none" }), run("b", 0, { variant: "50" })), ["none", "50"]);
});

test("variants and seeds come after the axes", () => {
  const runs = [run("a", 0, { activation: "relu", variant: "one" }), run("b", 1, { activation: "elu" })];
  equal(names(...runs), ["relu · one · seed 0", "elu · – · seed 1"]);
});

test("runs that are alike are told apart by their ids", () => {
  equal(names(run("11112222", 0, {}), run("33334444", 0, {})), ["usual (…11112222)", "usual (…33334444)"]);
});

test("a single run has its own name", () => {
  equal(names(run("11112222", 0, {})), ["usual (…11112222)"]);
});
