import { LiveExperiment } from "/static/lib/live_experiment.js";
import { equal, test } from "./harness.js";

const AGO = new Date(Date.now() - 60_000).toISOString();
const SOON = new Date(Date.now() + 60_000).toISOString();

/** Return an experiment with one run, as if it was loaded now; nothing is asked of the API. */
function loaded(run = {}) {
  const live = new LiveExperiment("experiment", new AbortController().signal, () => {});
  live.experiment = { status: "running" };
  live.loadedAt = Date.now();
  live.refreshExperiment = () => {};
  live.refreshRuns = () => {};
  live.runs.set("a", { id: "a", status: "running", epoch: 5, ...run });
  return live;
}

test("an event changes its run, and its epoch goes into the history", () => {
  const live = loaded();
  const data = { run_id: "a", epoch: 6, metrics: { loss: 1 }, created_at: SOON };
  live.applyAll([{ type: "run.epoch", data }]);
  equal([live.runs.get("a").epoch, live.histories.get("a").metrics.loss[5]], [6, 1]);
});

test("an event from before the load fills the history, but does not turn the run back", () => {
  const live = loaded();
  live.applyAll([{ type: "run.epoch", data: { run_id: "a", epoch: 2, metrics: { loss: 3 }, created_at: AGO } }]);
  equal([live.runs.get("a").epoch, live.histories.get("a").metrics.loss], [5, [null, 3]]);
});

test("a run that ended is to be fetched, and makes the results a new version", () => {
  const live = loaded();
  live.applyAll([{ type: "run.finished", data: { run_id: "a", status: "completed", epoch: 5, created_at: SOON } }]);
  equal([[...live.staleRuns], live.version, live.runs.get("a").status], [["a"], 1, "completed"]);
});

test("events of other runs are ignored", () => {
  const live = loaded();
  live.applyAll([{ type: "run.epoch", data: { run_id: "b", epoch: 1, metrics: {} } }]);
  equal([live.runs.size, live.histories.size], [1, 0]);
});

test("an experiment that is too large keeps no histories", () => {
  const live = loaded();
  live.tooLarge = true;
  live.applyAll([{ type: "run.epoch", data: { run_id: "a", epoch: 6, metrics: { loss: 1 }, created_at: SOON } }]);
  equal([live.histories.size, live.runs.get("a").epoch], [0, 6]);
});

test("an experiment is finished by its status", () => {
  const live = loaded();
  equal(
    ["queued", "running", "completed", "cancelled"].map((status) => {
      live.experiment = { status };
      return live.finished;
    }),
    [false, false, true, true],
  );
});
