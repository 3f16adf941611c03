import { forgetView, MOST_VIEWS, savedViews, saveView } from "/static/lib/saved_views.js";
import { equal, test } from "./harness.js";

test("a view is kept under its name, replaced by it, and forgotten", () => {
  saveView("mine", "#/?tag=a:b");
  saveView("other", "#/queue");
  saveView("mine", "#/?status=failed");
  equal(savedViews(), [
    { name: "other", place: "#/queue" },
    { name: "mine", place: "#/?status=failed" },
  ]);
  forgetView("other");
  equal(savedViews().length, 1);
});

test("of too many views the oldest are forgotten", () => {
  for (let number = 0; number <= MOST_VIEWS; number += 1) saveView(`${number}`, "#/");
  equal([savedViews().length, savedViews()[0].name], [MOST_VIEWS, "1"]);
});

test("what cannot be read, or leads elsewhere, is no view", () => {
  const stranger = '[{"name": "x", "place": "https://example.org/"}, {"name": "", "place": "#/"}, null, {"name": 1}]';
  for (const stored of ["{", "null", '{"a": 1}', stranger]) {
    localStorage.setItem("actinium.views", stored);
    equal(savedViews(), []);
  }
});
