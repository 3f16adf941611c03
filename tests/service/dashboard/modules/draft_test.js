import { drafts, findDraft, forgetDraft, keepDraft, MOST_DRAFTS } from "/static/lib/draft.js";
import { equal, test } from "./harness.js";

const SPEC = { activation: "relu" };
const OTHER = { activation: "tanh" };

test("each place has a draft of its own, and none destroys another", () => {
  keepDraft("preset=blocks", SPEC, null);
  keepDraft("", OTHER, null);
  keepDraft("", SPEC, "{ broken");
  equal(findDraft("preset=blocks"), { place: "preset=blocks", spec: SPEC, json: null });
  equal(findDraft(""), { place: "", spec: SPEC, json: "{ broken" });
  equal([findDraft("from=other"), drafts().length], [null, 2]);
});

test("of too many drafts the oldest are forgotten", () => {
  for (let number = 0; number <= MOST_DRAFTS; number += 1) keepDraft(`from=${number}`, SPEC, null);
  equal([drafts().length, drafts()[0].place], [MOST_DRAFTS, "from=1"]);
});

test("a draft that is too large leaves none of its place, not an older one, and the others stay", () => {
  keepDraft("from=other", OTHER, null);
  keepDraft("", SPEC, null);
  keepDraft("", SPEC, "x".repeat(20_000_000));
  equal([findDraft(""), findDraft("from=other")?.spec], [null, OTHER]);
});

test("a draft is forgotten, and the last leaves nothing behind", () => {
  keepDraft("", SPEC, null);
  keepDraft("from=other", OTHER, null);
  forgetDraft("");
  equal(
    drafts().map(({ place }) => place),
    ["from=other"],
  );
  forgetDraft("from=other");
  equal(sessionStorage.length, 0);
});

test("what cannot be read is no draft", () => {
  for (const stored of ["{", '{"a": 1}', "null", '[1, null, {"place": "", "spec": [], "json": null}]']) {
    sessionStorage.setItem("actinium.drafts", stored);
    equal(drafts(), []);
    equal(findDraft(""), null);
  }
});
