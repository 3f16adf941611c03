// Why a run learns or does not: the findings of its diagnosis, the cause first, then epoch by epoch.

import { epochName, significant } from "../lib/format.js";
import { FAILURES, hasEnded } from "../lib/statuses.js";
import { hasLimit, story } from "../lib/story.js";
import { known, t } from "../lib/text.js";
import { h, show } from "../parts/dom.js";
import { apiText, button, card, notice } from "../parts/elements.js";
import { isHealthy, outcomeBadge, verdictBadge, verdictName } from "../parts/verdicts.js";

const FIRST_STEPS = 6;

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
    const steps = story(findings, FAILURES.includes(outcome) ? verdict : null);
    const more = steps.slice(FIRST_STEPS);
    show(
      body,
      outcome && h("p.lead", outcomeBadge(outcome), " ", known(`outcome.${outcome}.about`)),
      verdict && h("p.lead", verdictBadge(verdict), " ", known(`verdict.${verdict}.about`)),
      outcome && isHealthy(verdict) && steps.some(({ isRemark }) => !isRemark)
        ? h("p.note", t("diagnosis.withdrawn"))
        : null,
      stepList(steps.slice(0, FIRST_STEPS), layers),
      more.length ? h("details", h("summary", t("diagnosis.more", { n: more.length })), stepList(more, layers)) : null,
    );
  };
  return { element: card("diagnosis-title", t("diagnosis.title"), body), update };
}

/** Return the steps of the story, each under the epoch at which it was seen. */
function stepList(steps, layers) {
  return h(
    "ol.findings",
    steps.map((step, index) => stepItem(step, index === 0 || steps[index - 1].epoch !== step.epoch, layers)),
  );
}

function stepItem({ kind, epoch, advice, isCause, isRemark, findings }, isNewEpoch, layers) {
  const [{ explanation }, ...others] = findings;
  const more = [...new Set(others.map((finding) => finding.explanation))].filter((text) => text !== explanation);
  const title = isCause ? t("diagnosis.cause", { name: verdictName(kind) }) : verdictName(kind);
  return h(
    isRemark ? "li.remark" : "li",
    isNewEpoch && h("h3", epochName(epoch)),
    h("p", h("b", title), " — ", apiText(explanation)),
    more.length > 0 &&
      h(
        "details",
        h("summary", t("diagnosis.alike", { n: more.length })),
        more.map((text) => h("p.muted", apiText(text))),
      ),
    advice && h("p", h("b", t("diagnosis.advice")), " ", apiText(advice)),
    h(
      "p.evidence",
      findings.map((finding) => evidence(finding, layers)),
    ),
  );
}

/** Return the layer of a finding, which opens it, with the value by which it was found. */
function evidence(finding, layers) {
  const { layer, value, threshold } = finding;
  const numbers = { value: significant(value), threshold: significant(threshold) };
  return [
    layer && button("button.tag", () => layers.open(finding), t("diagnosis.layer", { layer })),
    hasLimit(finding) && h("span.muted", t("diagnosis.value", numbers)),
  ];
}
