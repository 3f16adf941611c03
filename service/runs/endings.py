"""Use-cases that end a run or give it back: by its worker, or by the user's cancel.

Each holds one short transaction. Those of a worker take several runs at once, and write nothing
for a run that is no longer its claim's (``service.runs.leases``).
"""

import uuid
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.database.tables import Run
from service.errors import NotFoundError
from service.events.publishing import publish
from service.runs.leases import Answer, Claim, hold
from service.runs.transitions import end_runs, finished_event, take_back
from service.settings import Settings
from service.statuses import ENDED, AttemptOutcome, RunStatus


def finish(session: Session, helds: Sequence[Claim]) -> Answer:
    """End runs that have no epochs left to record (``epochs: 0``, or all of them stored)."""
    return _end(session, helds, RunStatus.COMPLETED)


def confirm_cancels(session: Session, helds: Sequence[Claim]) -> Answer:
    """End runs whose cancel was asked for while they trained."""
    return _end(session, helds, RunStatus.CANCELLED)


def _end(session: Session, helds: Sequence[Claim], status: RunStatus) -> Answer:
    with session.begin():
        locked = hold(session, helds)
        running = locked.running
        if running:
            ended = end_runs(session, running, status)
            publish(session, [finished_event(run) for run in ended])
        return locked.answer(running, ended=running)


def release(session: Session, helds: Sequence[Claim], reason: str, settings: Settings) -> Answer:
    """Give runs back unharmed: a worker that stops uses up none of their attempts."""
    return _give_back(session, helds, AttemptOutcome.RELEASED, reason, settings)


def fail_attempts(
    session: Session, helds: Sequence[Claim], reason: str, settings: Settings
) -> Answer:
    """Write down our failure: the runs wait and are tried again, or have failed for good."""
    return _give_back(session, helds, AttemptOutcome.ERROR, reason, settings)


def _give_back(
    session: Session,
    helds: Sequence[Claim],
    outcome: AttemptOutcome,
    reason: str,
    settings: Settings,
) -> Answer:
    with session.begin():
        locked = hold(session, helds)
        running = locked.running
        if running:
            taken = session.scalars(
                select(Run)
                .where(Run.id.in_(running))
                .order_by(Run.id)
                .execution_options(populate_existing=True)
            ).all()
            take_back(session, taken, outcome, reason, settings)
        return locked.answer(running, ended=running)


def cancel(session: Session, run_id: uuid.UUID) -> Run:
    """Cancel a run: at once where it waits, within seconds where it trains.

    A run that has ended stays as it is.

    Raises:
        NotFoundError: there is no such run.
    """
    with session.begin():
        run = session.get(Run, run_id, with_for_update=True)
        if run is None:
            raise NotFoundError(f"There is no run {run_id}.")
        cancel_locked(session, [run])
        return run


def cancel_locked(session: Session, locked: list[Run]) -> None:
    """Cancel runs whose rows this transaction has locked; those that ended stay as they are."""
    now = session.scalar(select(func.now()))
    events = []
    for run in locked:
        if run.status in ENDED:
            continue
        run.cancel_requested_at = run.cancel_requested_at or now
        if run.status == RunStatus.QUEUED:
            run.status, run.finished_at = RunStatus.CANCELLED, now
            events.append(finished_event(run))
    session.flush()
    publish(session, events)
