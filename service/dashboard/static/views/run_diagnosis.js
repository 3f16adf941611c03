// Why a run learns or does not: the findings of its diagnosis.

import { epochName, significant } from "../lib/format.js";
import { hasEnded, REMARKS } from "../lib/statuses.js";
import { known, t } from "../lib/text.js";
import { h, show } from "../parts/dom.js";
import { apiText, button, card, notice } from "../parts/elements.js";
import { isHealthy, outcomeBadge, verdictBadge, verdictName } from "../parts/verdicts.js";

const FIRST_FINDINGS = 8;

/**
 * Return the panel.
 *
 * @param live   the run
 * @param layers the panel of layers, where findings are marked and opened
 */
export function diagnosisPanel(live, layers) {
  const body = h("div");
  let drawn = null;
  const update = () => {
    const { run } = live;
    const shown = `${run.status} ${JSON.stringify(run.diagnosis)}`;
    if (shown === drawn) return;
    drawn = shown;
    const { outcome = null, verdict = null, findings = [] } = run.diagnosis ?? {};
    if (!outcome && !verdict && !findings.length) {
      show(body, notice(hasEnded(run) ? t("diagnosis.none") : t("diagnosis.waiting")));
      return;
    }
    layers.mark(findings);
    const more = findings.slice(FIRST_FINDINGS);
    show(
      body,
      outcome && h("p.lead", outcomeBadge(outcome), " ", known(`outcome.${outcome}.about`)),
      verdict && h("p.lead", verdictBadge(verdict), " ", known(`verdict.${verdict}.about`)),
      outcome && isHealthy(verdict) && findings.some(isCause) ? h("p.note", t("diagnosis.withdrawn")) : null,
      findingList(findings.slice(0, FIRST_FINDINGS), layers),
      more.length
        ? h("details", h("summary", t("diagnosis.more", { n: more.length })), findingList(more, layers))
        : null,
    );
  };
  return { element: card("diagnosis-title", t("diagnosis.title"), body), update };
}

function isCause({ kind }) {
  return !REMARKS.includes(kind);
}

function findingList(findings, layers) {
  return h(
    "ul.findings",
    findings.map((finding) => findingItem(finding, layers)),
  );
}

function findingItem(finding, layers) {
  const { kind, explanation, advice, layer, epoch, value, threshold } = finding;
  const numbers = { value: significant(value), threshold: significant(threshold) };
  return h(
    isCause(finding) ? "li" : "li.remark",
    h("p", h("b", verdictName(kind)), " — ", apiText(explanation)),
    advice && h("p", h("b", t("diagnosis.advice")), " ", apiText(advice)),
    h(
      "p.evidence",
      layer && button("button.tag", () => layers.open(finding), t("diagnosis.layer", { layer })),
      h("span.tag", epochName(epoch)),
      h("span.muted", t("diagnosis.value", numbers)),
    ),
  );
}
