// Parallel coordinates: where lines cross the axes, which of them a reader has selected, and which lies nearest.

/** Return the labels of an axis from top to bottom: numbers from the largest to the smallest, others as they come. */
export function labelOrder(labels) {
  const areNumbers = labels.every((label) => label.trim() !== "" && Number.isFinite(Number(label)));
  return areNumbers ? labels.toSorted((one, other) => Number(other) - Number(one)) : labels;
}

/** Return how far down an axis a label is, from 0 at the top to 1. */
export function labelPlace(labels, label) {
  return labels.length === 1 ? 0.5 : labels.indexOf(label) / (labels.length - 1);
}

/**
 * Return the axis of a metric, logarithmic where it is a loss and all values are positive: `{low, high, place, valueAt}`, with the
 * largest value at the top (0) and the smallest at the bottom (1); null without values.
 */
export function valueScale(values, isLoss) {
  if (!values.length) return null;
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const isLog = isLoss && low > 0;
  const [forward, back] = isLog ? [Math.log, Math.exp] : [Number, Number];
  const spread = forward(high) - forward(low);
  const place = (value) => (spread > 0 ? (forward(high) - forward(value)) / spread : 0.5);
  return { low, high, place, valueAt: (share) => back(forward(high) - share * spread) };
}

const NOTHING = { axes: {}, from: null, to: null, lost: false };

/** Return what the address says is selected; nothing where it cannot be read. */
export function readBrush(text) {
  try {
    const { axes = {}, from = null, to = null, lost = false } = JSON.parse(text);
    const areLabels = Object.values(axes).every((labels) => Array.isArray(labels));
    const areNumbers = [from, to].every((end) => end === null || Number.isFinite(end));
    return areLabels && areNumbers ? { axes, from, to, lost: lost === true } : NOTHING;
  } catch {
    return NOTHING;
  }
}

/** Return a selection as the address has it; empty where nothing is selected. */
export function writeBrush({ axes, from, to, lost }) {
  const kept = Object.fromEntries(Object.entries(axes).filter(([, labels]) => labels.length));
  const parts = {
    ...(Object.keys(kept).length ? { axes: kept } : {}),
    ...(from === null ? {} : { from }),
    ...(to === null ? {} : { to }),
    ...(lost ? { lost } : {}),
  };
  return Object.keys(parts).length ? JSON.stringify(parts) : "";
}

/** Whether a line, `{labels, value, lost}`, passes everything that is selected. */
export function isSelected(line, { axes, from, to, lost }) {
  const onAxes = Object.entries(axes).every(([axis, labels]) => !labels.length || labels.includes(line.labels[axis]));
  if (!onAxes) return false;
  const isLimited = from !== null || to !== null;
  if (!isLimited && !lost) return true;
  if (line.lost) return lost;
  return isLimited && line.value >= (from ?? -Infinity) && line.value <= (to ?? Infinity);
}

/**
 * Return the line nearest to a point, or null where none is near.
 *
 * @param lines  each with its `places` on the axes, from 0 to 1
 * @param across how far to the right the point is, from 0 at the first axis to 1 at the last
 * @param reach  the farthest distance up or down
 */
export function nearestLine(lines, across, down, reach) {
  let [nearest, least] = [null, reach];
  for (const line of lines) {
    const last = line.places.length - 1;
    const before = Math.min(last - 1, Math.max(0, Math.floor(across * last)));
    const part = across * last - before;
    const place = line.places[before] + part * (line.places[before + 1] - line.places[before]);
    if (Math.abs(place - down) <= least) [nearest, least] = [line, Math.abs(place - down)];
  }
  return nearest;
}
