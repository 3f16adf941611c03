"""Statuses of runs, experiments, attempts and deliveries; outcomes and verdicts of runs."""

from enum import StrEnum


class RunStatus(StrEnum):
    """Status of a run; the last four are final."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    DIVERGED = "diverged"
    FAILED = "failed"
    CANCELLED = "cancelled"


#: Not final yet.
ACTIVE = (RunStatus.QUEUED, RunStatus.RUNNING)

#: Final.
ENDED = (RunStatus.COMPLETED, RunStatus.DIVERGED, RunStatus.FAILED, RunStatus.CANCELLED)

#: Final with a result, which never changes again.
FINISHED = (RunStatus.COMPLETED, RunStatus.DIVERGED)


class ExperimentStatus(StrEnum):
    """Status of an experiment, derived from its runs."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


class AttemptOutcome(StrEnum):
    """How an attempt ended: as its run did, or without an end of the run.

    `lost`: its lease expired. `released`: a stopping worker gave the run back. `error`: the
    attempt failed, and the run may be tried again.
    """

    COMPLETED = "completed"
    DIVERGED = "diverged"
    FAILED = "failed"
    CANCELLED = "cancelled"
    LOST = "lost"
    RELEASED = "released"
    ERROR = "error"


class DeliveryStatus(StrEnum):
    """Status of a webhook's delivery; a failed one is not tried again."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"


class Outcome(StrEnum):
    """What a run's training came to, from the worst to the best; why is the verdict's matter."""

    DIVERGED = "diverged"
    AT_CHANCE = "at_chance"
    GOT_WORSE = "got_worse"
    STILL_LEARNING = "still_learning"
    OVERFITS = "overfits"
    LEARNED = "learned"


#: Outcomes of a run that has learned nothing: it does no better than guessing.
UNTRAINED = (Outcome.DIVERGED, Outcome.AT_CHANCE)


class Verdict(StrEnum):
    """Verdict of a run's diagnosis, from the least to the most severe."""

    HEALTHY = "healthy"
    VANISHING = "vanishing"
    EXPLODING = "exploding"
    SATURATED = "saturated"
    DEAD = "dead"
    SYMMETRIC = "symmetric"
    DIVERGED = "diverged"


class Remark(StrEnum):
    """A finding that explains and does not condemn: healthy runs have it too."""

    DYING = "dying"
    PLATEAU = "plateau"
    CLIPPING_ACTIVE = "clipping_active"


#: What a finding can be: a verdict other than healthy, or a remark.
FINDING_KINDS = (*(verdict for verdict in Verdict if verdict != Verdict.HEALTHY), *Remark)
