"""Changes of a run's status that several use-cases make.

Nothing here opens a transaction; the use-cases in ``claims``, ``recording`` and ``endings`` of this
room and in ``service.experiments.lifecycle`` do.
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func, select, tuple_, update
from sqlalchemy.orm import Session

from service.catalog.metrics import MAIN_METRICS
from service.database.tables import Attempt, Run
from service.events.event_types import EventType, NewEvent
from service.events.publishing import publish
from service.json_numbers import to_json
from service.runs.leases import NO_LEASE, end_lease
from service.settings import Settings
from service.statuses import AttemptOutcome, RunStatus, ended_by


def end_runs(session: Session, run_ids: Collection[uuid.UUID], status: RunStatus) -> list[Run]:
    """End running runs that this transaction has locked, and their attempts; return the runs."""
    ended = session.scalars(
        update(Run)
        .where(Run.id.in_(run_ids))
        .values(status=status, finished_at=func.now(), error=None, **NO_LEASE)
        .returning(Run)
        .execution_options(populate_existing=True, synchronize_session=False)
    ).all()
    _close_attempts(session, ended, AttemptOutcome(status), None)
    return sorted(ended, key=lambda run: run.id)


#: What ``finished_event`` reads of a run.
FINISHED_EVENT_COLUMNS = (
    *("id", "experiment_id", "status", "epoch", "epochs"),
    *("task", *MAIN_METRICS.values(), "val_loss", "reused_from", "error"),
)


def finished_event(run: Run | Row[Any]) -> NewEvent:
    """Return the event of a run's end, with the metric that runs of its task are compared by."""
    return NewEvent(
        EventType.RUN_FINISHED,
        run.experiment_id,
        run.id,
        {
            "status": run.status,
            "epoch": run.epoch,
            "epochs": run.epochs,
            "ended_by": ended_by(run.status, run.epoch, run.epochs),
            MAIN_METRICS[run.task]: to_json(getattr(run, MAIN_METRICS[run.task])),
            "val_loss": to_json(run.val_loss),
            "reused_from": str(run.reused_from) if run.reused_from else None,
            "error": run.error,
        },
    )


def take_back(
    session: Session,
    runs: Sequence[Run],
    outcome: AttemptOutcome,
    reason: str,
    settings: Settings,
    *,
    final: bool = False,
) -> None:
    """End the attempts of locked runs, and queue the runs again.

    A run whose cancel was requested is cancelled instead; a run without attempts left has failed,
    and so has any where ``final``: another attempt would end as this one did.
    """
    _close_attempts(session, runs, outcome, reason)
    now = session.scalars(select(func.now())).one()
    for run in runs:
        end_lease(run)
        if outcome != AttemptOutcome.RELEASED:
            run.failures += 1
        if run.cancel_requested_at is not None:
            run.status, run.error, run.finished_at = RunStatus.CANCELLED, None, now
        elif final or run.failures >= run.max_attempts:
            run.status, run.error, run.finished_at = RunStatus.FAILED, reason, now
        else:
            run.status = RunStatus.QUEUED
            if outcome == AttemptOutcome.ERROR:
                pause_seconds = settings.retry_backoff_seconds * 2 ** (run.failures - 1)
                run.not_before = now + timedelta(seconds=pause_seconds)
    session.flush()
    publish(session, [_taken_back_event(run, outcome, reason) for run in runs])


def _close_attempts(
    session: Session, runs: Sequence[Run], outcome: AttemptOutcome, reason: str | None
) -> None:
    """Record how the runs' attempts ended, unless that is recorded already."""
    attempts = [(run.id, run.attempt) for run in runs]
    session.execute(
        update(Attempt)
        .where(tuple_(Attempt.run_id, Attempt.attempt).in_(attempts), Attempt.outcome.is_(None))
        .values(outcome=outcome, reason=reason, ended_at=func.now())
        .execution_options(synchronize_session=False)
    )


def _taken_back_event(run: Run, outcome: AttemptOutcome, reason: str) -> NewEvent:
    if run.status != RunStatus.QUEUED:
        return finished_event(run)
    data = {"attempt": run.attempt, "outcome": outcome, "reason": reason}
    return NewEvent(EventType.RUN_REQUEUED, run.experiment_id, run.id, data)
