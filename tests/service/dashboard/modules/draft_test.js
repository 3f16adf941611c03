import { findDraft, forgetDraft, keepDraft } from "/static/lib/draft.js";
import { equal, test } from "./harness.js";

const SPEC = { activation: "relu" };

test("a draft is found where it was begun, and at the form's own address", () => {
  keepDraft("preset=blocks", SPEC, null);
  const draft = { place: "preset=blocks", spec: SPEC, json: null };
  equal([findDraft("preset=blocks"), findDraft("")], [draft, draft]);
  equal(findDraft("from=other"), null);
});

test("text that cannot be read is kept beside the last spec", () => {
  keepDraft("", SPEC, "{ broken");
  equal(findDraft("").json, "{ broken");
});

test("a draft that is too large leaves none, not an older one", () => {
  keepDraft("", SPEC, null);
  keepDraft("", SPEC, "x".repeat(20_000_000));
  equal(findDraft(""), null);
});

test("a draft is forgotten", () => {
  keepDraft("", SPEC, null);
  forgetDraft();
  equal(findDraft(""), null);
});
