// The axes of a grid, and the values (labels) that runs have on them. Labels come with each run.

/** The axes in the order of the API: the slowest first. */
export const AXES = [
  "dataset",
  "model",
  "activation",
  "initializer",
  "output_initializer",
  "bias_initializer",
  "normalization",
  "clipping",
  "optimizer",
  "dropout",
  "batch_size",
  "loss",
  "precision",
];

const VARIANT = "variant";
const SEED = "seed";

/** What stands where a run has no value. */
const NO_VALUE = "–";

/** The axis of the catalog from which an axis of a spec takes its values. */
export function catalogAxis(axis) {
  return axis === "output_initializer" ? "initializer" : axis;
}

/** Return a run's label on an axis as text; the axis may also be `variant` or `seed`. */
export function labelOn(run, axis) {
  if (axis === SEED) return String(run.seed);
  return asText(run.labels[axis]);
}

/** Return a label of the API as text. */
export function asText(label) {
  return String(label ?? NO_VALUE);
}

/**
 * Return the axes that vary among runs and that no earlier one of them already decides.
 *
 * @param partOf returns the part of the runs that one belongs to, their experiment, say: axes that vary in no part are left out
 */
export function varyingAxes(runs, partOf = () => "") {
  const kept = [];
  const names = (run, axes) => JSON.stringify([partOf(run), ...axes.map((axis) => labelOn(run, axis))]);
  const groups = (axes) => new Set(runs.map((run) => names(run, axes))).size;
  for (const axis of AXES) {
    if (groups([...kept, axis]) > groups(kept)) kept.push(axis);
  }
  return kept;
}

/** Return every axis on which runs have more than one label, and `variant` where they have several. */
export function axesWithManyLabels(runs) {
  // The output's initializer is a question of its own only where it differs from the others'.
  const ownOutput = runs.some((run) => run.labels.output_initializer !== run.labels.initializer);
  return [...AXES, VARIANT].filter(
    (axis) => (axis !== "output_initializer" || ownOutput) && labelsOn(runs, axis).length > 1,
  );
}

/** Return the labels of runs on an axis, each once, in the order of the runs. */
export function labelsOn(runs, axis) {
  return [...new Set(runs.map((run) => labelOn(run, axis)))];
}
