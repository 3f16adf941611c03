import { LiveRuns } from "/static/lib/live_runs.js";
import { equal, test } from "./harness.js";

/** Return two runs of which one still trains; answers of the API are given by `fetch`. */
function loaded(fetch = async () => null) {
  const live = new LiveRuns(["a", "b"], new AbortController().signal, () => {});
  live.refresh = () => {};
  live.fetch = fetch;
  live.store({ run: { id: "a", status: "completed", epoch: 3 }, history: { epoch: [1], metrics: {} } });
  live.store({ run: { id: "b", status: "running", epoch: 1 }, history: { epoch: [1], metrics: { loss: [5] } } });
  return live;
}

test("ids without a run are missing, and the others keep their order", async () => {
  const live = new LiveRuns(["x", "b", "a"], new AbortController().signal, () => {});
  live.fetch = async (id) =>
    id === "x" ? null : { run: { id, status: "queued" }, history: { epoch: [], metrics: {} } };
  await live.load();
  equal([live.missing, [...live.runs.keys()]], [["x"], ["b", "a"]]);
});

test("a new stream fetches the runs that have not ended", () => {
  const live = loaded();
  live.receive({ type: "stream.opened", data: {} });
  equal([...live.stale], ["b"]);
});

test("an event that came during a reload is applied again after an older answer", async () => {
  let answer = null;
  const live = loaded(() => new Promise((resolve) => (answer = resolve)));
  live.stale.add("b");
  const reload = live.reload();
  live.receive({ type: "run.epoch", data: { run_id: "b", epoch: 2, metrics: { loss: 4 } } });
  answer({ run: { id: "b", status: "running", epoch: 1 }, history: { epoch: [1], metrics: { loss: [5] } } });
  await reload;
  equal([live.runs.get("b").epoch, live.histories.get("b").metrics.loss], [2, [5, 4]]);
});

test("following stops when the last run has ended", async () => {
  const live = loaded(async () => ({
    run: { id: "b", status: "diverged", epoch: 2 },
    history: { epoch: [1, 2], metrics: {} },
  }));
  live.receive({ type: "run.finished", data: { run_id: "b", status: "diverged", epoch: 2 } });
  equal([...live.stale], ["b"]);
  await live.reload();
  equal([live.finished, live.following.signal.aborted], [true, true]);
});

test("a run whose answer is lost is asked for again", async () => {
  const live = loaded(async () => {
    throw new Error("lost");
  });
  live.stale.add("b");
  await live.reload();
  equal([...live.stale], ["b"]);
});
