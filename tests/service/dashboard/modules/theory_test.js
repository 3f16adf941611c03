import { useSentences } from "/static/lib/text.js";
import { predictionText, theoryOf } from "/static/parts/theory.js";
import { equal, test } from "./harness.js";

const SENTENCES = {
  "theory.none": "{signal} {gradient} {n} fine",
  "theory.single": "one layer",
  "theory.exploding": "{signal} explodes",
  "theory.unknown": "unknown",
  "compose.theory": "Theory",
  "compose.theory.some": "first {n} of {all}",
  "number.Infinity": "infinite",
};

const FINE = { risk: "none", hidden_layers: 3, signal: 0.51234, gradient: 1 };

test("a prediction says what happens to signal and gradient", () => {
  useSentences("en", SENTENCES);
  equal(predictionText(FINE), "0.512 1 3 fine");
  equal(predictionText({ ...FINE, hidden_layers: 1 }), "one layer");
  equal(predictionText({ ...FINE, risk: "exploding", signal: "Infinity" }), "infinite explodes");
});

test("the configurations of a plan have their predictions or the reason why not", () => {
  useSentences("en", SENTENCES);
  const items = [
    { name: "relu", prediction: FINE, prediction_reason: null, initializer_reason: "auto is he" },
    { name: "zeros", prediction: null, prediction_reason: "No prediction: no signal.", initializer_reason: null },
  ];
  const [title, list] = theoryOf({ configurations: 5, items });
  equal(title.querySelector("h3").textContent, "first 2 of 5");
  equal(
    [...list.children].map((row) => row.className),
    ["prediction none", "prediction unknown"],
  );
  equal(list.children[1].textContent, "zeros unknown: no signal.");
  equal(list.children[0].querySelector("details").textContent, "autoauto is he");
  equal(theoryOf({ configurations: 0, items: [] }), null);
});
