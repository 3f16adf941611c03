import * as format from "/static/lib/format.js";
import { useMetrics } from "/static/lib/metrics.js";
import { useSentences } from "/static/lib/text.js";
import { equal, METRICS, test } from "./harness.js";

const SENTENCES = {
  "number.NaN": "not a number",
  "number.Infinity": "infinite",
  "time.lessThanASecond": "at once",
  "time.d": "{n} d",
  "time.h": "{n} h",
  "time.min": "{n} min",
  "time.s": "{n} s",
  "time.range": "{low} to {high}",
  "run.seed": "seed {seed}",
  "curves.epoch": "Epoch {n}",
  "layers.initial": "the start",
};

function english() {
  useMetrics(METRICS);
  useSentences("en", SENTENCES);
}

test("a share is written in percent, other metrics with three digits", () => {
  english();
  const value = 0.98514;
  equal([format.showValue("val_accuracy", value), format.showValue("loss", value)], ["98.51%", "0.985"]);
});

test("what is not finite has a word, and nothing a dash", () => {
  english();
  const values = ["NaN", "Infinity", null, undefined];
  equal(
    values.map((value) => format.showValue("loss", value)),
    ["not a number", "infinite", "–", "–"],
  );
  equal([format.finite("NaN"), format.finite(null), format.finite("2.5"), format.finite(0)], [null, null, 2.5, 0]);
});

test("numbers of a column keep their zeros", () => {
  const values = [2.3, 2.291, 0.5, 40, 0, 123.4, 1e-9, "NaN"];
  english();
  equal(values.map(format.aligned), ["2.30", "2.29", "0.500", "40.0", "0", "123", "1.00e-9", "not a number"]);
});

test("a guess is written with both its ends", () => {
  english();
  equal(format.durationRange({ low_seconds: 0.4, high_seconds: 75 }), "at once to 1 min 15 s");
});

test("very large and very small numbers have exponents", () => {
  const values = [0, 0.0482, 999_499, 1e6, 1.234e-5, -0.00005];
  equal(values.map(format.significant), ["0", "0.0482", "999000", "1.00e+6", "1.23e-5", "-5.00e-5"]);
});

test("a share without a value is a dash", () => {
  equal([0.25, 0, null, undefined].map(format.percent), ["25.0%", "0.0%", "–", "–"]);
});

test("p-values below a thousandth are not told apart", () => {
  equal([0.0309, 0.00099, 0.001, null].map(format.pValue), ["0.031", "< 0.001", "0.001", "–"]);
});

test("a duration has its two largest units", () => {
  english();
  const seconds = [0.4, 47.2, 200, 7500, 90_061, 3600, null, NaN];
  const written = ["at once", "47 s", "3 min 20 s", "2 h 5 min", "1 d 1 h", "1 h", "–", "–"];
  equal(seconds.map(format.duration), written);
});

test("a duration rounds before it is divided into units", () => {
  english();
  equal(format.duration(59.7), "1 min");
});

test("moments are in the API's UTC, and in words for lists", () => {
  english();
  equal(format.utc("2026-11-21T16:20:00.123456Z"), "2026-11-21 16:20:00 UTC");
  const before = (milliseconds) => new Date(Date.now() - milliseconds).toISOString();
  equal(format.ago(before(3 * 60_000 + 500)), "3 minutes ago");
  equal(format.ago(before(26 * 3_600_000)), "yesterday");
  equal(format.ago(before(-5_000)), "now"); // the clocks differ
});

test("whole numbers are grouped as the language does", () => {
  english();
  equal(format.whole(1234567), "1,234,567");
});

test("runs and epochs have names", () => {
  english();
  equal(format.runName({ name: "relu", seed: 3 }), "relu · seed 3");
  equal([format.epochName(0), format.epochName(2)], ["the start", "Epoch 2"]);
  equal(format.shortId("01a221ee-896f-7d2d-a90e-6163c39ae3db"), "c39ae3db");
});

test("an experiment without a name has its preset's", () => {
  equal(format.experimentName({ name: null, preset: { name: "blocks" } }), "blocks");
  equal(format.experimentName({ name: "mine", preset: { name: "blocks" } }), "mine");
});

test("losses keep their zeros, so that 2.30 stands beside 2.29; what is counted does not", () => {
  english();
  const shown = [2.3, 2.29, 0.5, 31, 250, 0, 1e-7].map((value) => format.showValue("loss", value));
  equal(shown, ["2.30", "2.29", "0.500", "31.0", "250", "0", "1.00e-7"]);
  equal(format.showValue("gradient_norm", 2.3), "2.3");
});
