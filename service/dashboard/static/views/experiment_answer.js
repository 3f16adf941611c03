// The answer of an experiment, above everything else: what won and how sure, what failed and why, what to do next.

import { groupName, headlineSentences, listed, WORD } from "../lib/comparison.js";
import { failuresOf } from "../lib/failures.js";
import { experimentName, showValue, whole } from "../lib/format.js";
import { joinedInWords } from "../lib/label_words.js";
import { metricTitle } from "../lib/metrics.js";
import { nextSteps, preparedQuery, seedsOf, withMoreSeeds } from "../lib/next_steps.js";
import { bounded } from "../lib/scale.js";
import { joined, known, t } from "../lib/text.js";
import { h, show } from "../parts/dom.js";
import { strongestAxes } from "../parts/effects.js";
import { apiText } from "../parts/elements.js";
import { help } from "../parts/help.js";
import { missingKey } from "../parts/ranking.js";
import { outcomeCounts, outcomeName, verdictName } from "../parts/verdicts.js";

const FIRST_FAILURES = 2;
const MOST_STEPS = 2;
/** More configurations than this are counted. */
const MOST_NAMES = 2;

/** @param asked the `AskedComparison` of the view */
export function answerPanel(live, axes, asked) {
  const [won, failed, next] = [h("div"), h("div"), h("div")];
  const part = (id, title, body) => h("div", h("div.heading", h("h2", { id }, title), help(id, title)), body);
  const element = h(
    "section.card.answer",
    { "aria-label": t("answer.title") },
    part("answer-won", t("answer.won"), won),
    part("answer-failed", t("answer.failed"), failed),
    part("answer-next", t("answer.next"), next),
  );
  show(won, h("p.muted", t("answer.asking")));
  const update = () => {
    const runs = [...live.runs.values()];
    show(failed, failureList(failuresOf(runs, axes.varying), runs));
    const { comparison, problem } = asked;
    if (problem) show(won, h("p", problem));
    if (!comparison) return;
    show(won, winner(comparison));
    show(next, stepList(live.experiment, nextSteps(live.experiment, comparison, runs)));
  };
  return { element, update };
}

/** Return who won, with its value and interval, and which axis decided. */
function winner(comparison) {
  const leader = comparison.groups.find(({ word }) => word === WORD.LEADS);
  const isMissing = comparison.groups.some(({ missing }) => missing) && !comparison.groups.some(({ n }) => n);
  const [first, ...more] = isMissing ? [t(missingKey(comparison))] : headlineSentences(comparison);
  return [
    h("p.headline", first),
    more.length > 0 && h("p", joined(more)),
    leader && h("p", valueSentence(comparison, leader)),
    h("p.muted", strongestAxes(comparison)),
  ];
}

function valueSentence({ metric }, { mean, ci95, n }) {
  const values = { metric: metricTitle(metric), mean: showValue(metric, mean), n };
  if (!ci95) return t("answer.value", values);
  const [low, high] = ci95.map((end) => showValue(metric, bounded(metric, end)));
  return t("answer.interval", { ...values, low, high });
}

function failureList(failures, runs) {
  if (!failures.length) {
    const counts = outcomeCounts(runs);
    return [h("p", t(counts ? "answer.noFailure" : "answer.notYet")), h("p.muted", counts)];
  }
  const more = failures.slice(FIRST_FAILURES).reduce((sum, { runs: members }) => sum + members.length, 0);
  return h(
    "ul",
    failures.slice(0, FIRST_FAILURES).map(failureItem),
    more > 0 && h("li.muted", t("answer.moreFailures", { n: more, count: whole(more) })),
  );
}

function failureItem({ outcome, verdict, runs, labels, finding }) {
  const values = { n: runs.length, count: whole(runs.length), what: outcomeName(outcome) };
  const where = joinedInWords(labels);
  const why = verdict ? verdictName(verdict) : null;
  return h(
    "li",
    h("a", { href: `#/runs/${runs[0].id}`, title: t("answer.example") }, t("answer.failure", values)),
    where && h("span.muted", ` (${where})`),
    why && [t("answer.colon"), h("b", { title: known(`verdict.${verdict}.about`) }, why)],
    t("answer.stop"),
    finding?.advice ? apiText(finding.advice) : known(`verdict.${verdict}.about`),
  );
}

function stepList(experiment, steps) {
  return h(
    "ul",
    steps.slice(0, MOST_STEPS).map((step) => h("li", STEPS[step.kind](experiment, step))),
  );
}

/** What each kind of step says, and the button that prepares it. */
const STEPS = {
  wait: (_, { runs }) => t("next.wait", { n: runs, count: whole(runs) }),
  seeds: (experiment, { seeds, ...found }) => [
    h("p", seedsSentence(seeds, found)),
    prepared(experiment, { seeds: withMoreSeeds(seedsOf(experiment), seeds) }, t("next.addSeeds", { n: seeds })),
  ],
  epochs: (experiment, { runs, all, epochs }) => [
    h("p", t("next.learning", { n: runs, count: whole(runs), all: whole(all) })),
    prepared(experiment, { epochs }, t("next.moreEpochs", { n: epochs })),
  ],
  edge: (experiment, { groups }) => [
    h("p", t("next.edge", { names: listed(groups.map(groupName)) })),
    prepared(experiment, {}, t("experiment.again")),
  ],
  train: (experiment, { epochs }) => [
    h("p", t("next.initialized")),
    prepared(experiment, { epochs }, t("next.moreEpochs", { n: epochs })),
  ],
  alike: () => t("next.alike"),
  settled: () => t("next.settled"),
};

function seedsSentence(n, { groups, undecided }) {
  if (!groups.length) return t("next.oneSeed");
  if (groups.length > MOST_NAMES) return t("next.undecidedMany", { n, count: groups.length, all: undecided });
  return t("next.undecided", { n, names: listed(groups.map(groupName)) });
}

/** Return the button that opens the form with the experiment's spec and these changes. */
function prepared(experiment, changes, text) {
  const title = t("next.opens", { name: experimentName(experiment) });
  return h("a.button.small", { href: `#/new?${preparedQuery(experiment.id, changes)}`, title }, text);
}
