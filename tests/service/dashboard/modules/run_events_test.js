import { applyEvent, recordEpoch, shareDone } from "/static/lib/run_events.js";
import { equal, test } from "./harness.js";

function after(run, ...events) {
  for (const [type, data] of events) applyEvent(run, { type, data });
  return run;
}

test("a run is started, trained, requeued and finished by its events", () => {
  const run = { status: "queued", epoch: 0, fraction: 0 };
  after(run, ["run.started", { attempt: 1, worker: "w" }], ["run.progress", { fraction: 0.5 }]);
  equal(run, { status: "running", epoch: 0, attempt: 1, worker: "w", fraction: 0.5 });
  after(run, ["run.epoch", { epoch: 1, metrics: { loss: 2 } }]);
  equal([run.epoch, run.fraction, run.final], [1, 0, { epoch: 1, loss: 2 }]);
  equal(after(run, ["run.requeued", {}]).status, "queued");
  after(run, ["run.finished", { status: "failed", epoch: 1, ended_by: "failure", error: "The disk is full." }]);
  equal([run.status, run.ended_by, run.error], ["failed", "failure", "The disk is full."]);
});

test("final metrics of an earlier epoch stay where a later one lacks them", () => {
  const run = after({ final: { epoch: 1, loss: 2, test_loss: 3 } }, ["run.epoch", { epoch: 2, metrics: { loss: 1 } }]);
  equal(run.final, { epoch: 2, loss: 1, test_loss: 3 });
});

test("an event of an unknown type changes nothing", () => {
  equal(after({ status: "queued" }, ["run.new", { status: "odd" }]), { status: "queued" });
});

test("epochs are recorded in their places, gaps are empty", () => {
  const histories = new Map();
  recordEpoch(histories, "a", { epoch: 3, metrics: { loss: 0.3 } });
  recordEpoch(histories, "a", { epoch: 1, metrics: { loss: 0.1, extra: 7 } });
  equal(histories.get("a"), { epoch: [1, 2, 3], metrics: { loss: [0.1, null, 0.3], extra: [7] } });
});

test("an epoch replaces what a lost attempt recorded", () => {
  const histories = new Map([["a", { epoch: [1, 2], metrics: { loss: [1, 2] } }]]);
  recordEpoch(histories, "a", { epoch: 2, metrics: { loss: 9 } });
  equal(histories.get("a"), { epoch: [1, 2], metrics: { loss: [1, 9] } });
});

test("the share that is done counts the epoch under way", () => {
  equal(shareDone({ epoch: 1, epochs: 4, fraction: 0.5 }), 0.375);
  equal(shareDone({ epoch: 4, epochs: 4, fraction: 0.5 }), 1);
});

test("a run that stopped early is done", () => {
  equal(shareDone({ status: "completed", epoch: 2, epochs: 5 }), 1);
  equal(shareDone({ status: "diverged", epoch: 2, epochs: 5 }), 0.4);
});

test("a run of no epochs is done when it has ended", () => {
  equal(
    ["running", "completed"].map((status) => shareDone({ status, epoch: 0, epochs: 0 })),
    [0, 1],
  );
});
