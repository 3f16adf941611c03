// How the values of a spec multiply to its runs.

import { AXES } from "./axes.js";

/** Return `[name, number of values]` of each axis with several values, of the variants and of the seeds. */
export function factorsOf(spec) {
  const several = ["variants", ...AXES].map((name) => [name, Array.isArray(spec[name]) ? spec[name].length : 1]);
  const seeds = Array.isArray(spec.seeds) ? spec.seeds.length : Number(spec.seeds ?? 1);
  return [...several, ["seeds", seeds]].filter(([, n]) => n > 1);
}

/** Whether the factors alone make so many runs: parameters with several values, and what is left out, do not. */
export function isWholeProduct(factors, runs) {
  return factors.reduce((product, [, n]) => product * n, 1) === runs;
}
