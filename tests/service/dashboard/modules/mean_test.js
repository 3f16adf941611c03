import {
  bestGroups,
  completedLines,
  elapsedSeconds,
  epochsTo,
  groupCurve,
  lastEpoch,
  meanCurves,
} from "/static/lib/mean.js";
import { useMetrics } from "/static/lib/metrics.js";
import { close, equal, METRICS, test } from "./harness.js";

function history(values, metric = "loss") {
  return { epoch: epochsTo(values.length), metrics: { [metric]: values } };
}

function curves(columns, { statuses = [], metric = "loss", labelOf = () => "all" } = {}) {
  useMetrics(METRICS);
  const runs = columns.map((_, id) => ({ id, status: statuses[id] ?? "completed" }));
  const histories = new Map(columns.map((values, id) => [id, history(values, metric)]));
  return meanCurves(runs, histories, metric, labelOf);
}

test("a mean has a band of one standard deviation, by n - 1", () => {
  const [group] = curves([[1], [2], [6]]).groups;
  const deviation = Math.sqrt((4 + 1 + 9) / 2);
  close(group.mean, [3]);
  close(
    [group.low[0], group.high[0]],
    [3 - deviation, 3 + deviation].map((end) => Math.max(0, end)),
  );
});

test("small deviations of large values keep their digits", () => {
  const [group] = curves([[1e9 + 1], [1e9 + 2], [1e9 + 3]]).groups;
  close([group.mean[0], group.high[0] - group.mean[0]], [1e9 + 2, 1]);
});

test("values that are not finite are in no mean", () => {
  const [group] = curves([
    [1, "NaN"],
    [3, 5],
    [null, "Infinity"],
  ]).groups;
  equal(
    [group.mean, group.counts],
    [
      [2, 5],
      [2, 1],
    ],
  );
});

test("an epoch without any value has none in the mean", () => {
  const [group] = curves([["NaN", 2]]).groups;
  equal(
    [group.mean, group.low, group.high],
    [
      [null, 2],
      [null, 2],
      [null, 2],
    ],
  );
});

test("a mean is over the runs that have got so far", () => {
  const { epochs, groups } = curves([[1, 2, 3], [3]]);
  equal(
    [epochs, groups[0].mean, groups[0].counts],
    [
      [1, 2, 3],
      [2, 2, 3],
      [2, 1, 1],
    ],
  );
});

test("diverged runs are counted, and averaged only among themselves", () => {
  const mixed = curves([[1], [9]], { statuses: ["completed", "diverged"] }).groups[0];
  equal([mixed.mean, mixed.diverged, mixed.runs], [[1], 1, 2]);
  const alone = curves([[7], [9]], { statuses: ["diverged", "diverged"] }).groups[0];
  equal([alone.mean, alone.diverged], [[8], 2]);
});

test("groups keep the order of their first runs, and their members", () => {
  const { groups } = curves([[1], [2], [3]], { labelOf: (run) => (run.id === 1 ? "b" : "a") });
  equal(
    groups.map(({ label, members }) => [label, members.map((run) => run.id)]),
    [
      ["a", [0, 2]],
      ["b", [1]],
    ],
  );
});

test("no band leaves the range of a share", () => {
  const [group] = curves(
    [
      [1, 0],
      [0.9, 0.1],
    ],
    { metric: "val_accuracy" },
  ).groups;
  equal([group.high[0], group.low[1]], [1, 0]);
});

test("runs without a history draw nothing", () => {
  equal(meanCurves([{ id: 1, status: "queued" }], new Map(), "loss", () => "all").epochs, []);
});

test("the curve of one run stands at its own epochs", () => {
  const run = { id: 1, status: "diverged" };
  const late = new Map([[1, { epoch: [2, 3], metrics: { loss: [5, "NaN"] } }]]);
  equal(groupCurve("one", [run], late, "loss", 4).mean, [null, 5, null, null]);
  equal(groupCurve("one", [run], late, "val_loss", 3).mean, [null, null, null]);
});

test("times are sums of the epochs' means, and turn back for no run that stops early", () => {
  const runs = [0, 1].map((id) => ({ id, status: "completed" }));
  const histories = new Map(
    [
      [4, 4],
      [2, 2, 2, null],
    ].map((values, id) => [id, history(values, "epoch_seconds")]),
  );
  equal(elapsedSeconds(runs, histories, 4), [3, 6, 8, null]);
  equal(elapsedSeconds(runs, histories, 5).at(-1), null); // also what comes after an unknown time
});

test("lines are completed by what is asked for alone", () => {
  useMetrics(METRICS);
  const run = { id: 0, status: "completed" };
  const metrics = { loss: [2, 1], val_loss: [4, 3], epoch_seconds: [5, 5] };
  const histories = new Map([[0, { epoch: [1, 2], metrics }]]);
  const line = groupCurve("one", [run], histories, "val_loss", 2);
  const asked = (wanted) => completedLines([line], histories, 2, wanted).map(({ other, seconds }) => [other, seconds]);
  equal(asked({ other: "loss", byTime: true }), [
    [
      [2, 1],
      [5, 10],
    ],
  ]);
  equal(asked({ other: null, byTime: false }), [[null, null]]);
});

test("the last epoch is that of the longest history", () => {
  equal([lastEpoch([history([1]), undefined, history([1, 2])]), lastEpoch([])], [2, 0]);
});

test("of too many groups the best are kept, in their order: by the mean final value of what completed", () => {
  useMetrics(METRICS);
  const finals = [5, 2, 9, 1, 0];
  const histories = new Map(finals.map((value, id) => [id, history([3, value])]));
  const statuses = ["completed", "completed", "completed", "completed", "diverged"];
  const groups = finals.map((_, id) => ({ label: String(id), members: [{ id, status: statuses[id] }] }));
  const kept = (most, metric = "loss") => bestGroups(groups, histories, metric, most).map(({ label }) => label);
  equal(kept(2), ["1", "3"]);
  equal(kept(3), ["0", "1", "3"]); // the one that diverged has no result
  equal(kept(5), ["0", "1", "2", "3", "4"]);
  for (const found of histories.values()) found.metrics.val_accuracy = found.metrics.loss;
  equal(kept(1, "val_accuracy"), ["2"]);
});
