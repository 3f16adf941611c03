"""Use-cases that end a run or queue it again: by its worker, by a cancel, or without its worker.

Each is one short transaction. Those of a worker take several runs at once, and write nothing for a
run that the worker has lost (``service.runs.fencing``).
"""

import uuid
from collections.abc import Sequence

from sqlalchemy import bindparam, case, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY, UUID
from sqlalchemy.orm import Session

from service.database.tables import Run
from service.errors import NotFoundError
from service.events.publishing import publish
from service.runs.fencing import Claim, RunsToLeave, lock_claims
from service.runs.leases import lock_expired
from service.runs.transitions import FINISHED_EVENT_COLUMNS, end_runs, finished_event, take_back
from service.settings import Settings
from service.statuses import ACTIVE, ENDED, AttemptOutcome, RunStatus


def finish(session: Session, claims: Sequence[Claim]) -> RunsToLeave:
    """Complete runs that have no epochs left to record (``epochs: 0``, or all of them stored)."""
    return _end(session, claims, RunStatus.COMPLETED)


def confirm_cancels(session: Session, claims: Sequence[Claim]) -> RunsToLeave:
    """Cancel runs whose cancel was requested while they trained."""
    return _end(session, claims, RunStatus.CANCELLED)


def _end(session: Session, claims: Sequence[Claim], status: RunStatus) -> RunsToLeave:
    with session.begin():
        locked = lock_claims(session, claims)
        running = locked.running
        if running:
            ended = end_runs(session, running, status)
            publish(session, [finished_event(run) for run in ended])
        return locked.to_leave(running, ended=running)


def release(
    session: Session, claims: Sequence[Claim], reason: str, settings: Settings
) -> RunsToLeave:
    """Queue the runs of a worker that stops; this uses up none of their attempts."""
    return _give_back(session, claims, AttemptOutcome.RELEASED, reason, settings)


def fail_attempts(
    session: Session, claims: Sequence[Claim], reason: str, settings: Settings
) -> RunsToLeave:
    """Record a failure of ours: the runs are tried again after a pause, or have failed."""
    return _give_back(session, claims, AttemptOutcome.ERROR, reason, settings)


def fail_for_good(
    session: Session, claims: Sequence[Claim], reason: str, settings: Settings
) -> RunsToLeave:
    """Record a failure that any other attempt would repeat: the runs have failed."""
    return _give_back(session, claims, AttemptOutcome.ERROR, reason, settings, final=True)


def separate(
    session: Session, claims: Sequence[Claim], reason: str, settings: Settings
) -> RunsToLeave:
    """Queue the runs of a pack that failed: each is trained alone from now on.

    Which of them made the pack fail is not known, so this uses up none of their attempts. The one
    that did fails again alone, and the others go on.
    """
    return _give_back(session, claims, AttemptOutcome.RELEASED, reason, settings, alone=True)


def _give_back(
    session: Session,
    claims: Sequence[Claim],
    outcome: AttemptOutcome,
    reason: str,
    settings: Settings,
    *,
    alone: bool = False,
    final: bool = False,
) -> RunsToLeave:
    with session.begin():
        locked = lock_claims(session, claims)
        running = locked.running
        if running:
            runs = session.scalars(
                select(Run)
                .where(Run.id.in_(running))
                .order_by(Run.id)
                .execution_options(populate_existing=True)
            ).all()
            for run in runs:
                run.alone = run.alone or alone
            take_back(session, runs, outcome, reason, settings, final=final)
        return locked.to_leave(running, ended=running)


def recover(session: Session, run_id: uuid.UUID, attempt: int, settings: Settings) -> bool:
    """Take a run back from a worker that gave no sign of life for a whole lease.

    Returns:
        Whether it was taken back; False where its worker has written again meanwhile.
    """
    with session.begin():
        run = lock_expired(session, run_id, attempt)
        if run is None:
            return False
        reason = f"Worker {run.worker} gave no sign of life for {settings.lease_seconds:g} s."
        take_back(session, [run], AttemptOutcome.LOST, reason, settings)
        return True


def cancel(session: Session, run_id: uuid.UUID) -> Run:
    """Cancel a run: at once where it is queued, within seconds where it trains.

    A run that has ended stays as it is.

    Raises:
        NotFoundError: there is no such run.
    """
    with session.begin():
        run = session.get(Run, run_id, with_for_update=True)
        if run is None:
            raise NotFoundError(f"There is no run {run_id}.")
        cancel_locked(session, [run_id])
        session.refresh(run)
        return run


def cancel_locked(session: Session, run_ids: Sequence[uuid.UUID]) -> None:
    """Cancel runs that this transaction has locked; those that ended stay as they are."""
    queued = Run.status == RunStatus.QUEUED
    cancelled = session.execute(
        update(Run)
        .where(
            Run.id == func.any(bindparam("ids", list(run_ids), ARRAY(UUID))), Run.status.in_(ACTIVE)
        )
        .values(
            cancel_requested_at=func.coalesce(Run.cancel_requested_at, func.now()),
            status=case((queued, RunStatus.CANCELLED.value), else_=Run.status),
            finished_at=case((queued, func.now()), else_=Run.finished_at),
        )
        .returning(*(getattr(Run, name) for name in FINISHED_EVENT_COLUMNS))
        .execution_options(synchronize_session=False)
    ).all()
    ended = sorted((run for run in cancelled if run.status in ENDED), key=lambda run: run.id)
    publish(session, [finished_event(run) for run in ended])
