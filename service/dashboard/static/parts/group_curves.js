// What learning curves draw of groups of runs: the best of them, in their colours, with what to know of them.

import { whole } from "../lib/format.js";
import { bestGroups, completedLines, meanCurves } from "../lib/mean.js";
import { metricTitle } from "../lib/metrics.js";
import { joined, t } from "../lib/text.js";

/**
 * Return what `Curves` draw of groups.
 *
 * @param runs     the runs of all groups
 * @param asked    `{metric, bestBy, labelOf, colourOf}`: the metric, that by which the best are chosen where there are too many lines,
 *   and what returns a run's group and, where colours say more than the group, what its colour stands for
 * @param curves   the `Curves`
 */
export function groupCurves(runs, histories, { metric, bestBy, labelOf, colourOf }, curves) {
  const { epochs, groups } = meanCurves(runs, histories, metric, labelOf);
  const drawable = groups.filter((group) => group.mean.some((value) => value !== null));
  const most = curves.mostLines(metric);
  const best = bestGroups(drawable, histories, bestBy, most);
  const lines = completedLines(best, histories, epochs.length, curves.askedOf(metric));
  const left = drawable.length - lines.length;
  const hasBands = lines.some((line) => line.counts.some((count) => count > 1));
  const note = joined([
    left > 0 && t("curves.best", { n: left, most, count: whole(left), metric: metricTitle(bestBy) }),
    hasBands && t("curves.band"),
  ]);
  return { metric, epochs, lines: colourOf ? coloured(lines, colourOf) : lines, note };
}

/** Return lines with the colour of what their first run has in common; lines of one colour differ in their dashes. */
function coloured(lines, colourOf) {
  const lineCounts = new Map(); // by what colours stand for, in the order of the colours
  return lines.map((line) => {
    const label = colourOf(line.members[0]);
    const place = lineCounts.get(label) ?? 0;
    lineCounts.set(label, place + 1);
    return { ...line, colour: [...lineCounts.keys()].indexOf(label), place };
  });
}
