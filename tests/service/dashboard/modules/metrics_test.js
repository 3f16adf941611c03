import {
  comparedMetrics,
  countsToTarget,
  epochMetrics,
  headlineMetrics,
  isShare,
  lowerIsBetter,
  metricTitle,
  otherPart,
  quantityOf,
  showTasks,
  targetMetrics,
  useMetrics,
} from "/static/lib/metrics.js";
import { useSentences } from "/static/lib/text.js";
import { equal, METRICS, test } from "./harness.js";

const BINARY = { epoch: [1], metrics: { val_binary_accuracy: [0.5] } };

test("metrics of every epoch are offered, and others where a history holds them", () => {
  useMetrics(METRICS);
  const always = ["loss", "val_loss", "val_accuracy", "gradient_norm", "epoch_seconds"];
  equal(epochMetrics([]), always);
  equal(epochMetrics([BINARY]), always.toSpliced(3, 0, "val_binary_accuracy"));
});

test("a metric of training belongs to that of validation, not of test", () => {
  useMetrics(METRICS);
  equal(["loss", "val_loss", "val_accuracy", "epoch_seconds"].map(otherPart), ["val_loss", "loss", null, null]);
});

test("runs are compared by metrics with a direction, the main one first", () => {
  useMetrics(METRICS);
  equal(comparedMetrics([]), ["val_accuracy", "loss", "val_loss", "test_loss"]);
  equal(comparedMetrics([BINARY]), ["val_accuracy", "loss", "val_loss", "val_binary_accuracy", "test_loss"]);
});

test("what counts to a target offers the metrics that can have one", () => {
  useMetrics([
    ...METRICS,
    { name: "epochs_to", kind: "epochs", direction: "lower", when: "target", in_every_run: true },
  ]);
  equal(["epochs_to", "val_accuracy", "unknown"].map(countsToTarget), [true, false, false]);
  equal(targetMetrics([]), ["val_accuracy", "loss", "val_loss"]);
});

test("headlines are the validation metrics of every answer, the main one first", () => {
  useMetrics(METRICS);
  equal(headlineMetrics(), ["val_accuracy", "val_loss"]);
});

test("metrics of another task than the shown runs' are offered nowhere, and theirs comes first", () => {
  const numbers = {
    kind: "loss",
    direction: "lower",
    when: "epoch",
    part: "validation",
    in_final: true,
    in_every_run: true,
  };
  const registry = METRICS.map((metric) => (metric.kind === "share" ? { ...metric, task: "classification" } : metric));
  useMetrics([
    { ...numbers, name: "val_mae", task: "regression" },
    { ...numbers, name: "val_rmse", task: "regression" },
    ...registry,
  ]);
  equal(headlineMetrics(), ["val_accuracy", "val_loss"]);
  showTasks([{ task: "regression" }]);
  equal(headlineMetrics(), ["val_rmse", "val_mae", "val_loss"]);
  equal(comparedMetrics([BINARY]), ["val_rmse", "val_mae", "loss", "val_loss", "test_loss"]);
  showTasks([]);
  equal(headlineMetrics(), ["val_accuracy", "val_loss"]);
});

test("kind and direction come from the registry, not from a name", () => {
  useMetrics([{ name: "loss", kind: "share", direction: "higher", quantity: "odd" }]);
  equal([isShare("loss"), lowerIsBetter("loss"), quantityOf("loss")], [true, false, "odd"]);
  equal([isShare("val_accuracy"), lowerIsBetter("val_loss"), quantityOf("new")], [false, false, "new"]);
});

test("a title is translated where there is a translation", () => {
  useMetrics(METRICS);
  useSentences("zh", { "metric.loss": "训练损失" });
  equal(["loss", "val_loss", "unknown"].map(metricTitle), ["训练损失", "Validation loss", "unknown"]);
  useSentences("en", {});
  equal(metricTitle("loss"), "Training loss");
});
