"""Leases: a run belongs to a worker for ``lease_seconds`` from the worker's latest write.

Everything that reads or writes ``Run.lease_expires_at`` is here.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.orm import Session

from service.database.tables import Run
from service.events.publishing import announce
from service.runs.fencing import Claim, RunsToLeave, lock_claims
from service.settings import Settings
from service.statuses import RunStatus

#: Columns of a run that no worker trains.
NO_LEASE: dict[str, None] = {"lease_expires_at": None}

#: What is true of runs whose worker gave no sign of life for a whole lease.
_EXPIRED = (Run.status == RunStatus.RUNNING, Run.lease_expires_at < func.now())


def new_lease(
    settings: Settings, now: datetime | ColumnElement[datetime] | None = None
) -> dict[str, Any]:
    """Return the columns of a run that is leased from now on.

    Args:
        settings: gives the length of the lease.
        now: the time of the transaction, where it is known already.
    """
    begins: Any = func.now() if now is None else now
    return {"lease_expires_at": begins + timedelta(seconds=settings.lease_seconds)}


def end_lease(run: Run) -> None:
    """Take the lease from a locked run."""
    run.lease_expires_at = None


def extend(session: Session, run_ids: Sequence[uuid.UUID], settings: Settings) -> None:
    """Lease locked runs anew; inside a transaction."""
    session.execute(
        update(Run)
        .where(Run.id.in_(run_ids))
        .values(**new_lease(settings))
        .execution_options(synchronize_session=False)
    )


def renew(
    session: Session, reached: Sequence[tuple[Claim, int, float]], settings: Settings
) -> RunsToLeave:
    """Lease claimed runs anew and announce how far they are.

    Args:
        session: a session outside any transaction.
        reached: each run's claim, the epoch it is in, and the fraction of it that is done.
        settings: gives the length of the lease.
    """
    with session.begin():
        locked = lock_claims(session, [claim for claim, _, _ in reached])
        running = locked.running
        if running:
            extend(session, running, settings)
            progress = {
                claim.run_id: (claim.experiment_id, claim.run_id, _progress(claim, epoch, fraction))
                for claim, epoch, fraction in reached
            }
            announce(session, [progress[run_id] for run_id in running])
        return locked.to_leave(running)


def _progress(claim: Claim, epoch: int, fraction: float) -> dict[str, Any]:
    return {"epoch": epoch, "epochs": claim.epochs, "fraction": round(fraction, 4)}


def expired(session: Session, limit: int = 100) -> list[tuple[uuid.UUID, int]]:
    """Return runs whose lease has expired, each with its attempt; the longest expired first."""
    with session.begin():
        rows = session.execute(
            select(Run.id, Run.attempt).where(*_EXPIRED).order_by(Run.lease_expires_at).limit(limit)
        )
        return [(run_id, attempt) for run_id, attempt in rows]


def lock_expired(session: Session, run_id: uuid.UUID, attempt: int) -> Run | None:
    """Lock a run whose lease has expired; inside a transaction.

    Returns:
        The run; None where its worker has written again, or where another transaction has it.
    """
    return session.scalars(
        select(Run)
        .where(Run.id == run_id, Run.attempt == attempt, *_EXPIRED)
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    ).one_or_none()
