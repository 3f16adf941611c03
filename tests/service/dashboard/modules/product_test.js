import { factorsOf, isWholeProduct } from "/static/lib/product.js";
import { equal, test } from "./harness.js";

test("several values of an axis, variants and seeds are factors; single values are none", () => {
  const spec = { activation: ["relu", "tanh"], dataset: "digits", batch_size: [32], variants: [{}, {}, {}], seeds: 4 };
  equal(factorsOf(spec), [
    ["variants", 3],
    ["activation", 2],
    ["seeds", 4],
  ]);
  equal(factorsOf({ activation: "relu", seeds: [7] }), []);
  equal(
    [isWholeProduct(factorsOf(spec), 24), isWholeProduct(factorsOf(spec), 48), isWholeProduct([], 1)],
    [true, false, true],
  );
});
