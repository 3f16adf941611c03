// Histograms of layer statistics as violins show them.

// As in the API's pictures.
const VALUES_PER_BIN = 30;
const FEWEST_BINS = 8;
/** Layers whose spreads differ more than this do not fit on one linear scale ... */
const WIDELY = 20;
/** ... and on a logarithmic one what is smaller than this part of the largest is a line. */
const MOST_DECADES = 1e6;
const NO_VALUES = { edges: [], counts: [] };
/** What a chart spans where nothing is finite. */
const EMPTY_RANGE = [-1, 1];

/** The distributions of a layer that are drawn. */
export const QUANTITIES = ["z", "activation", "weight", "gradient"];

/** The name of the last layer. */
const OUTPUT = "output";

export function isOutput({ name }) {
  return name === OUTPUT;
}

/** Whether a layer has any finite value of a quantity. */
export function hasValues(layer, quantity) {
  return layer[quantity]?.histogram.edges.length > 1;
}

/** Return `[low, high]` into which a quantity of all these layers fits. */
export function rangeOf(layers, quantity) {
  const ends = layers
    .flatMap((layer) => {
      const { edges } = layer[quantity]?.histogram ?? NO_VALUES;
      return edges.length ? [Number(edges[0]), Number(edges.at(-1))] : [];
    })
    .filter(Number.isFinite);
  return ends.length ? [Math.min(...ends), Math.max(...ends)] : EMPTY_RANGE;
}

/**
 * Return where a scale of these layers turns from linear to logarithmic: the smallest standard deviation, where the largest is
 * many times that; null where all are of one size.
 */
export function symlogUnit(layers, quantity) {
  const spreads = layers.map((layer) => Number(layer[quantity]?.std)).filter((std) => Number.isFinite(std) && std > 0);
  if (!spreads.length) return null;
  const [least, most] = [Math.min(...spreads), Math.max(...spreads)];
  return most > WIDELY * least ? Math.max(least, most / MOST_DECADES) : null;
}

/** Return a range with a margin on both sides. */
export function padded([low, high]) {
  const margin = high > low ? 0.03 * (high - low) : 0.5 * Math.abs(high) || 1;
  return [low - margin, high + margin];
}

/**
 * Return a histogram from its first to its last filled bin, with neighbours merged until chance
 * does not fray its outline.
 */
export function smoothed({ edges: allEdges, counts: allCounts }) {
  const first = allCounts.findIndex((count) => count > 0);
  const last = allCounts.findLastIndex((count) => count > 0);
  if (first < 0) return NO_VALUES;
  let counts = allCounts.slice(first, last + 1);
  let edges = allEdges.slice(first, last + 2).map(Number);
  const total = counts.reduce((sum, count) => sum + count, 0);
  while (counts.length >= 2 * FEWEST_BINS && total < VALUES_PER_BIN * counts.length) {
    const inner = edges.length - 1;
    edges = edges.filter((_, index) => index % 2 === 0 || index === inner);
    const pairs = Math.ceil(counts.length / 2);
    counts = Array.from({ length: pairs }, (_, index) => counts[2 * index] + (counts[2 * index + 1] ?? 0));
  }
  return { edges, counts };
}

/** Return each bin's `{centre, density}`; a bin without width has a finite density, too. */
export function densities({ edges, counts }) {
  return counts.map((count, index) => ({
    centre: (edges[index] + edges[index + 1]) / 2,
    density: Number(count) / Math.max(edges[index + 1] - edges[index], 1e-300),
  }));
}
