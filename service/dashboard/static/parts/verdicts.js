// Verdicts on runs, and the findings behind them.

import { HEALTHY } from "../lib/statuses.js";
import { known } from "../lib/text.js";
import { h, show } from "./dom.js";

/** Return a run's verdict; null until a worker has judged it. */
export function verdictOf(run) {
  return run.diagnosis?.verdict ?? null;
}

export function isHealthy(verdict) {
  return verdict === HEALTHY;
}

/** Return the name of a verdict, or of another kind of finding. */
export function verdictName(verdict) {
  return known(`verdict.${verdict}`) ?? String(verdict).replaceAll("_", " ");
}

/** Return a verdict with its sign, and its meaning as a title. */
export function verdictBadge(verdict) {
  if (!verdict) return h("span.muted", "–");
  const healthy = isHealthy(verdict);
  return h(
    `span.verdict.${healthy ? "good" : "bad"}`,
    { title: known(`verdict.${verdict}.about`) },
    h("span", { "aria-hidden": "true" }, healthy ? "✓" : "!"),
    " ",
    verdictName(verdict),
  );
}

/** Show a run's verdict in an element, only where it changed; a failed run's error is there to be heard. */
export function setVerdict(element, run) {
  const shown = `${verdictOf(run)} ${run.error ?? ""}`;
  if (element.dataset.shown === shown) return;
  element.dataset.shown = shown;
  show(element, verdictBadge(verdictOf(run)), run.error ? h("span.unseen", run.error) : null);
}

/** Return how many runs have which verdict, as text. */
export function verdictCounts(runs) {
  const judged = Map.groupBy(runs.filter(verdictOf), verdictOf);
  return [...judged]
    .sort(([, one], [, other]) => other.length - one.length)
    .map(([verdict, members]) => `${members.length} ${verdictName(verdict)}`)
    .join(" · ");
}
