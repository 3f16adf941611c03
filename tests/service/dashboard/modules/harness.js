// A test is a name and a function that throws; test_page_modules.py runs it in a browser.

export const tests = new Map();

/** Register a test. Its name stands on the same line, where pytest reads it. */
export function test(name, body) {
  tests.set(name, body);
}

/** Throw unless two values are the same in structure. */
export function equal(actual, expected) {
  const [one, other] = [canonical(actual), canonical(expected)];
  if (one !== other) throw new Error(`\n  found    ${one}\n  expected ${other}`);
}

/** Throw unless two numbers, or two lists of numbers, differ by rounding at most. */
export function close(actual, expected, tolerance = 1e-12) {
  const pairs = [actual].flat().map((value, index) => [value, [expected].flat()[index]]);
  const sameLength = [actual].flat().length === [expected].flat().length;
  const isClose = ([one, other]) => Math.abs(one - other) <= tolerance * Math.max(1, Math.abs(other));
  if (!sameLength || !pairs.every(isClose)) equal(actual, expected);
}

/** Return JSON with sorted keys, in which NaN, infinity and undefined differ from null. */
function canonical(value) {
  return JSON.stringify(value, (_, part) => {
    if (part === undefined || (typeof part === "number" && !Number.isFinite(part))) return `<${part}>`;
    if (part instanceof Map) return [...part];
    if (part === null || typeof part !== "object" || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort());
  });
}

const METRIC = { when: "epoch", direction: null, kind: "other", part: null, in_final: false, in_every_run: true };

/** A registry of metrics as the API answers it, with one of each kind. */
export const METRICS = [
  { name: "loss", title: "Training loss", kind: "loss", direction: "lower", quantity: "loss", part: "training" },
  {
    name: "val_loss",
    title: "Validation loss",
    kind: "loss",
    direction: "lower",
    quantity: "loss",
    part: "validation",
  },
  { name: "val_accuracy", title: "Validation accuracy", kind: "share", direction: "higher", part: "validation" },
  { name: "val_binary_accuracy", title: "By element", kind: "share", direction: "higher", in_every_run: false },
  { name: "gradient_norm", title: "Gradient norm" },
  { name: "epoch_seconds", title: "Seconds per epoch", kind: "seconds" },
  {
    name: "test_loss",
    title: "Test loss",
    kind: "loss",
    direction: "lower",
    when: "end",
    quantity: "loss",
    part: "test",
  },
].map((metric) => ({ ...METRIC, quantity: metric.name, ...metric, in_final: Boolean(metric.part) }));
