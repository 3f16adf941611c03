// The head of a run's view: its name, status, progress, results and actions.

import { post } from "../lib/api.js";
import { chooseRun, isChosen } from "../lib/chosen_runs.js";
import { duration, epochName, experimentName, finite, runName, shortId, showValue } from "../lib/format.js";
import { MAIN_METRIC, metricNames, metricTitle } from "../lib/metrics.js";
import { shareDone } from "../lib/run_events.js";
import { hasEnded } from "../lib/statuses.js";
import { t, translated } from "../lib/text.js";
import { setConnection, setStatus } from "../parts/badges.js";
import { h, setText, show } from "../parts/dom.js";
import { button, termList } from "../parts/elements.js";
import { help } from "../parts/help.js";
import { outcomeBadge, outcomeOf, verdictBadge, verdictOf } from "../parts/verdicts.js";

/** The form of the engine of runs that are trained together (service/specs/packing.py). */
const PACKED = "batched";

/** @param experiment of the run, or null where it was deleted */
export function headerPanel(live, experiment, signal) {
  const { id, experiment_id: experimentId } = live.run;
  const status = h("span");
  const connection = h("span.live");
  const outcome = h("span");
  const verdict = h("span");
  const facts = h("div");
  const bar = h("i");
  const problem = h("p.problem", { role: "alert", hidden: true });
  const showProblem = (sentence) => {
    problem.hidden = !sentence;
    setText(problem, sentence);
  };
  const cancel = button("button", () => cancelRun(), t("run.cancel"));
  const cancelRun = async () => {
    try {
      live.run = await post(`/v1/runs/${id}/cancel`, undefined, {}, signal);
      update();
    } catch (error) {
      if (!signal.aborted) showProblem(error.message);
    }
  };
  const update = () => {
    const { run } = live;
    setStatus(status, run.status);
    setConnection(connection, hasEnded(run) ? "over" : live.connection);
    show(outcome, outcomeOf(run) ? outcomeBadge(outcomeOf(run)) : null);
    show(verdict, verdictOf(run) ? verdictBadge(verdictOf(run)) : null);
    bar.className = run.status;
    bar.style.width = `${100 * shareDone(run)}%`;
    cancel.hidden = hasEnded(run);
    showProblem(translated(run.error) ?? run.error);
    show(facts, termList("dl.facts", factsOf(run, trainedSeconds(live.history))));
  };
  const element = h(
    "header.top",
    h(
      "p.crumbs",
      h("a", { href: "#/" }, t("nav.experiments")),
      " / ",
      h("a", { href: `#/experiments/${experimentId}` }, experiment ? experimentName(experiment) : t("run.experiment")),
    ),
    h("div.heading", h("h1", runName(live.run)), help("runs", runName(live.run)), status, outcome, verdict, connection),
    h("div.bar", h("div.progress", { "aria-hidden": "true" }, bar)),
    problem,
    facts,
    h("div.actions", cancel, comparisonButton(id)),
  );
  return { element, update };
}

/** Return the button that adds the run to the comparison, or removes it. */
function comparisonButton(id) {
  const label = () => t(isChosen(id) ? "run.uncompare" : "run.compare");
  const element = button(
    "button",
    () => {
      chooseRun(id, !isChosen(id));
      setText(element, label());
    },
    label(),
  );
  return element;
}

/** Return in words on which samples a run is validated. */
function validationPart({ validation_split: share, folds, fold }) {
  if (folds) return t("run.validated.fold", { fold, folds });
  return share ? t("run.validated.share", { percent: Math.round(100 * share) }) : t("run.validated.test");
}

/** Return how long a run took; of a member of a pack, which began and ended with the others, its share of it. */
function tookText({ engine }, seconds, trained) {
  if (engine?.form !== PACKED || trained === null) return duration(seconds);
  return t("run.tookInPack", { all: duration(seconds), share: duration(trained) });
}

/** Return the seconds of all epochs; null where none is recorded. */
function trainedSeconds({ metrics }) {
  const seconds = (metrics.epoch_seconds ?? []).map(finite).filter((value) => value !== null);
  return seconds.length ? seconds.reduce((sum, value) => sum + value, 0) : null;
}

/** Return what is known of a run as `[term, value]` pairs. */
function factsOf(run, trained) {
  const { final, best, worker, device, started_at: start, finished_at: end, reused_from: twin } = run;
  const results = metricNames((metric) => metric.in_final && metric.part !== "training");
  const bestValue = best && `${showValue(MAIN_METRIC, best[MAIN_METRIC])} (${epochName(best.epoch)})`;
  return [
    [t("runs.epoch"), run.epochs === 0 ? t("run.initializedOnly") : `${run.epoch} / ${run.epochs}`],
    [t("run.ended"), run.ended_by && t(`run.ended.${run.ended_by}`)],
    ...results.map((metric) => [
      metricTitle(metric),
      (final?.[metric] ?? null) !== null && showValue(metric, final[metric]),
    ]),
    [t("run.best"), bestValue],
    [t("run.validated"), validationPart(run.config.dataset)],
    [t("run.worker"), worker && (device ? `${worker} (${device})` : worker)],
    [t("run.took"), start && end && tookText(run, (Date.parse(end) - Date.parse(start)) / 1000, trained)],
    [t("run.reused"), twin && h("a", { href: `#/runs/${twin}` }, `…${shortId(twin)}`)],
    ["id", h("code", run.id)],
  ].filter(([, value]) => value);
}
