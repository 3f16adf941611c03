// The claims of an experiment: each sentence, published or its author's, and what these runs show.

import { significant } from "../lib/format.js";
import { t } from "../lib/text.js";
import { h } from "./dom.js";
import { scrollableTable } from "./elements.js";
import { verdictName } from "./verdicts.js";

const SIGNS = { reproduced: "✓", not_reproduced: "✕", supported: "✓", refuted: "✕", inconclusive: "?" };

/** Return the list of the API's claims, each with the numbers behind it. */
export function claimList({ claims }) {
  return h("ul.claims", claims.map(claimItem));
}

function claimItem(claim) {
  const { status, sentence, reason, groups, post_hoc: postHoc } = claim;
  return h(
    `li.claim.${status}`,
    h("span.outcome", h("span", { "aria-hidden": "true" }, SIGNS[status]), " ", t(`claim.${status}`)),
    h(
      "div",
      h("div", { lang: "en" }, h("p", sentence), h("p.note", reason)),
      postHoc ? h("p.note", t("claims.postHoc")) : null,
      groups.length ? numbersBehind(claim) : null,
    ),
  );
}

function numbersBehind({ measure, groups, p_value: pValue }) {
  const title = t("claims.numbers");
  return h(
    "details",
    h("summary", measure ?? title),
    scrollableTable(title, "table", h("tbody", groups.map(groupRow))),
    pValue === null ? null : h("p.note", t("claims.pValue", { p: significant(pValue) })),
  );
}

function groupRow({ group, mean, ci95, n, verdicts, diverged }) {
  const counts = Object.entries(verdicts).map(([verdict, times]) => `${times} ${verdictName(verdict)}`);
  return h(
    "tr",
    h("th", { scope: "row" }, group),
    h("td.number", mean === null ? "–" : significant(mean)),
    h("td.number", ci95 ? `[${ci95.map(significant).join(", ")}]` : "–"),
    h("td.number", `n=${n}`),
    h("td", counts.join(", "), diverged ? ` ${t("ranking.diverged", { n: diverged })}` : ""),
  );
}
