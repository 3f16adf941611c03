import {
  isSelected,
  labelOrder,
  labelPlace,
  nearestLine,
  readBrush,
  valueScale,
  writeBrush,
} from "/static/lib/parallel.js";
import { close, equal, test } from "./harness.js";

test("numbers stand from the largest to the smallest, other labels as they come", () => {
  equal(labelOrder(["16", "128", "64"]), ["128", "64", "16"]);
  equal(labelOrder(["relu", "elu", "1"]), ["relu", "elu", "1"]);
  equal([labelPlace(["a"], "a"), labelPlace(["a", "b", "c"], "c")], [0.5, 1]);
});

test("the largest value is at the top; losses are on a logarithm where they are positive", () => {
  const linear = valueScale([0, 1, 4], false);
  equal([0, 1, 4].map(linear.place), [1, 0.75, 0]);
  const loss = valueScale([0.01, 1], true);
  close([loss.place(0.1), loss.valueAt(0.5)], [0.5, 0.1]);
  close(valueScale([0, 2], true).place(1), 0.5);
  equal([valueScale([], false), valueScale([3, 3], false).place(3)], [null, 0.5]);
});

test("a selection is read as it was written, and a bad one selects nothing", () => {
  const brush = { axes: { activation: ["relu", "a|b"] }, from: 0.5, to: null, lost: true };
  equal(readBrush(writeBrush(brush)), brush);
  const none = readBrush("");
  equal([writeBrush(none), writeBrush({ ...none, axes: { activation: [] } })], ["", ""]);
  for (const bad of ["{", "null", "[]", '{"axes":{"a":1}}', '{"from":"x"}']) equal(readBrush(bad), none);
});

test("lines are selected on every axis, and what diverged by its own mark alone", () => {
  const line = (label, value, lost = false) => ({ labels: { axis: label }, value, lost });
  const lines = [line("a", 0.2), line("a", 0.8), line("b", 0.9), line("a", 0.1, true)];
  const selected = (brush) => lines.map((one) => isSelected(one, { ...readBrush(""), ...brush }));
  equal(selected({}), [true, true, true, true]);
  equal(selected({ axes: { axis: ["a"] } }), [true, true, false, true]);
  equal(selected({ from: 0.8 }), [false, true, true, false]);
  equal(selected({ from: 0.1, to: 0.85 }), [true, true, false, false]);
  equal(selected({ lost: true }), [false, false, false, true]);
  equal(selected({ lost: true, from: 0.85 }), [false, false, true, true]);
});

test("the nearest line is found between two axes, and none beyond reach", () => {
  const [falls, rises] = [{ places: [0, 1, 1] }, { places: [1, 0, 0.5] }];
  equal(nearestLine([falls, rises], 0.1, 0.25, 0.1), falls);
  equal(nearestLine([falls, rises], 1, 0.45, 0.1), rises);
  equal(nearestLine([falls, rises], 0.25, 0.8, 0.1), null);
});
