// What the form sends, and the same request for a shell, for Python, and as it is.

/** Fields that may be set otherwise while an experiment still checks its preset's claims. */
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

/**
 * Where a spec goes: to its preset, with what it changes, so that its claims are checked; or,
 * where it is another experiment by now, to the experiments.
 *
 * @param origin `{preset, size, spec}` the form began with, or null
 * @returns `{path, body, preset}`
 */
export function submission(spec, origin) {
  if (origin) {
    const same = (name) => JSON.stringify(spec[name]) === JSON.stringify(origin.spec[name]);
    const changed = [...new Set([...Object.keys(spec), ...Object.keys(origin.spec)])].filter((name) => !same(name));
    if (changed.every((name) => PRESET_FIELDS.has(name) && name in spec)) {
      const body = { size: origin.size, ...Object.fromEntries(changed.map((name) => [name, spec[name]])) };
      return { path: `/v1/presets/${encodeURIComponent(origin.preset)}/experiments`, body, preset: origin.preset };
    }
  }
  return { path: "/v1/experiments", body: spec, preset: null };
}

/** A command that works in any POSIX shell as it stands. */
export function curl({ path, body }, { origin, withKey }) {
  const key = withKey ? ` \\\n  -H "Authorization: Bearer $ACTINIUM_KEY"` : "";
  const written = JSON.stringify(body, null, 2).replaceAll("'", `'\\''`);
  return `curl -s ${origin}${path}${key} \\\n  -H 'Content-Type: application/json' \\\n  -d '${written}'`;
}

/** The same with the Python client, which finds a key in `ACTINIUM_KEY`. */
export function python({ body, preset }, { origin }) {
  const call = preset
    ? `submit_preset(\n    ${JSON.stringify(preset)},\n${Object.entries(body)
        .map(([name, value]) => `    ${name}=${literal(value, "    ")},\n`)
        .join("")})`
    : `submit(${literal(body)})`;
  return `from actinium import Client\n\nclient = Client(${JSON.stringify(origin)})\nexperiment = client.${call}\nclient.wait(experiment)\n`;
}

/** A JSON value as Python writes it. */
function literal(value, indent = "") {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const inner = `${indent}    `;
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const items = Array.isArray(value)
    ? value.map((each) => literal(each, inner))
    : Object.entries(value).map(([key, each]) => `${JSON.stringify(key)}: ${literal(each, inner)}`);
  const flat = open + items.join(", ") + close;
  if (flat.length + indent.length < 72 && !flat.includes("\n")) return flat;
  return `${open}\n${items.map((each) => `${inner}${each},\n`).join("")}${indent}${close}`;
}
