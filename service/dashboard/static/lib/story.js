// The findings of a run as a story: the cause first, then epoch by epoch; what is equal is told once.

import { REMARKS } from "./statuses.js";

/**
 * Return the steps of the story.
 *
 * @param findings of the API's diagnosis
 * @param verdict  the cause of a failure, or null where there is none to tell
 * @returns `[{kind, epoch, advice, isCause, isRemark, findings}]`: findings of one kind, epoch and advice, those of the
 *   cause first, then by epoch; within an epoch what may be a cause before remarks
 */
export function story(findings, verdict) {
  const equal = Map.groupBy(findings, ({ kind, epoch, advice }) => JSON.stringify([kind, epoch, advice ?? null]));
  const steps = [...equal.values()].map((members) => {
    const { kind, epoch, advice = null } = members[0];
    return { kind, epoch, advice, isCause: kind === verdict, isRemark: REMARKS.includes(kind), findings: members };
  });
  return steps.sort(
    (one, other) => other.isCause - one.isCause || one.epoch - other.epoch || one.isRemark - other.isRemark,
  );
}

/** Kinds whose figures say nothing beside their sentence: all units, infinity, the share before the first step. */
const WITHOUT_LIMIT = ["symmetric", "equal_units", "diverged", "dying"];

/** Whether a finding's value and the limit it was judged by are worth telling. */
export function hasLimit({ kind, value, threshold }) {
  const isNumber = (found) => Number.isFinite(Number(found ?? NaN));
  return !WITHOUT_LIMIT.includes(kind) && isNumber(value) && isNumber(threshold) && Number(threshold) !== 0;
}
