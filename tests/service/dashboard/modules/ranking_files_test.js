import { useMetrics } from "/static/lib/metrics.js";
import { rankingCsv, rankingLatex, rankingMarkdown } from "/static/lib/ranking_files.js";
import { equal, METRICS, test } from "./harness.js";

const SEEDS = [{ value: 0.91234567 }, { value: 0.9 }];
const LEADER = {
  by: { activation: "leaky_relu(a=1, b=2)", variant: "=1+1|x" },
  word: "leads",
  rank: 1,
  n: 2,
  trained: 2,
  mean: 0.906,
  ci95: [0.9, 0.95],
  difference: null,
  p_value: null,
  seeds: SEEDS,
};
const FAILED = { ...LEADER, by: { activation: "tanh", variant: "b" }, rank: null, word: "did_not_train", ci95: null };
const COMPARISON = { metric: "val_accuracy", by: ["activation", "variant"], groups: [LEADER, FAILED] };
const TITLES = ["#", "Activation", "Variant", "Mean", "95% interval", "n"];

test("as CSV a ranking has all digits, and no cell that a spreadsheet would run", () => {
  const [head, leader, failed] = rankingCsv(COMPARISON).split("\r\n");
  equal(
    head,
    "rank,activation,variant,word,n,trained,val_accuracy_mean,ci95_low,ci95_high,difference,difference_low," +
      "difference_high,p_value,seeds",
  );
  equal(leader, `1,"leaky_relu(a=1, b=2)",'=1+1|x,leads,2,2,0.906,0.9,0.95,,,,,0.91234567 0.9`);
  equal(failed, ",tanh,b,did_not_train,2,2,0.906,,,,,,,0.91234567 0.9");
});

test("what was measured on a test part that chose nothing has its column", () => {
  useMetrics([...METRICS, { name: "test_accuracy", title: "Test accuracy", kind: "share", part: "test" }]);
  const tested = { ...LEADER, test: { metric: "test_accuracy", n: 2, mean: 0.89, std: 0.01 } };
  const comparison = { ...COMPARISON, groups: [tested, { ...FAILED, test: null }] };
  const [head, leader, failed] = rankingCsv(comparison).split("\r\n");
  equal(head.split(",").slice(-3), ["seeds", "test_accuracy_mean", "test_n"]);
  equal(leader.split(",").slice(-2), ["0.89", "2"]);
  equal(failed.split(",").slice(-2), ["", "0"]);
  const titles = TITLES.toSpliced(-1, 0, "Test");
  equal(rankingMarkdown(comparison, titles).split("\n").slice(2, 4), [
    "| 1 | leaky_relu(a=1, b=2) | =1+1\\|x | 90.60% | [90.00%, 95.00%] | 89.00% | 2 |",
    "| – | tanh | b | 90.60% | – | – | 2 |",
  ]);
});

test("as Markdown and LaTeX a ranking is a table in which nothing is markup by chance", () => {
  useMetrics(METRICS);
  equal(rankingMarkdown(COMPARISON, TITLES).split("\n").slice(0, 3), [
    "| # | Activation | Variant | Mean | 95% interval | n |",
    "|---:|---|---|---:|---:|---:|",
    "| 1 | leaky_relu(a=1, b=2) | =1+1\\|x | 90.60% | [90.00%, 95.00%] | 2 |",
  ]);
  const latex = rankingLatex(COMPARISON, TITLES).split("\n");
  equal(latex[0], "\\begin{tabular}{rllrrr}");
  equal(latex[4], "  1 & leaky\\_relu(a=1, b=2) & =1+1|x & 90.60\\% & [90.00\\%, 95.00\\%] & 2 \\\\");
  equal(latex[5], "  -- & tanh & b & 90.60\\% & -- & 2 \\\\");
});
