// The claims of an experiment: each sentence, published or its author's, and what these runs show.

import { significant } from "../lib/format.js";
import { t } from "../lib/text.js";
import { h } from "./dom.js";
import { apiText, scrollableTable } from "./elements.js";
import { verdictName } from "./verdicts.js";

const SIGNS = { reproduced: "✓", not_reproduced: "✕", supported: "✓", refuted: "✕", inconclusive: "?" };

/** Return the list of the API's claims, each with the numbers behind it. */
export function claimList({ size, claims }) {
  return h(
    "ul.claims",
    claims.map((claim) => claimItem(claim, size)),
  );
}

/** Return the list of a preset's claims, each with what its full size gave. */
export function presetClaimList(claims) {
  return h(
    "ul.claims",
    claims.map(({ sentence, status, full }) =>
      h(
        `li.claim.${status ?? "inconclusive"}`,
        status ? outcome(status) : h("span.outcome.muted", t("claims.notRun")),
        h("div", h("p", apiText(sentence)), full ? h("p.note", apiText(full.reason)) : null),
      ),
    ),
  );
}

function outcome(status) {
  return h("span.outcome", h("span", { "aria-hidden": "true" }, SIGNS[status]), " ", t(`claim.${status}`));
}

function claimItem(claim, size) {
  const { status, sentence, reason, groups, post_hoc: postHoc, registered, full_size: fullSize } = claim;
  return h(
    `li.claim.${status}`,
    outcome(status),
    h(
      "div",
      // An author's claim stays as it was written.
      h("div", h("p", registered === "published" ? apiText(sentence) : sentence), h("p.note", apiText(reason))),
      size === "small" && registered === "published" ? h("p.note", atFullSize(fullSize)) : null,
      postHoc ? h("p.note", t("claims.postHoc")) : null,
      groups.length ? numbersBehind(claim) : null,
    ),
  );
}

function atFullSize(status) {
  return status ? t("claims.fullSize", { status: t(`claim.${status}`) }) : t("claims.fullSizeNotRun");
}

function numbersBehind({ measure, groups, p_value: pValue }) {
  const title = t("claims.numbers");
  return h(
    "details",
    h("summary", measure ? measure.split("; ").map((part) => [h("span", apiText(part)), " "]) : title),
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
