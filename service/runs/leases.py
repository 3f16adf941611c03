"""Leases: a worker's hold on its runs, renewed while it trains and taken back when it is gone."""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.orm import Session

from service.catalog.metrics import BEST_COLUMN
from service.database.tables import Run
from service.events.publishing import announce
from service.runs.transitions import take_back
from service.settings import Settings
from service.specs.packing import Form
from service.statuses import AttemptOutcome, RunStatus


@dataclass(frozen=True)
class Claim:
    """A run in a worker's hands. ``attempt`` is its fencing token.

    ``recorded_epochs`` are already stored by an earlier attempt on the same engine; training
    is repeatable, so they are lived again and not written again. ``engine`` is the run's: the
    worker has to compute in its form and with its number of threads.
    """

    run_id: uuid.UUID
    experiment_id: uuid.UUID
    attempt: int
    config: dict[str, Any]
    seed: int
    epochs: int
    recorded_epochs: int
    engine: dict[str, Any]

    @property
    def form(self) -> Form:
        """How the run is trained; all members of a pack of several are ``batched``."""
        return form_of(self.engine)


def form_of(engine: dict[str, Any]) -> Form:
    """Give an engine's form; engines that name none are older than the batched one."""
    form: Form = engine.get("form", "solo")
    return form


@dataclass(frozen=True)
class Answer:
    """Which of its runs a worker has to leave, by their ids.

    ``cancelled``: their cancel is asked for. ``lost``: no longer the claim's (the lease expired
    or the run is gone), and nothing was written for them.
    """

    cancelled: frozenset[uuid.UUID]
    lost: frozenset[uuid.UUID]


class Hold:
    """The rows of some claims, locked until the transaction ends, as they stood then.

    ``now`` is the transaction's time.
    """

    def __init__(self, helds: Sequence[Claim], rows: Sequence[Row[Any]]) -> None:
        tokens = {each.run_id: each.attempt for each in helds}
        self._asked = tokens.keys()
        #: The rows that are still of the claim's attempt, also where that has ended.
        self.rows = {row.id: row for row in rows if row.attempt == tokens[row.id]}
        self.now: Any = rows[0].now if rows else None

    @property
    def running(self) -> list[uuid.UUID]:
        """The runs that are the worker's to write of, in the order of their ids."""
        return [run_id for run_id, row in self.rows.items() if row.status == RunStatus.RUNNING]

    def answer(self, owned: Iterable[uuid.UUID], ended: Collection[uuid.UUID] = ()) -> Answer:
        """Answer a write that counted for some of the runs; those that ended need no cancel."""
        counted = frozenset(owned)
        cancelled = (
            each
            for each in counted.difference(ended)
            if self.rows[each].cancel_requested_at is not None
        )
        return Answer(cancelled=frozenset(cancelled), lost=frozenset(self._asked - counted))


def hold(session: Session, helds: Sequence[Claim]) -> Hold:
    """Lock the rows of some claims, in the order of their ids; inside a transaction."""
    rows = session.execute(
        select(
            Run.id,
            Run.attempt,
            Run.status,
            Run.epoch,
            Run.best_epoch,
            getattr(Run, BEST_COLUMN),
            Run.cancel_requested_at,
            func.now().label("now"),
        )
        .where(Run.id.in_([each.run_id for each in helds]))
        .order_by(Run.id)
        # The key stays as it is: rows that refer to the run may be written meanwhile.
        .with_for_update(key_share=True)
    ).all()
    return Hold(helds, rows)


def renew(session: Session, held: Sequence[tuple[Claim, int, float]], settings: Settings) -> Answer:
    """Keep runs for another lease and tell listeners how far they are.

    Args:
        session: a session outside any transaction.
        held: each run's claim, the epoch it is in, and the fraction of it that is done.
        settings: gives the length of the lease.
    """
    with session.begin():
        locked = hold(session, [each for each, _, _ in held])
        running = locked.running
        if running:
            _renew(session, running, settings)
            progress = {
                each.run_id: (each.experiment_id, each.run_id, _progress(each, epoch, fraction))
                for each, epoch, fraction in held
            }
            announce(session, [progress[run_id] for run_id in running])
        return locked.answer(running)


def _progress(held: Claim, epoch: int, fraction: float) -> dict[str, Any]:
    return {"epoch": epoch, "epochs": held.epochs, "fraction": round(fraction, 4)}


def _renew(session: Session, ids: Sequence[uuid.UUID], settings: Settings) -> None:
    session.execute(
        update(Run)
        .where(Run.id.in_(ids))
        .values(lease_expires_at=func.now() + timedelta(seconds=settings.lease_seconds))
        .execution_options(synchronize_session=False)
    )


def expired(session: Session, limit: int = 100) -> list[tuple[uuid.UUID, int]]:
    """List runs whose lease is over, with the attempt that held it."""
    with session.begin():
        rows = session.execute(
            select(Run.id, Run.attempt)
            .where(Run.status == RunStatus.RUNNING, Run.lease_expires_at < func.now())
            .order_by(Run.lease_expires_at)
            .limit(limit)
        )
        return [(run_id, attempt) for run_id, attempt in rows]


def recover(session: Session, run_id: uuid.UUID, attempt: int, settings: Settings) -> bool:
    """Take a run back from a worker that gave no sign of life for a whole lease.

    Returns:
        Whether it was taken back; False where its worker came back in between.
    """
    with session.begin():
        run = session.scalars(
            select(Run)
            .where(
                Run.id == run_id,
                Run.attempt == attempt,
                Run.status == RunStatus.RUNNING,
                Run.lease_expires_at < func.now(),
            )
            .with_for_update(skip_locked=True)
            .execution_options(populate_existing=True)
        ).one_or_none()
        if run is None:
            return False
        reason = f"Worker {run.worker} gave no sign of life for {settings.lease_seconds:g} s."
        take_back(session, [run], AttemptOutcome.LOST, reason, settings)
        return True
