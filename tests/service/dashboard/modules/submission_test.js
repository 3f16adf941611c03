import { curl, python, submission } from "/static/lib/submission.js";
import { equal, test } from "./harness.js";

const ORIGIN = { preset: "blocks", size: "small", spec: { activation: "relu", seeds: 5 } };
const PLACE = { origin: "http://service.test", withKey: false };

test("a preset that is only renamed or resized stays the preset", () => {
  const spec = { ...ORIGIN.spec, seeds: 2, name: "mine" };
  equal(submission(spec, ORIGIN), {
    path: "/v1/presets/blocks/experiments",
    body: { size: "small", seeds: 2, name: "mine" },
    preset: "blocks",
  });
});

test("a preset whose axes are changed, or that lacks a field, is another experiment", () => {
  for (const spec of [{ ...ORIGIN.spec, activation: "tanh" }, { activation: "relu" }]) {
    equal(submission(spec, ORIGIN), { path: "/v1/experiments", body: spec, preset: null });
  }
});

test("a spec without a preset goes to the experiments", () => {
  equal(submission({ seeds: 1 }, null), { path: "/v1/experiments", body: { seeds: 1 }, preset: null });
});

test("a shell command quotes its body, and names the key without showing it", () => {
  const command = curl(submission({ name: "it's" }, null), { ...PLACE, withKey: true });
  equal(command.includes(`"name": "it'\\''s"`), true);
  equal(command.includes(`-H "Authorization: Bearer $ACTINIUM_KEY"`), true);
  equal(curl(submission({}, null), PLACE).includes("Authorization"), false);
});

test("a Python program has Python's literals", () => {
  const program = python(submission({ reuse: false, dropout: null, seeds: [0, 1] }, null), PLACE);
  equal(program.includes('submit({"reuse": False, "dropout": None, "seeds": [0, 1]})'), true);
});

test("a long literal goes over several lines", () => {
  const program = python(submission({ activation: Array(12).fill("leaky_relu") }, null), PLACE);
  equal(program.includes('"activation": [\n        "leaky_relu",\n'), true);
});

test("a preset is submitted by its name", () => {
  const program = python(submission({ ...ORIGIN.spec, seeds: 2 }, ORIGIN), PLACE);
  equal(program.includes('submit_preset(\n    "blocks",\n    size="small",\n    seeds=2,\n)'), true);
});
