import { editable, patchOf } from "/static/lib/edits.js";
import { equal, test } from "./harness.js";

const EXPERIMENT = { name: "n", description: null, note: "odd", tags: { "a:b": "c", course: "dl" }, archived: false };

test("an unchanged form makes an empty patch", () => {
  const before = editable(EXPERIMENT);
  equal(patchOf(before, { ...before }), {});
  equal(patchOf(before, { ...before, name: " n " }), {});
});

test("only what was changed is in the patch; null removes", () => {
  const before = editable(EXPERIMENT);
  equal(patchOf(before, { ...before, note: " ", description: "new" }), { note: null, description: "new" });
  equal(patchOf(before, { ...before, tags: '"a:b": d, new: 1' }), { tags: { course: null, "a:b": "d", new: "1" } });
});
