import { nextSteps, preparedQuery, seedsOf, wantedChanges, withMoreSeeds } from "/static/lib/next_steps.js";
import { equal, test } from "./harness.js";

const EXPERIMENT = { status: "completed", spec: { seeds: 3, epochs: 10 } };

function group(word, more = {}) {
  return { word, rank: 1, n: 3, seeds_needed: null, curve: null, ...more };
}

function kinds(groups, { runs = [], experiment = EXPERIMENT, unfinished = 0 } = {}) {
  return nextSteps(experiment, { groups, unfinished }, runs);
}

test("seeds are added for those that a few more would settle", () => {
  const groups = [group("leads"), group("undecided", { seeds_needed: 5 }), group("undecided", { seeds_needed: 208 })];
  const [step] = kinds([...groups, group("undecided")]);
  equal([step.kind, step.seeds, step.groups.length, step.undecided], ["seeds", 5, 1, 3]);
  equal(kinds([groups[0], groups[2]])[0].seeds, 208); // nothing less settles anything
});

test("one seed asks for two more, and a settled experiment for none", () => {
  const [step] = kinds([group("leads", { n: 1 }), group("did_not_train", { n: 1, rank: null })]);
  equal([step.kind, step.seeds, step.groups], ["seeds", 2, []]);
  equal(kinds([group("leads"), group("worse")]), [{ kind: "settled" }]);
  equal(kinds([group("did_not_train", { rank: null })]), []);
});

test("what has not ended is waited for, and what still learns is trained longer", () => {
  const judged = (outcome) => ({ diagnosis: { outcome } });
  const runs = [judged("still_learning"), judged("still_learning"), judged("learned"), { diagnosis: null }];
  const running = { ...EXPERIMENT, status: "running" };
  const steps = kinds([group("leads"), group("worse")], { runs, experiment: running, unfinished: 1 });
  equal(steps, [
    { kind: "wait", runs: 1 },
    { kind: "epochs", runs: 2, all: 3, epochs: 20 },
  ]);
  equal(kinds([group("leads"), group("worse")], { runs: [...runs, judged("learned"), judged("overfits")] }), [
    { kind: "settled" },
  ]);
});

test("a best value at an end of the grid asks for values beyond it", () => {
  const edge = group("leads", { curve: { good_range: { at_edge: true } } });
  equal(kinds([edge, group("worse")]), [{ kind: "edge", groups: [edge] }]);
});

test("networks that were only initialized are to be trained", () => {
  const experiment = { ...EXPERIMENT, spec: { seeds: 3, epochs: 0 } };
  equal(kinds([group(null, { rank: null, n: 0 })], { experiment }), [{ kind: "train", epochs: 12 }]);
});

test("more seeds are a larger count, or the numbers after the largest of a list", () => {
  equal(withMoreSeeds(3, 2), 5);
  equal(withMoreSeeds([7, 3], 2), [7, 3, 8, 9]);
  equal(seedsOf({ spec: { seeds: [0, 1, 2] }, submitted: { seeds: 3 } }), 3);
  equal(seedsOf({ spec: { seeds: [0] }, submitted: { activation: "relu" } }), [0]);
  equal(seedsOf({ spec: { seeds: [0] }, submitted: null }), [0]);
});

test("a query of changes is read as it was written; what is no number changes nothing", () => {
  const read = (query) => wantedChanges(new URLSearchParams(query));
  equal(read(preparedQuery("x", { seeds: 5 })), { seeds: 5 });
  equal(read(preparedQuery("x", { seeds: [3, 7, 8], epochs: 20 })), { seeds: [3, 7, 8], epochs: 20 });
  equal(read("from=x&seeds=&epochs=ten"), {});
});
