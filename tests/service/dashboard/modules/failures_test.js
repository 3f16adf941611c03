import { failuresOf } from "/static/lib/failures.js";
import { equal, test } from "./harness.js";

const FINDING = { kind: "symmetric", advice: "Draw the weights at random." };

function run(activation, initializer, outcome, verdict, more = {}) {
  const findings = verdict === "symmetric" ? [{ kind: "plateau" }, FINDING] : [];
  return {
    status: "completed",
    labels: { activation, initializer },
    diagnosis: { outcome, verdict, findings },
    ...more,
  };
}

test("failures are told by what happened and why, the most frequent first, with the labels they share", () => {
  const runs = [
    run("relu", "he_normal", "learned", "healthy"),
    run("tanh", "normal", "diverged", "step_size", { status: "diverged" }),
    run("relu", "zeros", "at_chance", "symmetric"),
    run("tanh", "zeros", "at_chance", "symmetric"),
    run("relu", "he_normal", null, null, { status: "failed" }),
    run("relu", "he_normal", null, null, { status: "running", diagnosis: null }),
  ];
  const failures = failuresOf(runs, ["activation", "initializer"]);
  equal(
    failures.map(({ outcome, verdict, runs: members }) => [outcome, verdict, members.length]),
    [
      ["at_chance", "symmetric", 2],
      ["diverged", "step_size", 1],
      ["failed", null, 1],
    ],
  );
  equal([failures[0].labels, failures[0].finding], [{ initializer: "zeros" }, FINDING]);
  equal(failures[1].labels, { activation: "tanh", initializer: "normal" });
  equal(failures[2].finding, null);
});
