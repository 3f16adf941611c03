// What a comparison says, in the reader's language: the headline, the words, the notes.
// The rules are the API's (`word`, `seeds_needed`, ...); docs/comparisons.md explains them.

import { asText } from "./axes.js";
import { showValue, significant, whole } from "./format.js";
import { inSentence, joinedInWords } from "./label_words.js";
import { isShare, metricTitle } from "./metrics.js";
import { joined, t } from "./text.js";

export const WORD = Object.freeze({
  LEADS: "leads",
  REFERENCE: "reference",
  BETTER: "better",
  EQUIVALENT: "equivalent",
  UNDECIDED: "undecided",
  WORSE: "worse",
  DID_NOT_TRAIN: "did_not_train",
  NOT_REACHED: "not_reached",
});

/** More names than this are counted. */
const MOST_NAMES = 5;
/** With so many seeds a failure on a quarter of them would have been seen. */
const FEW_SEEDS = 10;
/** Below this the choices of single seeds overlap too much for the test to be exact. */
const FEW_CHOICES = 5;
/** Chance of an error that the tests allow. */
const ALPHA = 0.05;

/** Return a group's labels: "relu · no dropout". */
export function groupName({ by }) {
  return joinedInWords(by) || t("ranking.all");
}

/** Return the levels of what is tuned: "learning rate 0.1". */
export function chosenLevels({ chosen }) {
  return Object.entries(chosen).map(([name, level]) => `${inSentence(name)} ${asText(level)}`);
}

/** Return the answer in a sentence or some: who leads, who is as good, who is undecided, how many are not. */
export function headline(comparison) {
  return joined(headlineSentences(comparison));
}

/** Return the sentences of the headline, the answer first. */
export function headlineSentences(comparison) {
  const { groups } = comparison;
  const waits = groups.some((group) => group.unfinished);
  if (!groups.some((group) => group.n)) return [t(waits ? "headline.none" : "headline.noneEver")];
  if (!groups.some((group) => group.rank)) return [noneEntered(comparison)];
  if (groups.length === 1) return [t("headline.one")];
  const of = (word) => groups.filter((group) => group.word === word);
  const count = (key, found) =>
    found.length > 0 && t(`headline.${key}`, { n: found.length, count: whole(found.length) });
  const [reference] = of(WORD.REFERENCE);
  return [
    ...(reference ? [t("headline.against", { name: groupName(reference) })] : leaderSentences(comparison)),
    namesSentence("better", of(WORD.BETTER), groupName),
    namesSentence("equivalent", of(WORD.EQUIVALENT), groupName),
    namesSentence("undecided", of(WORD.UNDECIDED), nameWithSeeds),
    count("worse", of(WORD.WORSE)),
    count("short", of(WORD.NOT_REACHED)),
    count("untrained", of(WORD.DID_NOT_TRAIN)),
    count("waiting", of(null).filter(isWaiting)),
    count(
      "valueless",
      of(null).filter((group) => !isWaiting(group)),
    ),
  ].filter(Boolean);
}

/** Whether runs of a group have no result yet; else none comes. */
function isWaiting({ unfinished }) {
  return unfinished > 0;
}

function noneEntered({ groups, target, tune }) {
  const chosen = groups.some(isLucky) ? "Chosen" : "";
  const isShort = groups.some((group) => group.word === WORD.NOT_REACHED);
  const said = { what: namesOf(tune), target: isShort ? targetText(target) : null };
  return t(`headline.${isShort ? "noneReached" : "noneTrained"}${chosen}`, said);
}

/** Whether some run of a group trained, though none at a level that the other seeds chose. */
function isLucky({ rank, curve }) {
  return !rank && Boolean(curve?.points.some(({ trained }) => trained));
}

/** Return a target: "Validation accuracy 97.00%". */
function targetText({ metric, value }) {
  return `${metricTitle(metric)} ${showValue(metric, value)}`;
}

/** Return who leads, and what keeps that from being a good result. */
function leaderSentences(comparison) {
  const { groups, guess, metric } = comparison;
  const leader = groups.find((group) => group.word === WORD.LEADS);
  const { n, runs, runs_trained: trained, runs_reached: reached } = leader;
  const of = runs > n ? "Runs" : "";
  const doubts = [
    trained < runs && t(`headline.leaderTrained${of}`, { trained, n: runs }),
    reached < runs && t(`headline.leaderReached${of}`, { reached, n: runs }),
    !beatsGuess(leader, comparison) && t("headline.leaderGuesses", { guess: showValue(metric, guess) }),
  ].filter(Boolean);
  const beaten = [WORD.LEADS, WORD.WORSE, WORD.NOT_REACHED, WORD.DID_NOT_TRAIN];
  const isBest = doubts.length === 0 && groups.every((group) => beaten.includes(group.word));
  return [t(isBest ? "headline.best" : "headline.leads", { name: groupName(leader) }), ...doubts];
}

/** Return whether the whole interval of a mean, or without one the mean, is better than guessing. */
function beatsGuess({ mean, ci95 }, { guess, higher_is_better: higher }) {
  if (guess === null) return true;
  return (ci95 ?? [mean]).every((end) => (higher ? end > guess : end < guess));
}

function namesSentence(key, groups, tell) {
  return groups.length > 0 && t(`headline.${key}`, { names: listed(groups.map(tell)) });
}

function nameWithSeeds(group) {
  const name = groupName(group);
  return group.seeds_needed === null ? name : t("headline.withSeeds", { name, n: group.seeds_needed });
}

/** Return the first names, and how many more there are. */
export function listed(names) {
  const more = names.length - MOST_NAMES;
  const shown = names.slice(0, MOST_NAMES).join(t("list.separator"));
  return more > 0 ? `${shown} ${t("list.more", { n: whole(more) })}` : shown;
}

/** Return the word on a group. */
export function wordName({ word, unfinished }) {
  return t(`word.${word ?? (unfinished ? "none" : "valueless")}`);
}

/** Return what follows from the word on a group and is in no other column; null where nothing does. */
export function detail(group, { metric, margin }) {
  if (group.word === WORD.EQUIVALENT) return t("detail.equivalent", { margin: amount(metric, margin) });
  if (group.word !== WORD.UNDECIDED) return null;
  if (group.difference === null) return t(group.n === 1 ? "detail.oneSeed" : "detail.noSpread");
  return group.seeds_needed === null ? t("detail.never") : t("detail.seeds", { n: group.seeds_needed });
}

/** Return how many runs trained, where not all did: one of each seed, unless runs are averaged over. */
export function trainedShare({ n, runs, runs_trained: trained }) {
  return trained < runs ? t(runs > n ? "ranking.trainedRuns" : "ranking.trained", { trained, n: runs }) : null;
}

/** Return how many runs reached the target, where not all did. */
export function reachedShare({ n, runs, runs_reached: reached }) {
  return reached < runs ? t(runs > n ? "ranking.reachedRuns" : "ranking.reached", { reached, n: runs }) : null;
}

/** Return a difference with its sign and two digits that count; of shares in points: −3.4. */
export function difference(metric, value) {
  const scaled = isShare(metric) ? 100 * value : value;
  const text = significant(Number(Math.abs(scaled).toPrecision(2)));
  if (Number(text) === 0) return "0";
  return `${scaled < 0 ? "−" : "+"}${text}`;
}

/** Return the size of a difference with its unit: 1 point. */
function amount(metric, value) {
  const text = difference(metric, Math.abs(value)).replace("+", "");
  return isShare(metric) ? t("detail.points", { n: Number(text), amount: text }) : text;
}

/** Return what a reader has to know beside the ranking, a sentence each. */
export function notes(comparison) {
  const { groups, at, unfinished } = comparison;
  const seeds = Math.max(0, ...groups.map((group) => group.n));
  const isTested = groups.some((group) => group.p_value !== null);
  const rare = { n: seeds, share: Math.round(100 * (1 - ALPHA ** (1 / seeds))) };
  return [
    seeds === 1 && t("note.oneSeed"),
    isTested && seeds < FEW_SEEDS && t("note.rareFailures", rare),
    ...designNotes(comparison),
    edgeNote(comparison),
    luckNote(comparison),
    censoredNote(comparison),
    spreadNote(comparison),
    unfinished > 0 && t("note.looks", { n: unfinished, count: whole(unfinished) }),
    at === "best" && t("note.best"),
  ].filter(Boolean);
}

/** Return what is tuned and what is averaged over, a sentence each. */
export function designNotes({ groups, tune, average }) {
  const seeds = Math.max(0, ...groups.map((group) => group.n));
  const tuned = { what: namesOf(tune) };
  return [
    tune.length > 0 && t(seeds === 1 ? "note.tunedByOne" : "note.tuned", tuned),
    tune.length > 0 && seeds > 1 && seeds < FEW_CHOICES && t("note.fewChoices"),
    average.length > 0 && t("note.averaged", { what: namesOf(average) }),
  ].filter(Boolean);
}

function edgeNote({ groups, tune }) {
  const atEdge = groups.filter((group) => group.rank && group.curve?.good_range?.at_edge);
  return atEdge.length > 0 && t("note.edge", { what: namesOf(tune), names: listed(atEdge.map(groupName)) });
}

/** Return who trained with some seed where the other seeds chose another level. */
function luckNote({ groups, tune, target }) {
  const lucky = groups.filter(isLucky);
  const did = target ? "note.luckyReached" : "note.luckyTrained";
  return lucky.length > 0 && t(did, { what: namesOf(tune), names: listed(lucky.map(groupName)) });
}

/** Return what runs count as that never reached the target, where there are any. */
function censoredNote({ groups, metric, target, censored }) {
  const short = groups.reduce((sum, group) => sum + group.runs - group.runs_reached, 0);
  if (!target || censored === null || !short) return null;
  const longest = showValue(metric, censored);
  return t("note.censored", { n: short, count: whole(short), target: targetText(target), longest });
}

/** Return where the spread within configurations comes from, where the data were drawn anew. */
function spreadNote({ components, metric }) {
  if (!components) return null;
  const amounts = Object.entries(components).map(([name, value]) => [name, amount(metric, value)]);
  return t("note.spread", Object.fromEntries(amounts));
}

function namesOf(dimensions) {
  return dimensions.map(inSentence).join(t("list.separator"));
}
