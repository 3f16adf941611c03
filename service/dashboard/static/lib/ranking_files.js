// A ranking as a file: CSV, Markdown, LaTeX. Values are those of the API, with all their digits in CSV.

import { asText } from "./axes.js";
import { showValue } from "./format.js";

/** What a spreadsheet would run as a formula when it stands first in a cell. */
const FORMULA = /^[=+\-@\t\r]/;
const MISSING = "";

/** Return the ranking as CSV: one line per group, numbers in the metric's units. */
export function rankingCsv({ metric, by, groups }) {
  const head = ["rank", ...by, "word", "n", "trained", `${metric}_mean`, "ci95_low", "ci95_high"];
  const tested = groups.find(({ test }) => test)?.test.metric;
  const more = ["difference", "difference_low", "difference_high", "p_value", "seeds"];
  const test = tested ? [`${tested}_mean`, "test_n"] : [];
  const lines = groups.map((group) => [
    group.rank ?? MISSING,
    ...by.map((axis) => harmless(asText(group.by[axis]))),
    group.word ?? MISSING,
    group.n,
    group.trained,
    group.mean ?? MISSING,
    ...(group.ci95 ?? [MISSING, MISSING]),
    group.difference?.mean ?? MISSING,
    ...(group.difference?.ci95 ?? [MISSING, MISSING]),
    group.p_value ?? MISSING,
    group.seeds.map(({ value }) => value).join(" "),
    ...(tested ? [group.test?.mean ?? MISSING, group.test?.n ?? 0] : []),
  ]);
  return `${[[...head, ...more, ...test], ...lines].map((line) => line.map(csvCell).join(",")).join("\r\n")}\r\n`;
}

/** Return a text that no spreadsheet takes for a formula. */
function harmless(text) {
  return FORMULA.test(text) ? `'${text}` : text;
}

function csvCell(value) {
  const text = String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Return the ranking as a table of Markdown, with these titles of its columns. */
export function rankingMarkdown(comparison, titles) {
  const row = (cells) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const rule = titles.map((_, index) => (index === 0 || index > comparison.by.length ? "---:" : "---"));
  return `${[row(titles), `|${rule.join("|")}|`, ...cellsOf(comparison).map(row)].join("\n")}\n`;
}

/** Return the ranking as a LaTeX `tabular` with the rules of booktabs. */
export function rankingLatex(comparison, titles) {
  const row = (cells) => `  ${cells.map(latexText).join(" & ")} \\\\`;
  const columns = `r${"l".repeat(comparison.by.length)}${"r".repeat(titles.length - comparison.by.length - 1)}`;
  return [
    `\\begin{tabular}{${columns}}`,
    "  \\toprule",
    row(titles),
    "  \\midrule",
    ...cellsOf(comparison).map(row),
    "  \\bottomrule",
    "\\end{tabular}",
    "",
  ].join("\n");
}

/** Return the cells of each group: rank, levels, mean, interval, mean on the test part, n. */
function cellsOf({ metric, by, groups }) {
  const hasTest = groups.some(({ test }) => test);
  return groups.map((group) => [
    String(group.rank ?? "–"),
    ...by.map((axis) => asText(group.by[axis])),
    showValue(metric, group.mean),
    group.ci95 ? `[${group.ci95.map((end) => showValue(metric, end)).join(", ")}]` : "–",
    ...(hasTest ? [group.test ? showValue(group.test.metric, group.test.mean) : "–"] : []),
    String(group.n),
  ]);
}

/** Characters that mean something to LaTeX, and how they are written there. */
const LATEX = {
  "\\": "\\textbackslash{}",
  "&": "\\&",
  "%": "\\%",
  $: "\\$",
  "#": "\\#",
  _: "\\_",
  "{": "\\{",
  "}": "\\}",
  "~": "\\textasciitilde{}",
  "^": "\\textasciicircum{}",
  "–": "--",
};

function latexText(text) {
  return text.replace(/[\\&%$#_{}~^–]/g, (character) => LATEX[character]);
}
