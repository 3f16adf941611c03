// Statuses, outcomes, and kinds of findings: the one place of the page that spells them.
// tests/service/dashboard holds them to service/statuses.py.

export const STATUS = Object.freeze({
  QUEUED: "queued",
  RUNNING: "running",
  COMPLETED: "completed",
  DIVERGED: "diverged",
  FAILED: "failed",
  CANCELLED: "cancelled",
});

export const RUN_STATUSES = Object.values(STATUS);

/** An experiment does not diverge; its runs do. */
export const EXPERIMENT_STATUSES = RUN_STATUSES.filter((status) => status !== STATUS.DIVERGED);

/** Statuses that are not final. */
export const ACTIVE = [STATUS.QUEUED, STATUS.RUNNING];

/** Final statuses of a run, those with a result first. */
export const ENDED = RUN_STATUSES.filter((status) => !ACTIVE.includes(status));

/** Final statuses that leave nothing to average. */
export const WITHOUT_RESULT = [STATUS.FAILED, STATUS.CANCELLED];

/** What a run's training can come to, from the worst to the best. */
export const OUTCOMES = ["diverged", "at_chance", "got_worse", "still_learning", "overfits", "learned"];

/** Outcomes that have a cause. */
export const FAILURES = ["diverged", "at_chance", "got_worse"];

/** Why a run has ended that its validation metric stopped before its last epoch. */
export const EARLY_STOPPING = "early_stopping";

/** The verdict on a run that nothing keeps from learning. */
export const HEALTHY = "healthy";

/** Kinds of findings that explain and do not condemn. */
export const REMARKS = ["diverged", "dying", "plateau", "clipping_active", "equal_units"];

/** Whether a run or an experiment may still change. */
export function isActive({ status }) {
  return ACTIVE.includes(status);
}

/** Whether a run has reached a final status. */
export function hasEnded({ status }) {
  return ENDED.includes(status);
}

/** Whether an experiment has ended, with runs that its leader is not worked out from yet. */
export function isResultPending({ runs, results_of: of }) {
  const ended = ENDED.reduce((sum, status) => sum + runs[status], 0);
  return of < ended && runs.queued + runs.running === 0;
}
