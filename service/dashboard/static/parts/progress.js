// How far an experiment has got: a bar, and the same in words.

import { duration, durationRange, whole } from "../lib/format.js";
import { ENDED, isActive, STATUS } from "../lib/statuses.js";
import { t } from "../lib/text.js";
import { blockedSentence } from "./blocked.js";
import { h } from "./dom.js";

const COUNTED_IN_WORDS = [STATUS.RUNNING, STATUS.DIVERGED, STATUS.FAILED, STATUS.CANCELLED];

/** Return a bar as long as the share of epochs that are done, in the colours of the runs that ended. */
export function progressBar({ runs, progress }) {
  const share = String(Math.round(100 * progress));
  const total = Math.max(1, runs.total);
  const parts = ENDED.filter((status) => runs[status]).map((status) => [status, runs[status] / total]);
  parts.push([STATUS.RUNNING, Math.max(0, progress - countEnded(runs) / total)]);
  return h(
    "div.progress",
    {
      role: "progressbar",
      "aria-valuenow": share,
      "aria-valuemin": "0",
      "aria-valuemax": "100",
      "aria-label": t("progress.label", { share, done: whole(countEnded(runs)), total: whole(runs.total) }),
    },
    parts.map(([status, width]) => h(`i.${status}`, { style: { width: `${100 * width}%` } })),
  );
}

/** Return the same as text: "31 of 36 runs · 2 failed · about 40 s left". */
export function progressText(experiment) {
  const { runs } = experiment;
  const words = [t("runs.done", { n: runs.total, done: whole(countEnded(runs)), total: whole(runs.total) })];
  for (const status of COUNTED_IN_WORDS) {
    if (runs[status]) words.push(t(`runs.${status}`, { n: whole(runs[status]) }));
  }
  if (isActive(experiment)) words.push(...timeLeft(experiment));
  const { started_at: start, finished_at: end } = experiment;
  if (start && end) words.push(t("runs.took", { time: duration((Date.parse(end) - Date.parse(start)) / 1000) }));
  return words.join(" · ");
}

/** Return when an experiment ends, as a guess where it is one, or why it cannot. */
function timeLeft({ eta_seconds: secondsLeft, eta_range: range, waits }) {
  if (waits) return [blockedSentence(waits)];
  if (secondsLeft === null) return [];
  if (range) return [t("runs.leftBetween", { time: durationRange(range) })];
  return [secondsLeft < 1 ? t("runs.soon") : t("runs.left", { time: duration(secondsLeft) })];
}

function countEnded(runs) {
  return ENDED.reduce((sum, status) => sum + runs[status], 0);
}
