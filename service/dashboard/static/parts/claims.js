// The claims of a preset's experiment: what was published, and what these runs say.

import { h, reachable } from "../lib/dom.js";
import { significant } from "../lib/format.js";
import { t } from "../lib/text.js";
import { verdictName } from "./badges.js";

const SIGNS = { reproduced: "✓", not_reproduced: "✕", inconclusive: "?" };

/** Draw the API's claims, each with the figures behind it. */
export function claims(answer) {
  return h(
    "ul.claims",
    {},
    answer.claims.map((claim) =>
      h(
        `li.claim.${claim.status}`,
        {},
        h(
          "span.outcome",
          {},
          h("span", { "aria-hidden": "true" }, SIGNS[claim.status]),
          " ",
          t(`claim.${claim.status}`),
        ),
        h(
          "div",
          {},
          h("div", { lang: "en" }, h("p", {}, claim.sentence), h("p.note", {}, claim.reason)),
          claim.groups.length ? figures(claim) : null,
        ),
      ),
    ),
  );
}

function figures(claim) {
  return h(
    "details",
    {},
    h("summary", {}, claim.measure ?? t("claims.figures")),
    reachable(
      t("claims.figures"),
      h(
        "div.scroll",
        {},
        h(
          "table",
          {},
          h(
            "tbody",
            {},
            claim.groups.map((group) =>
              h(
                "tr",
                {},
                h("th", { scope: "row" }, group.group),
                h("td.number", {}, group.mean === null ? "–" : significant(group.mean)),
                h("td.number", {}, group.ci95 ? `[${group.ci95.map(significant).join(", ")}]` : "–"),
                h("td.number", {}, `n=${group.n}`),
                h(
                  "td",
                  {},
                  Object.entries(group.verdicts)
                    .map(([name, n]) => `${n} ${verdictName(name)}`)
                    .join(", "),
                  group.diverged ? ` ${t("ranking.diverged", { n: group.diverged })}` : "",
                ),
              ),
            ),
          ),
        ),
      ),
    ),
  );
}
