"""How an experiment stands: derived from its runs in SQL, stored nowhere."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Integer,
    Row,
    Select,
    Text,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    true,
)
from sqlalchemy.orm import Session

from service.database.tables import Experiment, Run
from service.errors import NotFoundError
from service.experiments import cost
from service.statuses import ACTIVE, ExperimentStatus, RunStatus


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


def read_one(session: Session, experiment_id: uuid.UUID) -> Standing:
    """Return an experiment and its progress; inside a transaction.

    Raises:
        NotFoundError: there is no such experiment.
    """
    statement = experiments_with_counts().where(Experiment.id == experiment_id)
    rows = session.execute(statement.execution_options(populate_existing=True)).all()
    if not rows:
        raise missing(experiment_id)
    return standings(session, rows)[0]


def missing(experiment_id: uuid.UUID) -> NotFoundError:
    """Return the error that says that there is no such experiment."""
    return NotFoundError(f"There is no experiment {experiment_id}.")


def experiments_with_counts(statuses: Sequence[ExperimentStatus] = ()) -> Select[Any]:
    """Select experiments with their counts, those in some statuses or all."""
    statement = _with_counts()
    if not statuses:
        return statement
    return statement.where(or_(*(_in(each) for each in dict.fromkeys(statuses))))


@cache
def _with_counts() -> Select[Any]:
    counts = _counts()
    begun = _begun()
    return (
        select(
            Experiment,
            _status(counts).label("status"),
            _epochs().label("epochs"),
            *counts.c,
            *begun.c,
        )
        .select_from(Experiment)
        .join(counts, true())
        .join(begun, true())
    )


@cache
def _in(status: ExperimentStatus) -> ColumnElement[bool]:
    """Select experiments in a status as ``_status`` has it, by looking for runs, not counting."""

    def has(*statuses: str) -> ColumnElement[bool]:
        return exists().where(Run.experiment_id == Experiment.id, Run.status.in_(statuses))

    cancelled = or_(
        Experiment.cancelled_at.is_not(None),
        ~has(*(each for each in RunStatus if each != RunStatus.CANCELLED)),
    )
    begun = has(*(each for each in RunStatus if each != RunStatus.QUEUED))
    ended = ~has(*ACTIVE)
    failed = has(RunStatus.FAILED)
    return {
        ExperimentStatus.QUEUED: and_(has(RunStatus.QUEUED), ~begun),
        ExperimentStatus.RUNNING: and_(~ended, begun),
        ExperimentStatus.FAILED: and_(ended, failed),
        ExperimentStatus.CANCELLED: and_(ended, ~failed, cancelled),
        ExperimentStatus.COMPLETED: and_(ended, ~failed, ~cancelled),
    }[status]


def standings(session: Session, rows: Sequence[Row[Any]]) -> list[Standing]:
    """Read rows of ``experiments_with_counts``."""
    unfinished: list[uuid.UUID] = [row.Experiment.id for row in rows if not _finished(row.status)]
    paces = cost.seconds_per_epoch(session, unfinished)
    return [_standing(row, paces.get(row.Experiment.id)) for row in rows]


def _finished(status: str) -> bool:
    return status not in (ExperimentStatus.QUEUED, ExperimentStatus.RUNNING)


def _standing(row: Row[Any], epoch_seconds: float | None) -> Standing:
    counts = row._mapping
    active = row.queued + row.running
    left = active * row.epochs - row.epochs_begun
    eta_seconds = None
    if epoch_seconds is not None:
        eta_seconds = round(left * epoch_seconds / max(1, row.workers), 3)
    done = row.total - active + (row.epochs_begun / row.epochs if row.epochs else 0.0)
    return Standing(
        experiment=row.Experiment,
        status=row.status,
        runs={str(name): counts[name] for name in ("total", *RunStatus)},
        progress=round(done / row.total, 6),
        eta_seconds=eta_seconds,
        started_at=row.first_started_at,
        finished_at=row.last_finished_at if _finished(row.status) else None,
    )


def _counts() -> Any:
    """Count runs by status, from an index that has all of this, so that no run is read."""
    by_status = (
        select(
            Run.status,
            func.count().label("runs"),
            func.min(Run.started_at).label("started_at"),
            func.max(Run.finished_at).label("finished_at"),
        )
        .where(Run.experiment_id == Experiment.id)
        .group_by(Run.status)
        .correlate(Experiment)
        .lateral("by_status")
    )
    c = by_status.c
    counted = func.coalesce(func.sum(c.runs), 0)
    return select(
        counted.cast(Integer).label("total"),
        *(_counted(c.runs, c.status == status).label(status.value) for status in RunStatus),
        func.min(c.started_at).label("first_started_at"),
        func.max(c.finished_at).label("last_finished_at"),
    ).lateral("counts")


def _counted(runs: ColumnElement[int], condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(runs).filter(condition), 0).cast(Integer)


def _begun() -> Any:
    """Sum up the runs that a worker has taken and not ended; of the others there is nothing."""
    return (
        select(
            func.coalesce(func.sum(Run.epoch), 0).cast(Integer).label("epochs_begun"),
            func.count(Run.worker.distinct())
            .filter(Run.status == RunStatus.RUNNING)
            .label("workers"),
        )
        .where(Run.experiment_id == Experiment.id, Run.status.in_(ACTIVE), Run.attempt > 0)
        .lateral("begun")
    )


def _epochs() -> ColumnElement[int]:
    """Give the epochs of a run, which are those of every run of its experiment."""
    first = and_(Run.experiment_id == Experiment.id, Run.position == 0)
    return select(Run.epochs).where(first).scalar_subquery()


def _status(counts: Any) -> ColumnElement[str]:
    c = counts.c
    cancelled = or_(Experiment.cancelled_at.is_not(None), c.cancelled == c.total)
    return case(
        (c.queued == c.total, literal(ExperimentStatus.QUEUED, Text)),
        (c.queued + c.running > 0, literal(ExperimentStatus.RUNNING, Text)),
        (c.failed > 0, literal(ExperimentStatus.FAILED, Text)),
        (cancelled, literal(ExperimentStatus.CANCELLED, Text)),
        else_=literal(ExperimentStatus.COMPLETED, Text),
    )
