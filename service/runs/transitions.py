"""How a run's state may change: every guarded write that more than one use-case needs.

Nothing here opens a transaction; the use-cases in ``runs.claims``, ``runs.recording``,
``service.runs.endings`` and ``service.experiments.lifecycle`` do.
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import func, select, tuple_, update
from sqlalchemy.orm import Session

from service.database.tables import Attempt, Run
from service.events.event_types import EventType, NewEvent
from service.events.publishing import publish
from service.json_numbers import to_json
from service.settings import Settings
from service.statuses import AttemptOutcome, RunStatus


def close_attempts(
    session: Session, taken: Sequence[Run], outcome: AttemptOutcome, reason: str | None
) -> None:
    """Write down how the attempts of some runs ended, once."""
    tokens = [(each.id, each.attempt) for each in taken]
    session.execute(
        update(Attempt)
        .where(tuple_(Attempt.run_id, Attempt.attempt).in_(tokens), Attempt.outcome.is_(None))
        .values(outcome=outcome, reason=reason, ended_at=func.now())
        .execution_options(synchronize_session=False)
    )


def end_runs(session: Session, ids: Collection[uuid.UUID], status: RunStatus) -> list[Run]:
    """End running runs whose rows this transaction has locked, and their attempts."""
    ended = session.scalars(
        update(Run)
        .where(Run.id.in_(ids))
        .values(status=status, lease_expires_at=None, finished_at=func.now(), error=None)
        .returning(Run)
        .execution_options(populate_existing=True, synchronize_session=False)
    ).all()
    close_attempts(session, ended, AttemptOutcome(status), None)
    return sorted(ended, key=lambda run: run.id)


def finished_event(run: Run) -> NewEvent:
    """Tell that a run ended."""
    return NewEvent(
        EventType.RUN_FINISHED,
        run.experiment_id,
        run.id,
        {
            "status": run.status,
            "epoch": run.epoch,
            "epochs": run.epochs,
            "val_accuracy": to_json(run.val_accuracy),
            "val_loss": to_json(run.val_loss),
            "reused_from": str(run.reused_from) if run.reused_from else None,
            "error": run.error,
        },
    )


def take_back(
    session: Session, taken: Sequence[Run], outcome: AttemptOutcome, reason: str, settings: Settings
) -> None:
    """Take locked runs from their attempts: to the queue, or to the end where none may follow."""
    close_attempts(session, taken, outcome, reason)
    now = session.scalars(select(func.now())).one()
    for run in taken:
        run.lease_expires_at = None
        if outcome != AttemptOutcome.RELEASED:
            run.failures += 1
        if run.cancel_requested_at is not None:
            run.status, run.error, run.finished_at = RunStatus.CANCELLED, None, now
        elif run.failures >= run.max_attempts:
            run.status, run.error, run.finished_at = RunStatus.FAILED, reason, now
        else:
            run.status = RunStatus.QUEUED
            if outcome == AttemptOutcome.ERROR:
                pause = settings.retry_backoff_seconds * 2 ** (run.failures - 1)
                run.not_before = now + timedelta(seconds=pause)
    session.flush()
    publish(session, [_left_event(run, outcome, reason) for run in taken])


def _left_event(run: Run, outcome: AttemptOutcome, reason: str) -> NewEvent:
    if run.status != RunStatus.QUEUED:
        return finished_event(run)
    data = {"attempt": run.attempt, "outcome": outcome, "reason": reason}
    return NewEvent(EventType.RUN_REQUEUED, run.experiment_id, run.id, data)
