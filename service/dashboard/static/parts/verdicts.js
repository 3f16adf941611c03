// Outcomes of runs, verdicts on them, and the findings behind these.

import { FAILURES, HEALTHY } from "../lib/statuses.js";
import { known, translated } from "../lib/text.js";
import { h, show } from "./dom.js";

/** Return a run's verdict; null until a worker has judged it. */
export function verdictOf(run) {
  return run.diagnosis?.verdict ?? null;
}

/** Return what a run's training came to; null until it has ended. */
export function outcomeOf(run) {
  return run.diagnosis?.outcome ?? null;
}

export function outcomeName(outcome) {
  return known(`outcome.${outcome}`) ?? String(outcome).replaceAll("_", " ");
}

/** Return an outcome with its sign, and its meaning as a title. */
export function outcomeBadge(outcome) {
  if (!outcome) return h("span.muted", "–");
  return badge(!FAILURES.includes(outcome), outcomeName(outcome), known(`outcome.${outcome}.about`));
}

/** Show a run's outcome in an element, only where it changed. */
export function setOutcome(element, run) {
  const shown = String(outcomeOf(run));
  if (element.dataset.shown === shown) return;
  element.dataset.shown = shown;
  show(element, outcomeBadge(outcomeOf(run)));
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
  return badge(isHealthy(verdict), verdictName(verdict), known(`verdict.${verdict}.about`));
}

function badge(good, name, about) {
  const sign = h("span", { "aria-hidden": "true" }, good ? "✓" : "!");
  return h(`span.verdict.${good ? "good" : "bad"}`, { title: about }, sign, " ", name);
}

/** Show a run's verdict in an element, only where it changed; a failed run's error is there to be heard. */
export function setVerdict(element, run) {
  const shown = `${verdictOf(run)} ${run.error ?? ""}`;
  if (element.dataset.shown === shown) return;
  element.dataset.shown = shown;
  show(element, verdictBadge(verdictOf(run)), run.error ? h("span.unseen", translated(run.error) ?? run.error) : null);
}

/** Return how many runs have which outcome or, where none has one, which verdict, as text. */
export function outcomeCounts(runs) {
  if (!runs.some(outcomeOf)) return counts(runs, verdictOf, verdictName);
  return counts(runs, outcomeOf, outcomeName);
}

function counts(runs, of, name) {
  return [...Map.groupBy(runs.filter(of), of)]
    .sort(([, one], [, other]) => other.length - one.length)
    .map(([value, members]) => `${members.length} ${name(value)}`)
    .join(" · ");
}
