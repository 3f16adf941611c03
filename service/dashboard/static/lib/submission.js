// The request that the form sends, and the same request for a shell and for Python.

/** Fields that may differ from the preset's while an experiment still checks the preset's claims. */
const PRESET_FIELDS = new Set([
  "name",
  "description",
  "tags",
  "epochs",
  "seeds",
  "layer_statistics",
  "reuse",
  "priority",
  "max_attempts",
  "device",
]);
const INDENT = "    ";
const PYTHON_LINE_WIDTH = 72;

/**
 * Return where a spec goes: to its preset with what it changes, so that its claims are checked, or,
 * where it has become another experiment, to the experiments.
 *
 * @param origin `{preset, size, spec}` from which the form started, or null
 * @returns `{path, body, preset}`
 */
export function submission(spec, origin) {
  const changed = origin ? changedFields(spec, origin.spec) : null;
  if (!changed?.every((name) => PRESET_FIELDS.has(name) && name in spec)) {
    return { path: "/v1/experiments", body: spec, preset: null };
  }
  const body = { size: origin.size, ...Object.fromEntries(changed.map((name) => [name, spec[name]])) };
  return { path: `/v1/presets/${encodeURIComponent(origin.preset)}/experiments`, body, preset: origin.preset };
}

function changedFields(spec, original) {
  const names = [...new Set([...Object.keys(spec), ...Object.keys(original)])];
  return names.filter((name) => JSON.stringify(spec[name]) !== JSON.stringify(original[name]));
}

/** Return a command that works in any POSIX shell. */
export function curl({ path, body }, { origin, withKey }) {
  const key = withKey ? ` \\\n  -H "Authorization: Bearer $ACTINIUM_KEY"` : "";
  const json = JSON.stringify(body, null, 2).replaceAll("'", `'\\''`);
  return `curl -s ${origin}${path}${key} \\\n  -H 'Content-Type: application/json' \\\n  -d '${json}'`;
}

/** Return a program for the Python client, which finds a key in `ACTINIUM_KEY`. */
export function python({ body, preset }, { origin }) {
  return `from actinium import Client

client = Client(${JSON.stringify(origin)})
experiment = client.${preset ? presetCall(preset, body) : `submit(${literal(body)})`}
client.wait(experiment)
`;
}

function presetCall(preset, body) {
  const values = Object.entries(body).map(([name, value]) => `${name}=${literal(value, INDENT)}`);
  const lines = [JSON.stringify(preset), ...values].map((argument) => `${INDENT}${argument},\n`);
  return `submit_preset(\n${lines.join("")})`;
}

/** Return a JSON value as Python writes it. */
function literal(value, indent = "") {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = indent + INDENT;
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const items = Array.isArray(value)
    ? value.map((item) => literal(item, inner))
    : Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${literal(item, inner)}`);
  const oneLine = open + items.join(", ") + close;
  if (oneLine.length + indent.length < PYTHON_LINE_WIDTH && !oneLine.includes("\n")) return oneLine;
  return `${open}\n${items.map((item) => `${inner}${item},\n`).join("")}${indent}${close}`;
}
