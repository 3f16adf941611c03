"""How an experiment stands: derived from its runs in SQL, stored nowhere."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Double, Row, Select, case, func, or_, select, true
from sqlalchemy.orm import Session

from service import cost
from service.models import ENDED, RUN_STATUSES, Experiment, Run

#: How an experiment can stand.
EXPERIMENT_STATUSES = ("queued", "running", "completed", "failed", "cancelled")

#: Statuses that need a run in one of these: found by index, the others need not be counted.
_NEEDS_RUN = {
    "queued": ("queued",),
    "running": ("queued", "running"),
    "failed": ("failed",),
}


@dataclass(frozen=True)
class Standing:
    """An experiment and how it stands.

    ``runs`` counts them by status and in ``total``; ``progress`` is the share of epochs that
    is done, where an ended run has done its share; ``eta_seconds`` is None once it has ended.
    """

    experiment: Experiment
    status: str
    runs: dict[str, int]
    progress: float
    eta_seconds: float | None
    started_at: datetime | None
    finished_at: datetime | None


def experiments_with_counts(statuses: Sequence[str] = ()) -> Select[Any]:
    """Select experiments with their counts, those in some statuses or all."""
    counts = _counts()
    status = _status(counts)
    statement = select(Experiment, status.label("status"), *counts.c).join(counts, true())
    if not statuses:
        return statement
    if all(each in _NEEDS_RUN for each in statuses):
        needed = {run_status for each in statuses for run_status in _NEEDS_RUN[each]}
        with_such_run = select(Run.experiment_id).where(Run.status.in_(needed))
        statement = statement.where(Experiment.id.in_(with_such_run))
    return statement.where(status.in_(statuses))


def standings(session: Session, rows: Sequence[Row[Any]]) -> list[Standing]:
    """Read rows of ``experiments_with_counts``."""
    unfinished: list[uuid.UUID] = [row.Experiment.id for row in rows if not _finished(row.status)]
    paces = cost.seconds_per_epoch(session, unfinished)
    return [_standing(row, paces.get(row.Experiment.id)) for row in rows]


def _finished(status: str) -> bool:
    return status not in {"queued", "running"}


def _standing(row: Row[Any], epoch_seconds: float | None) -> Standing:
    counts = row._mapping
    eta_seconds = None
    if epoch_seconds is not None:
        eta_seconds = round(row.epochs_left * epoch_seconds / max(1, row.workers), 3)
    return Standing(
        experiment=row.Experiment,
        status=row.status,
        runs={name: counts[name] for name in ("total", *RUN_STATUSES)},
        progress=round(row.progress, 6),
        eta_seconds=eta_seconds,
        started_at=row.first_started_at,
        finished_at=row.last_finished_at if _finished(row.status) else None,
    )


def _counts() -> Any:
    share = case(
        (Run.status.in_(ENDED), 1.0),
        (Run.epochs == 0, 0.0),
        else_=Run.epoch.cast(Double) / Run.epochs,
    )
    left = case((Run.status.in_(ENDED), 0), else_=Run.epochs - Run.epoch)
    return (
        select(
            func.count().label("total"),
            *(func.count().filter(Run.status == each).label(each) for each in RUN_STATUSES),
            func.count(Run.worker.distinct()).filter(Run.status == "running").label("workers"),
            func.avg(share).label("progress"),
            func.coalesce(func.sum(left), 0).label("epochs_left"),
            func.min(Run.started_at).label("first_started_at"),
            func.max(Run.finished_at).label("last_finished_at"),
        )
        .where(Run.experiment_id == Experiment.id)
        .lateral("counts")
    )


def _status(counts: Any) -> ColumnElement[str]:
    c = counts.c
    return case(
        (c.queued == c.total, "queued"),
        (c.queued + c.running > 0, "running"),
        (c.failed > 0, "failed"),
        (or_(Experiment.cancelled_at.is_not(None), c.cancelled == c.total), "cancelled"),
        else_="completed",
    )
