import { hasLimit, story } from "/static/lib/story.js";
import { equal, test } from "./harness.js";

function finding(kind, epoch, layer, more = {}) {
  return { kind, epoch, layer, advice: `Mend ${kind}.`, value: 0.5, threshold: 0.1, ...more };
}

test("the cause comes first, then epoch by epoch; what is equal is told once", () => {
  const steps = story(
    [
      finding("dying", 3, "dense_1"),
      finding("vanishing", 0, "dense_1"),
      finding("step_size", 3, "dense_2"),
      finding("dead", 3, "dense_1"),
      finding("dead", 3, "dense_2"),
      finding("dead", 5, "dense_2"),
    ],
    "step_size",
  );
  equal(
    steps.map(({ kind, epoch, isCause, findings }) => [kind, epoch, isCause, findings.map(({ layer }) => layer)]),
    [
      ["step_size", 3, true, ["dense_2"]],
      ["vanishing", 0, false, ["dense_1"]],
      ["dead", 3, false, ["dense_1", "dense_2"]],
      ["dying", 3, false, ["dense_1"]],
      ["dead", 5, false, ["dense_2"]],
    ],
  );
  equal(story([finding("vanishing", 0, "dense_1")], null)[0].isCause, false);
});

test("a value is told with its limit where both say something", () => {
  equal(hasLimit(finding("step_size", 1, "a")), true);
  equal(hasLimit(finding("symmetric", 0, "a", { value: 128, threshold: 1 })), false);
  equal(hasLimit(finding("diverged", 1, null, { value: "NaN", threshold: "Infinity" })), false);
  equal(hasLimit(finding("exploding", 1, "a", { value: 0.03, threshold: 0 })), false);
});
