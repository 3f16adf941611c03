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


class EndedBy(StrEnum):
    """Why a run has ended.

    `all_epochs`: it trained all it was to train. `early_stopping`: its validation metric had not
    improved for the epochs of its patience.
    """

    ALL_EPOCHS = "all_epochs"
    EARLY_STOPPING = "early_stopping"
    DIVERGENCE = "divergence"
    FAILURE = "failure"
    CANCELLATION = "cancellation"


def ended_by(status: str, epoch: int, epochs: int) -> EndedBy | None:
    """Return why a run has ended; None where it has not.

    ``service.api.schemas.run_bodies`` says the same in SQL.

    Args:
        status: of the run.
        epoch: its last recorded epoch.
        epochs: how many it was to train.
    """
    if status == RunStatus.COMPLETED:
        return EndedBy.ALL_EPOCHS if epoch == epochs else EndedBy.EARLY_STOPPING
    return {
        RunStatus.DIVERGED.value: EndedBy.DIVERGENCE,
        RunStatus.FAILED.value: EndedBy.FAILURE,
        RunStatus.CANCELLED.value: EndedBy.CANCELLATION,
    }.get(status)


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

    `lost`: its lease expired or its process died. `released`: a stopping worker gave the run
    back. `error`: the attempt failed, and the run may be tried again.
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

#: Outcomes that have a cause.
FAILURES = (*UNTRAINED, Outcome.GOT_WORSE)


class Verdict(StrEnum):
    """Verdict of a run's diagnosis: healthy, or what keeps it from learning.

    A risk while the run trains; the cause once its training has failed.
    """

    HEALTHY = "healthy"
    NO_CAUSE_FOUND = "no_cause_found"
    STEP_SIZE = "step_size"
    VANISHING = "vanishing"
    LENGTH = "length"
    EXPLODING = "exploding"
    SATURATED = "saturated"
    DEAD = "dead"
    SYMMETRIC = "symmetric"


class OlderVerdict(StrEnum):
    """A verdict of older versions, whose workers may still write it while they are replaced.

    ``service.histories.older_outcomes`` puts another in its place.
    """

    DIVERGED = "diverged"


class Remark(StrEnum):
    """A finding that explains and does not condemn: healthy runs have it too."""

    DIVERGED = "diverged"
    DYING = "dying"
    PLATEAU = "plateau"
    CLIPPING_ACTIVE = "clipping_active"
    EQUAL_UNITS = "equal_units"


#: Verdicts that name what keeps a run from learning.
CAUSES = tuple(
    verdict for verdict in Verdict if verdict not in (Verdict.HEALTHY, Verdict.NO_CAUSE_FOUND)
)

#: What a finding can be: a cause or a remark.
FINDING_KINDS = (*CAUSES, *Remark)


class NetworkTaskKind(StrEnum):
    """What workers make of a trained network."""

    PREDICTIONS = "predictions"
    ONNX = "onnx"


class NetworkTaskStatus(StrEnum):
    """How far such a task is; a failed one is answered as a problem."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETED = "completed"
