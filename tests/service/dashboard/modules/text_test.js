import { known, t, translated, useSentences, useTranslations } from "/static/lib/text.js";
import { equal, test } from "./harness.js";

test("values are filled in, and missing ones are empty", () => {
  useSentences("en", { hello: "Hello {name}, {name}{more}" });
  equal(t("hello", { name: "Ada" }), "Hello Ada, Ada");
});

test("a sentence with two forms follows n", () => {
  useSentences("en", { runs: "{n} run | {n} runs" });
  equal(
    [0, 1, 2].map((n) => t("runs", { n })),
    ["0 runs", "1 run", "2 runs"],
  );
});

test("a language without plurals has one form", () => {
  useSentences("zh", { runs: "{n} 次运行" });
  equal(t("runs", { n: 1 }), "1 次运行");
});

test("a key without a sentence is shown itself, and is not known", () => {
  useSentences("en", { here: "Here" });
  equal([t("gone"), known("gone"), known("here")], ["gone", null, "Here"]);
});

test("a value is text, never a pattern", () => {
  useSentences("en", { name: "<{name}>" });
  equal(t("name", { name: "$& {name}" }), "<$& {name}>");
});

test("a text of the API is translated whole, or around its values", () => {
  useTranslations({
    "It is (0.5).": "它是 (0.5)。",
    "{share} of {layer} are dead: it stops.": "{layer} 有 {share} 失活。",
  });
  equal(translated("It is (0.5)."), "它是 (0.5)。");
  equal(translated("12% of dense_1 are dead: it stops."), "dense_1 有 12% 失活。");
  useSentences("zh", {});
  equal(translated("It is (0.5). 0.5% of d are dead: it stops."), "它是 (0.5)。d 有 0.5% 失活。");
  equal(translated("It is (0.5). This is new."), null);
  useTranslations({
    "It is (0.5).": "它是 (0.5)。",
    "{a} is {b}.": "{a} 是 {b}。",
    "{a} is {b}, about {c}.": "{a} 约 {c}。",
  });
  equal([translated("x is y."), translated("x is y, about z.")], ["x 是 y。", "x 约 z。"]);
  equal([translated("It was (0x5)."), translated("New."), translated(null)], [null, null, null]);
  useTranslations({});
});
