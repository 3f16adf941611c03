import {
  chooseRun,
  chooseRuns,
  chosenRuns,
  isChosen,
  MOST_RUNS,
  whenChosenRunsChange,
} from "/static/lib/chosen_runs.js";
import { equal, test } from "./harness.js";

test("runs are chosen once, and removed", () => {
  let changes = 0;
  whenChosenRunsChange(() => {
    changes += 1;
  });
  chooseRun("a", true);
  chooseRun("b", true);
  chooseRun("a", true);
  equal([chosenRuns(), isChosen("a"), changes], [["b", "a"], true, 3]);
  chooseRun("b", false);
  equal([chosenRuns(), isChosen("b")], [["a"], false]);
});

test("of too many runs the last are chosen", () => {
  chooseRuns(Array.from({ length: MOST_RUNS + 2 }, (_, index) => String(index)));
  equal([chosenRuns().length, chosenRuns()[0]], [MOST_RUNS, "2"]);
});

test("what cannot be read is no choice", () => {
  for (const stored of ["{", '{"a": 1}', "[1, null]"]) {
    sessionStorage.setItem("actinium.compare", stored);
    equal(chosenRuns(), []);
  }
});
