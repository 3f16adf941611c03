import { fieldsOf, parameterText, readParameter, valuesOf } from "/static/lib/spec_fields.js";
import { equal, test } from "./harness.js";

const EMPTY = fieldsOf({});

function valuesWith(fields, spec = {}) {
  const values = valuesOf({ ...EMPTY, ...fields }, spec);
  return Object.fromEntries(Object.keys(fields).map((name) => [name, values[name]]));
}

test("a spec comes back as it was written into the fields", () => {
  const spec = {
    name: "mine",
    description: "two\nlines",
    tags: { course: "dl", url: "a:b" },
    epochs: 0,
    seeds: [7],
    batch_size: [32, 64],
    layer_statistics: { every: 2, samples: 100 },
    early_stopping: { metric: "val_accuracy", patience: 3, min_delta: 0.5 },
    ticket: { run: "019ac4f2-9a1c-7b52-8d0e-4f1c2a6b7d30", keep: 0.1, scope: "global", redraw: true },
    priority: -5,
    max_attempts: 2,
    device: "cuda",
    reuse: false,
  };
  equal(valuesOf(fieldsOf(spec), spec), spec);
});

test("runs stop early once any part of it is chosen", () => {
  equal(valuesWith({ early_stopping: "5" }), { early_stopping: { patience: 5 } });
  const stopping = ["early_stopping", "stopping_metric", "min_delta"];
  const read = (patience, metric, minDelta, spec = {}) => {
    const fields = Object.fromEntries(stopping.map((name, index) => [name, [patience, metric, minDelta][index]]));
    return valuesWith(fields, spec).early_stopping;
  };
  equal(read("", "val_accuracy", ""), { metric: "val_accuracy" });
  equal(read("", "", "0.1"), { min_delta: 0.1 });
  equal(read("", "", ""), undefined);
});

test("a ticket is there once any part of it is chosen, and keeps what has no field", () => {
  equal(valuesWith({ ticket: " 019a " }), { ticket: { run: "019a" } });
  equal(valuesOf({ ...EMPTY, ticket_keep: "0.5" }, {}).ticket, { keep: 0.5 });
  const given = { run: "019a", scope: "layer", redraw: true };
  equal(valuesOf({ ...EMPTY, ticket: "019b" }, { ticket: given }).ticket, {
    run: "019b",
    scope: "layer",
    redraw: true,
  });
  equal(valuesOf({ ...EMPTY }, { ticket: given }).ticket, undefined);
});

test("a default that a spec writes stays written", () => {
  const spec = { device: "auto", early_stopping: { metric: "val_loss", patience: 3 } };
  const values = valuesOf(fieldsOf(spec), spec);
  equal([values.device, values.early_stopping], ["auto", spec.early_stopping]);
});

test("empty fields leave the spec to its defaults", () => {
  const values = valuesOf(EMPTY, {});
  const set = Object.entries(values).filter(([, value]) => value !== undefined);
  equal(Object.fromEntries(set), { epochs: 12, seeds: 1 });
});

test("a number is a count, a number with a comma a list of one", () => {
  equal(valuesWith({ seeds: "7" }), { seeds: 7 });
  equal(valuesWith({ seeds: "7," }), { seeds: [7] });
  equal(valuesWith({ seeds: "3, 7 ,11" }), { seeds: [3, 7, 11] });
});

test("text that is no number is left for the API to refuse", () => {
  equal(valuesWith({ seeds: "many", epochs: "x" }), { seeds: "many", epochs: "x" });
});

test("layer statistics are off, or keep their other settings", () => {
  equal(valuesWith({ layer_statistics: "off" }), { layer_statistics: "off" });
  equal(valuesWith({ layer_statistics: "3" }, { layer_statistics: { samples: 9, every: 1 } }), {
    layer_statistics: { samples: 9, every: 3 },
  });
  equal([fieldsOf({ layer_statistics: { every: "auto" } }).layer_statistics], [""]);
});

test("a tag's value may contain colons, and a tag without a key is none", () => {
  equal(valuesWith({ tags: "url: a:b, :x, owner" }), { tags: { url: "a:b", owner: "" } });
});

test("a parameter is read by its type", () => {
  equal(readParameter("16, 16", "integers"), [16, 16]);
  equal(readParameter("[16]", "integers"), [16]);
  equal([readParameter("0.5", "numbers"), readParameter("0.1, 0.5", "numbers")], [0.5, [0.1, 0.5]]);
  equal([readParameter("1e-3", "number"), readParameter("x", "number")], [0.001, "x"]);
  equal([readParameter('{"name": "step"}', "choice"), readParameter("step", "choice")], [{ name: "step" }, "step"]);
  equal(readParameter("  ", "number"), undefined);
});

test("a parameter may have several values", () => {
  equal(readParameter("1e-3, 0.01", "number"), [0.001, 0.01]);
  equal(readParameter("[1e-3, 0.01]", "number"), [0.001, 0.01]);
  equal(readParameter("[[8], [8, 8]]", "integers"), [[8], [8, 8]]);
  equal(readParameter('{"low": 1, "high": 9, "count": 3}', "integer"), { low: 1, high: 9, count: 3 });
  equal(readParameter("[true, false]", "boolean"), [true, false]);
  equal(readParameter("{1, 2", "number"), ["{1", 2]);
});

test("several values are written so that they are read again", () => {
  const cases = [
    [[0.001, 0.01], "number"],
    [{ low: 1, high: 9, count: 3 }, "number"],
    [[[8], [8, 8]], "integers"],
    [["constant", { name: "step" }], "choice"],
    [["auto", "binary"], "option"],
    [[false, true], "boolean"],
  ];
  for (const [value, type] of cases) equal(readParameter(parameterText(value), type), value);
});

test("a parameter is written so that it can be read", () => {
  equal([[1, 2], { name: "step" }, 0, null, undefined].map(parameterText), ["1, 2", '{"name":"step"}', "0", "", ""]);
});

test("any tags come back as they were", () => {
  const tags = {
    "a:b": "c",
    "a,b": "x, y",
    plain: "key: value",
    " edges ": " of spaces ",
    'in "quotes"': '"',
    "a\\b": "\\",
    "two\nlines": "\t",
    empty: "",
    名: "值：一",
  };
  equal(valuesOf(fieldsOf({ tags }), { tags }).tags, tags);
  equal(fieldsOf({ tags: { course: "dl", url: "http://a:1" } }).tags, "course: dl, url: http://a:1");
});

test("tags are read as people type them", () => {
  equal(valuesWith({ tags: "a:b,c : d e ,, :x, f" }).tags, { a: "b", c: "d e", f: "" });
  equal(valuesWith({ tags: 'say: "hi" there, "k, 1":v' }).tags, { say: '"hi" there', "k, 1": "v" });
});
