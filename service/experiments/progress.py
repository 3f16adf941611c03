"""Status and progress of experiments: derived from their runs in SQL, stored nowhere."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from typing import Any

import orjson
from pydantic import TypeAdapter
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

from service.database.tables import Experiment, Overview, Run
from service.errors import NotFoundError
from service.experiments.forecast import NO_FORECAST, Forecast
from service.experiments.kept_forecasts import KeptForecasts
from service.experiments.versions import version_of
from service.statuses import ACTIVE, ExperimentStatus, RunStatus


@dataclass(frozen=True)
class Origin:
    """The preset that an experiment was submitted from, and which of its specs."""

    name: str
    size: str


@dataclass(frozen=True)
class ExperimentProgress:
    """An experiment with its status and progress.

    Attributes:
        preset: the preset that it was submitted from, if any.
        runs: how many runs it has, by status and in ``total``.
        progress: share of all epochs that are recorded; all epochs of an ended run count.
        spec: the spec with its defaults; None in lists, which do not read it.
        submitted: the spec as it was written; None in lists, and where it is not known.
        note: what people wrote down about it since.
        archived: whether lists leave it out.
        varying: the axes that vary, as ``overviews.varying`` returns them.
        best: the leading group of the usual comparison; None while none has trained.
        results_of: how many ended runs ``best`` is from; negative while it is worked out anew.
        forecast: when it is expected to end; empty until ``with_forecasts`` has looked.
    """

    id: uuid.UUID
    name: str | None
    description: str | None
    tags: dict[str, str]
    preset: Origin | None
    status: str
    runs: dict[str, int]
    progress: float
    created_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    cancelled_at: datetime | None
    spec: dict[str, Any] | None
    submitted: dict[str, Any] | None = None
    note: str | None = None
    archived: bool = False
    varying: list[dict[str, Any]] = field(default_factory=list)
    best: dict[str, Any] | None = None
    results_of: int = -1
    forecast: Forecast = NO_FORECAST

    @property
    def version(self) -> str:
        """The version of what people may change of it."""
        return version_of(self)

    def to_json(self) -> bytes:
        """Return all fields as JSON."""
        return orjson.dumps(self, option=orjson.OPT_UTC_Z)

    @staticmethod
    def from_json(content: bytes) -> "ExperimentProgress":
        """Return what ``to_json`` wrote; fields that are unknown here are ignored."""
        return _ADAPTER.validate_json(content)


_ADAPTER = TypeAdapter(ExperimentProgress)


def read_progress(session: Session, experiment_id: uuid.UUID) -> ExperimentProgress:
    """Return an experiment with its progress and its spec; inside a transaction.

    Raises:
        NotFoundError: there is no such experiment.
    """
    statement = experiments_with_counts().where(Experiment.id == experiment_id)
    rows = session.execute(statement.execution_options(populate_existing=True)).all()
    if not rows:
        raise missing(experiment_id)
    (found,) = progress_of(rows)
    experiment = rows[0].Experiment
    return replace(found, spec=experiment.spec, submitted=experiment.submitted)


def missing(experiment_id: uuid.UUID) -> NotFoundError:
    """Return the error that says that there is no such experiment."""
    return NotFoundError(f"There is no experiment {experiment_id}.")


def experiments_with_counts(statuses: Sequence[ExperimentStatus] = ()) -> Select[Any]:
    """Return the query of experiments with their counts; of all where no status is named."""
    statement = _with_counts()
    if not statuses:
        return statement
    return statement.where(or_(*(_in(status) for status in dict.fromkeys(statuses))))


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
            Overview.varying,
            Overview.best,
            Overview.ended.label("results_of"),
        )
        .select_from(Experiment)
        .outerjoin(Overview, Overview.experiment_id == Experiment.id)
        .join(counts, true())
        .join(begun, true())
    )


@cache
def _in(status: ExperimentStatus) -> ColumnElement[bool]:
    """Return the condition of a status of ``_status``: it looks for runs and counts none."""

    def has(*statuses: str) -> ColumnElement[bool]:
        return exists().where(Run.experiment_id == Experiment.id, Run.status.in_(statuses))

    cancelled = or_(
        Experiment.cancelled_at.is_not(None),
        ~has(*(status for status in RunStatus if status != RunStatus.CANCELLED)),
    )
    begun = has(*(status for status in RunStatus if status != RunStatus.QUEUED))
    ended = ~has(*ACTIVE)
    failed = has(RunStatus.FAILED)
    return {
        ExperimentStatus.QUEUED: and_(has(RunStatus.QUEUED), ~begun),
        ExperimentStatus.RUNNING: and_(~ended, begun),
        ExperimentStatus.FAILED: and_(ended, failed),
        ExperimentStatus.CANCELLED: and_(ended, ~failed, cancelled),
        ExperimentStatus.COMPLETED: and_(ended, ~failed, ~cancelled),
    }[status]


def progress_of(rows: Sequence[Row[Any]]) -> list[ExperimentProgress]:
    """Return the experiments in rows of ``experiments_with_counts``, without their specs."""
    return [_progress(row) for row in rows]


def with_forecasts(
    session: Session, experiments: Sequence[ExperimentProgress], kept: KeptForecasts
) -> list[ExperimentProgress]:
    """Return the experiments with when they are expected to end, where they have not.

    Args:
        session: a session outside any transaction.
        experiments: any.
        kept: makes the forecasts, or has them.
    """
    unfinished = [found.id for found in experiments if not _finished(found.status)]
    if not unfinished:
        return list(experiments)
    expected = kept.of(session, unfinished)
    return [replace(found, forecast=expected.get(found.id, NO_FORECAST)) for found in experiments]


def _finished(status: str) -> bool:
    return status not in (ExperimentStatus.QUEUED, ExperimentStatus.RUNNING)


def _progress(row: Row[Any]) -> ExperimentProgress:
    counts, experiment = row._mapping, row.Experiment
    active = row.queued + row.running
    done = row.total - active + (row.epochs_begun / row.epochs if row.epochs else 0.0)
    preset = experiment.preset and Origin(experiment.preset, experiment.preset_size)
    return ExperimentProgress(
        id=experiment.id,
        name=experiment.name,
        description=experiment.description,
        tags=experiment.tags,
        preset=preset,
        status=row.status,
        runs={str(name): counts[name] for name in ("total", *RunStatus)},
        progress=round(done / row.total, 6),
        created_by=experiment.created_by,
        created_at=experiment.created_at,
        started_at=row.first_started_at,
        finished_at=row.last_finished_at if _finished(row.status) else None,
        cancelled_at=experiment.cancelled_at,
        spec=None,
        note=experiment.note,
        archived=experiment.archived,
        varying=row.varying or [],
        best=row.best,
        results_of=-1 if row.results_of is None else row.results_of,
    )


def _counts() -> Any:
    """Return the query that counts runs by status; it reads an index alone, and no run."""
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
    """Return the query that sums up the started, unfinished runs; the others add nothing."""
    return (
        select(func.coalesce(func.sum(Run.epoch), 0).cast(Integer).label("epochs_begun"))
        .where(Run.experiment_id == Experiment.id, Run.status.in_(ACTIVE), Run.attempt > 0)
        .lateral("begun")
    )


def _epochs() -> ColumnElement[int]:
    """Return the number of epochs of the first run; all runs of an experiment have as many."""
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
