// Which page of the documentation explains what the page shows, and under which heading.

const PAGES = {
  // Views, by the first part of their address.
  "": "dashboard.md",
  experiments: "dashboard.md#an-experiment",
  runs: "dashboard.md#a-run",
  compare: "dashboard.md#a-comparison",
  new: "dashboard.md#a-new-experiment",
  queue: "reliability.md#turns-and-quotas",
  data: "howto/own-data.md",
  catalog: "catalog/README.md",
  // Sections, by the ids of their titles.
  "answer-won": "comparisons.md#what-is-said",
  "answer-failed": "diagnoses.md#outcome",
  "answer-next": "comparisons.md#how-many-more-seeds",
  "attempts-title": "reliability.md#two-workers-one-run",
  "boundary-title": "figures.md#decision_boundary",
  "callers-title": "reliability.md#turns-and-quotas",
  "claims-title": "presets.md#how-a-claim-is-scored",
  "compare-curves": "figures.md#learning_curves",
  "compare-table": "dashboard.md#a-comparison",
  "config-title": "spec.md",
  "confusion-title": "figures.md#confusion",
  "curves-title": "dashboard.md#learning-curves",
  "diagnosis-title": "diagnoses.md#what-does-this-plot-mean",
  "effects-title": "comparisons.md#effects-of-the-axes",
  "heat-title": "figures.md#heatmap",
  "layers-0": "diagnoses.md#layer-statistics",
  "layers-1": "diagnoses.md#layer-statistics",
  "layers-title": "diagnoses.md#layer-statistics",
  "levels-title": "comparisons.md#effects-of-the-axes",
  "log-title": "dashboard.md#a-run",
  "network-title": "howto/own-network.md",
  "overlay-curves": "dashboard.md#learning-curves",
  "overlay-table": "dashboard.md#a-comparison",
  "parallel-title": "dashboard.md#an-experiment",
  "outputs-title": "figures.md#outputs",
  "plan-title": "dashboard.md#a-new-experiment",
  "preset-title": "presets.md",
  "presets-title": "presets.md",
  "ranking-title": "comparisons.md#what-is-said",
  "run-curves": "training.md#the-metrics-of-an-epoch",
  "runs-title": "concepts.md#experiment-and-run",
  "stored-title": "howto/own-data.md",
  "theory-title": "mean-field.md",
  "workers-title": "scaling.md",
};

/** Return the address of what explains a view or section; null where nothing does. */
export function helpAddress(topic) {
  return Object.hasOwn(PAGES, topic) ? `/docs/${PAGES[topic]}` : null;
}
