// What to do after an experiment: what its comparison and its outcomes say would settle more.

import { WORD } from "./comparison.js";
import { isActive } from "./statuses.js";

/** Of an experiment with one seed: as many more give intervals. */
const SEEDS_FOR_INTERVALS = 2;
/** More seeds than this are offered only where nothing less settles anything. */
const MANY_SEEDS = 20;
/** The API's number of epochs where a spec names none. */
const USUAL_EPOCHS = 12;
const STILL_LEARNING = "still_learning";

/**
 * Return the next steps, the most useful first.
 *
 * @param experiment the API's experiment, with its spec
 * @param comparison the API's comparison
 * @param runs       its runs
 * @returns steps of the kinds `{kind: "wait", runs}`, `{kind: "seeds", seeds, groups, undecided}` (groups that
 *   so many more seeds would settle, of so many that are undecided; none where there is one seed), `{kind: "epochs", runs, all, epochs}` (runs that were still learning; the epochs to try),
 *   `{kind: "edge", groups}` (those whose best tuned value is at an end of the grid), `{kind: "settled"}` alone,
 *   or `{kind: "train", epochs}` alone where networks were only initialized
 */
export function nextSteps(experiment, comparison, runs) {
  if (experiment.spec.epochs === 0) return [{ kind: "train", epochs: USUAL_EPOCHS }];
  const ranked = comparison.groups.filter((group) => group.rank);
  const valued = comparison.groups.filter((group) => group.n > 0);
  const steps = [
    isActive(experiment) && { kind: "wait", runs: comparison.unfinished },
    seedsStep(valued, ranked),
    epochsStep(runs, experiment.spec.epochs),
    edgeStep(ranked),
  ].filter(Boolean);
  return steps.length || !ranked.length ? steps : [{ kind: "settled" }];
}

function seedsStep(valued, ranked) {
  if (valued.length > 1 && valued.every((group) => group.n === 1)) {
    return { kind: "seeds", seeds: SEEDS_FOR_INTERVALS, groups: [], undecided: 0 };
  }
  const undecided = ranked.filter((group) => group.word === WORD.UNDECIDED);
  const settled = undecided.filter((group) => group.seeds_needed !== null);
  if (!settled.length) return null;
  const needed = settled.map((group) => group.seeds_needed);
  const few = needed.filter((seeds) => seeds <= MANY_SEEDS);
  const seeds = few.length ? Math.max(...few) : Math.min(...needed);
  return {
    kind: "seeds",
    seeds,
    groups: settled.filter((group) => group.seeds_needed <= seeds),
    undecided: undecided.length,
  };
}

function epochsStep(runs, epochs) {
  const judged = runs.filter((run) => run.diagnosis?.outcome);
  const learning = judged.filter((run) => run.diagnosis.outcome === STILL_LEARNING);
  if (!learning.length || 2 * learning.length < judged.length) return null;
  return { kind: "epochs", runs: learning.length, all: judged.length, epochs: 2 * epochs };
}

function edgeStep(ranked) {
  const groups = ranked.filter((group) => group.curve?.good_range?.at_edge);
  return groups.length > 0 && { kind: "edge", groups };
}

/** Return the seeds of an experiment as they were written, or else each of them. */
export function seedsOf({ spec, submitted = null }) {
  const written = submitted?.seeds;
  return Number.isInteger(written) ? written : spec.seeds;
}

/**
 * Return the seeds of a spec with more of them, as a spec has them: a count or a list.
 *
 * @param seeds a count, or a list of seeds
 */
export function withMoreSeeds(seeds, more) {
  if (!Array.isArray(seeds)) return seeds + more;
  const first = Math.max(...seeds) + 1;
  return [...seeds, ...Array.from({ length: more }, (_, index) => first + index)];
}

/** Return the query that opens the form with an experiment's spec and other seeds or epochs. */
export function preparedQuery(experimentId, { seeds, epochs }) {
  const parameters = new URLSearchParams({ from: experimentId });
  if (seeds !== undefined) parameters.set("seeds", [seeds].flat().join());
  if (epochs !== undefined) parameters.set("epochs", String(epochs));
  return parameters.toString();
}

/** Return the fields of a spec that such a query changes; what is no number changes nothing. */
export function wantedChanges(parameters) {
  const changes = {};
  const numbers = (name) => (parameters.get(name) ?? "").split(",").map((text) => (text === "" ? NaN : Number(text)));
  const [seeds, epochs] = [numbers("seeds"), numbers("epochs")];
  if (seeds.every(Number.isInteger)) changes.seeds = seeds.length > 1 ? seeds : seeds[0];
  if (epochs.every(Number.isInteger)) [changes.epochs] = epochs;
  return changes;
}
