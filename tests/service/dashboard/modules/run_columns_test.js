import { useMetrics } from "/static/lib/metrics.js";
import {
  isAscending,
  isWithin,
  offeredColumns,
  secondsTaken,
  shownColumns,
  sortedRuns,
} from "/static/lib/run_columns.js";
import { equal, METRICS, test } from "./harness.js";

const run = (position, seed, activation, final, times = {}) => ({
  position,
  seed,
  epoch: position,
  labels: { activation },
  final,
  ...times,
});
const RUNS = [
  run(0, 10, "relu", { val_accuracy: 0.5, val_loss: 2 }),
  run(1, 9, "elu", { val_accuracy: "NaN", val_loss: 1 }),
  run(2, 8, "relu", { val_accuracy: 0.9, val_loss: 3 }),
  run(3, 7, "leaky_relu(negative_slope=10)", null),
  run(4, 6, "leaky_relu(negative_slope=9)", { val_accuracy: 0.9, val_loss: 1 }),
];
const positions = (order) => sortedRuns(RUNS, order).map(({ position }) => position);

test("every column is offered, and the usual ones are shown unless others are chosen", () => {
  useMetrics(METRICS);
  equal(offeredColumns(["activation"]).slice(0, 2), ["axis:activation", "seed"]);
  equal(shownColumns("", ["activation"])[0], "val_accuracy");
  equal(shownColumns("seed,nope,axis:activation", ["activation"]), ["seed", "axis:activation"]);
  equal(shownColumns("nope", []), shownColumns("", []));
});

test("runs are sorted both ways, the better first, and those without a value stay last", () => {
  useMetrics(METRICS);
  equal(positions("position"), [0, 1, 2, 3, 4]);
  equal(positions("val_accuracy"), [2, 4, 0, 1, 3]);
  equal(positions("-val_accuracy"), [0, 2, 4, 1, 3]);
  equal(positions("val_loss"), [1, 4, 0, 2, 3]);
  equal(positions("axis:activation"), [1, 4, 3, 0, 2]);
  equal(positions("seed"), [4, 3, 2, 1, 0]);
  equal(positions("epoch"), [4, 3, 2, 1, 0]);
  equal(["val_loss", "-val_loss", "val_accuracy", "epoch", "seed"].map(isAscending), [true, false, false, false, true]);
});

test("limits of a metric leave out what is beyond them and what has no value", () => {
  const within = (least, most) =>
    RUNS.filter((found) => isWithin(found, { metric: "val_accuracy", least, most })).map(({ position }) => position);
  equal(within("", ""), [0, 1, 2, 3, 4]);
  equal(within("0.6", ""), [2, 4]);
  equal(within("", "0.6"), [0]);
  equal(within("x", " "), [0, 1, 2, 3, 4]);
});

test("the time a run took is known once it has ended", () => {
  const start = "2026-01-01T00:00:00Z";
  equal(secondsTaken({ started_at: start, finished_at: "2026-01-01T00:01:30Z" }), 90);
  equal(Number.isNaN(secondsTaken({ started_at: start, finished_at: null })), true);
});
