// The runs chosen for comparison, across experiments. They last as long as the tab.

const KEY = "actinium.compare";

/** More runs than this cannot be told apart in one chart. */
export const MOST_RUNS = 24;

let changed = () => {};

/** Have `listener` called whenever the choice changes. */
export function whenChosenRunsChange(listener) {
  changed = listener;
}

/** Return the ids of the chosen runs; none where the stored text cannot be read. */
export function chosenRuns() {
  try {
    const ids = JSON.parse(sessionStorage.getItem(KEY));
    return Array.isArray(ids) ? ids.filter((id) => typeof id === "string") : [];
  } catch {
    return [];
  }
}

/** Whether a run is chosen. */
export function isChosen(id) {
  return chosenRuns().includes(id);
}

/** Add a run to the choice, or remove it. */
export function chooseRun(id, wanted) {
  const others = chosenRuns().filter((chosen) => chosen !== id);
  chooseRuns(wanted ? [...others, id] : others);
}

/** Choose these runs and no others; of too many, the last. */
export function chooseRuns(ids) {
  sessionStorage.setItem(KEY, JSON.stringify(ids.slice(-MOST_RUNS)));
  changed();
}
