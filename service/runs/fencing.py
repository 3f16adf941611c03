"""Fencing: a worker's writes count only while its claim of a run is the latest one.

Each claim of a run has a number, its attempt. A write locks the run's row and compares the number,
so a worker that was away for too long changes nothing.
"""

import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.orm import Session

from service.catalog.metrics import BEST_COLUMNS
from service.database.tables import Run
from service.specs.packing import Form
from service.statuses import RunStatus


@dataclass(frozen=True)
class Claim:
    """A run that a worker has claimed.

    Attributes:
        run_id: the run.
        experiment_id: its experiment.
        attempt: the number of the claim; the fencing token.
        config: its configuration, as JSON values.
        seed: its seed.
        epochs: how many epochs it has.
        recorded_epochs: how many an earlier attempt on the same engine has recorded. They are
            trained again, with the same bits, but not recorded again.
        engine: what its bits depend on; the worker computes in this form with so many threads.
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
        """How the run is trained; all members of a larger pack are ``batched``."""
        return form_of(self.engine)


def form_of(engine: dict[str, Any]) -> Form:
    """Return an engine's form; engines without one are older than the batched form."""
    form: Form = engine.get("form", "solo")
    return form


@dataclass(frozen=True)
class RunsToLeave:
    """The runs that a worker has to leave, by their ids: the answer to each of its writes.

    Attributes:
        cancelled: their cancel was requested.
        lost: no longer claimed by this worker (the lease expired, or the run was deleted);
            nothing was written for them.
    """

    cancelled: frozenset[uuid.UUID] = frozenset()
    lost: frozenset[uuid.UUID] = frozenset()


class LockedClaims:
    """The rows of claimed runs as they were when they were locked, until the transaction ends.

    Attributes:
        rows: by id, the rows whose attempt is still the claim's, also where it has ended.
        now: the time of the transaction.
    """

    def __init__(self, claims: Sequence[Claim], rows: Sequence[Row[Any]]) -> None:
        attempts = {claim.run_id: claim.attempt for claim in claims}
        self._claimed = attempts.keys()
        self.rows = {row.id: row for row in rows if row.attempt == attempts[row.id]}
        self.now: Any = rows[0].now if rows else None

    @property
    def running(self) -> list[uuid.UUID]:
        """The runs that the worker may write to, in the order of their ids."""
        return [run_id for run_id, row in self.rows.items() if row.status == RunStatus.RUNNING]

    def to_leave(
        self, written: Iterable[uuid.UUID], ended: Collection[uuid.UUID] = ()
    ) -> RunsToLeave:
        """Return which runs the worker has to leave after a write.

        Args:
            written: the runs for which the write counted; all others are lost.
            ended: those of them that have ended, which need no cancel.
        """
        written = frozenset(written)
        cancelled = (
            run_id
            for run_id in written.difference(ended)
            if self.rows[run_id].cancel_requested_at is not None
        )
        return RunsToLeave(frozenset(cancelled), frozenset(self._claimed - written))


def lock_claims(session: Session, claims: Sequence[Claim]) -> LockedClaims:
    """Lock the rows of claimed runs, in the order of their ids; inside a transaction."""
    rows = session.execute(
        select(
            Run.id,
            Run.attempt,
            Run.status,
            Run.epoch,
            Run.best_epoch,
            *(getattr(Run, name) for name in BEST_COLUMNS.values()),
            Run.task,
            Run.cancel_requested_at,
            func.now().label("now"),
        )
        .where(Run.id.in_([claim.run_id for claim in claims]))
        .order_by(Run.id)
        # The key does not change: rows that refer to the run may be written meanwhile.
        .with_for_update(key_share=True)
    ).all()
    return LockedClaims(claims, rows)
