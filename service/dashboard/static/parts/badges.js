// Small marks: states, verdicts, progress. Never by colour alone: each has a sign and a word.

import { h, setText } from "../lib/dom.js";
import { duration, whole } from "../lib/format.js";
import { known, t } from "../lib/text.js";

const SIGNS = {
  queued: "○",
  running: "◐",
  completed: "●",
  diverged: "▲",
  failed: "✕",
  cancelled: "⊘",
};

export function status(name) {
  return h(
    `span.badge.${name}`,
    {},
    h("span", { "aria-hidden": "true" }, SIGNS[name] ?? "·"),
    " ",
    t(`status.${name}`),
  );
}

/** Change a status badge in place. */
export function setStatus(holder, name) {
  if (holder.dataset.status === name) return;
  holder.dataset.status = name;
  holder.replaceChildren(status(name));
}

/** Say in a `span.live` how its view is connected: "live", "waiting" or "over". */
export function setLive(mark, connection) {
  mark.dataset.state = connection;
  setText(mark, t(`live.${connection}`));
}

/** A run's verdict; null until a worker has looked at it. */
export function verdictOf(run) {
  return run.diagnosis?.verdict ?? null;
}

export function verdictName(verdict) {
  return known(`verdict.${verdict}`) ?? String(verdict).replaceAll("_", " ");
}

export function verdict(name) {
  if (!name) return h("span.muted", {}, "–");
  const tone = name === "healthy" ? "good" : "bad";
  return h(
    `span.verdict.${tone}`,
    { title: known(`verdict.${name}.about`) },
    h("span", { "aria-hidden": "true" }, tone === "good" ? "✓" : "!"),
    " ",
    verdictName(name),
  );
}

/** A bar of an experiment's runs by state, with the share that is done. */
export function progress(experiment) {
  const { runs } = experiment;
  const share = Math.round(100 * experiment.progress);
  const parts = ["completed", "diverged", "failed", "cancelled", "running"].filter((name) => runs[name]);
  // The bar's length is the share of epochs; its colours, the states of what has ended.
  const ended = parts.filter((name) => name !== "running");
  const endedShare = ended.reduce((sum, name) => sum + runs[name], 0) / Math.max(1, runs.total);
  const widths = ended.map((name) => [name, (100 * runs[name]) / Math.max(1, runs.total)]);
  widths.push(["running", Math.max(0, 100 * (experiment.progress - endedShare))]);
  return h(
    "div.progress",
    {
      role: "progressbar",
      "aria-valuenow": String(share),
      "aria-valuemin": "0",
      "aria-valuemax": "100",
      "aria-label": t("progress.label", {
        share,
        done: whole(ended.reduce((sum, name) => sum + runs[name], 0)),
        total: whole(runs.total),
      }),
    },
    widths.map(([name, width]) => h(`i.${name}`, { style: { width: `${width}%` } })),
  );
}

/** "31 of 36 runs, 2 failed · about 40 s left" */
export function standing(experiment) {
  const { runs } = experiment;
  const done = runs.completed + runs.diverged + runs.failed + runs.cancelled;
  const words = [t("runs.done", { n: runs.total, done: whole(done), total: whole(runs.total) })];
  for (const name of ["running", "diverged", "failed", "cancelled"]) {
    if (runs[name]) words.push(t(`runs.${name}`, { n: whole(runs[name]) }));
  }
  if (experiment.eta_seconds !== null && ["queued", "running"].includes(experiment.status)) {
    words.push(
      experiment.eta_seconds < 1 ? t("runs.soon") : t("runs.left", { time: duration(experiment.eta_seconds) }),
    );
  }
  return words.join(" · ");
}

/** A user's tags. */
export function tags(given) {
  return Object.entries(given ?? {}).map(([key, value]) => h("span.tag", {}, value ? `${key}: ${value}` : key));
}

/** A box that says why something is not here. */
export function notice(text, ...more) {
  return h("p.notice", {}, text, ...more);
}
