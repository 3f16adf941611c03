"""Reading histories of runs, in columns."""

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.catalog.entry import Task
from service.catalog.metrics import EPOCH_METRICS, METRICS, is_of
from service.database.tables import Run
from service.errors import InvalidError, NotFoundError
from service.fields import FieldError, unknown
from service.json_numbers import JsonNumber, to_json
from service.statuses import EndedBy, ended_by

#: Lists of equal length: the epochs, then each metric.
Columns = list[list[Any]]

#: An SQL statement for psycopg, and its parameters.
Query = tuple[str, Mapping[str, Any]]

_WHOLE = """
SELECT run_id, {columns} FROM epochs
WHERE run_id = ANY(%(run_ids)s) AND epoch >= %(from_epoch)s
GROUP BY run_id
"""
#: Keeps the first and last epoch and, in each of ``bins`` bins, the epochs with an extreme; the
#: remaining points are spread evenly. A history that is short enough keeps every epoch. A run's
#: epochs are numbered without gaps, so a bin is a range of numbers.
_THINNED = """
WITH extent AS (
    SELECT min(epoch) AS first, max(epoch) AS last, max(epoch) - min(epoch) + 1 AS size
    FROM epochs WHERE run_id = %(run_id)s AND epoch >= %(from_epoch)s
), extremes AS (
    SELECT unnest(ARRAY[{extremes}]) AS epoch
    FROM extent JOIN epochs ON run_id = %(run_id)s AND epoch BETWEEN first AND last
    WHERE size > %(points)s AND %(bins)s > 0
    GROUP BY (epoch - first) * CAST(%(bins)s AS bigint) / size
), kept AS (
    SELECT first AS epoch FROM extent UNION SELECT last FROM extent
    UNION SELECT CAST(epoch AS int) FROM extremes
), rest AS (
    SELECT first, size, CASE WHEN size > %(points)s
        THEN %(points)s - (SELECT count(epoch) FROM kept) ELSE size END AS points FROM extent
), even AS (
    SELECT first + CAST((2 * number + 1) * size / (2 * points) AS int) AS epoch
    FROM rest, generate_series(0, points - 1) AS number
)
SELECT run_id, {columns} FROM epochs
WHERE run_id = %(run_id)s
    AND epoch = ANY(ARRAY(SELECT epoch FROM kept UNION SELECT epoch FROM even))
GROUP BY run_id
"""
#: The first epochs with a metric's minimum and maximum; NULL where it was not recorded. Arrays are
#: compared by their first element, then by the second.
_EXTREMES = """
(min(ARRAY[{name}, epoch]) FILTER (WHERE {name} IS NOT NULL))[2],
-(max(ARRAY[{name}, -epoch]) FILTER (WHERE {name} IS NOT NULL))[2]
"""


@dataclass(frozen=True)
class StoredHistory:
    """A run's epochs and its metrics, in columns of equal length, and why it has ended."""

    run_id: uuid.UUID
    status: str
    ended_by: EndedBy | None
    epoch: list[int]
    metrics: dict[str, list[JsonNumber | None]]


def read_history(
    session: Session,
    run_id: uuid.UUID,
    *,
    metrics: Sequence[str] = (),
    from_epoch: int = 1,
    max_points: int | None = None,
) -> StoredHistory:
    """Return a run's history.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        metrics: the metrics to read; empty for all. One that the run does not record is left out.
        from_epoch: the first epoch to read.
        max_points: the most epochs to return, at least 2. A longer history keeps its first and its
            last epoch and, in each of equal bins, each metric's minimum and maximum (NaN counts as
            the maximum), so that no peak is lost. Where there are too few points for the extremes
            of all metrics, the first of ``metrics`` have theirs kept.

    Raises:
        NotFoundError: there is no such run.
        InvalidError: there is no such metric.
    """
    names = _known(metrics) or EPOCH_METRICS
    with session.begin():
        found = select(Run.status, Run.epoch, Run.epochs, Run.task).where(Run.id == run_id)
        run = session.execute(found).one_or_none()
        if run is None:
            raise NotFoundError(f"There is no run {run_id}.")
        if max_points is None:
            query = whole_query([run_id], names, from_epoch=from_epoch)
        else:
            query = thinned_query(run_id, names, max_points, from_epoch=from_epoch)
        columns = _fetch(session, query)
    epochs, values = to_json_columns(columns.get(run_id), names, run.task)
    ended = ended_by(run.status, run.epoch, run.epochs)
    return StoredHistory(run_id, run.status, ended, epochs, values)


def _known(metrics: Sequence[str]) -> tuple[str, ...]:
    for name in metrics:
        if name not in EPOCH_METRICS:
            detail = unknown("metric", name, list(EPOCH_METRICS))
            raise InvalidError(detail, errors=[FieldError(("query", "metrics"), detail)])
    return tuple(dict.fromkeys(metrics))


def read_columns(
    session: Session, run_ids: Sequence[uuid.UUID], names: Sequence[str]
) -> dict[uuid.UUID, Columns]:
    """Return the whole histories of several runs.

    Args:
        session: a session in a transaction.
        run_ids: the runs.
        names: some of ``EPOCH_METRICS``.

    Returns:
        The columns of each run that has an epoch: the epochs, then each metric.
    """
    return _fetch(session, whole_query(run_ids, names))


def whole_query(
    run_ids: Sequence[uuid.UUID], names: Sequence[str], *, from_epoch: int = 1
) -> Query:
    """Return the query that reads the histories of runs, with every epoch from one on."""
    parameters = {"run_ids": list(run_ids), "from_epoch": from_epoch}
    return _WHOLE.format(columns=_aggregates(names)), parameters


def thinned_query(
    run_id: uuid.UUID, names: Sequence[str], points: int, *, from_epoch: int = 1
) -> Query:
    """Return the query that reads at most so many points of a run's history."""
    pairs = (points - 2) // 2
    kept = names[: max(1, pairs)]
    extremes = ", ".join(_EXTREMES.format(name=name) for name in kept)
    parameters = {
        "run_id": run_id,
        "from_epoch": from_epoch,
        "points": points,
        "bins": pairs // len(kept),
    }
    return _THINNED.format(columns=_aggregates(names), extremes=extremes), parameters


def _aggregates(names: Sequence[str]) -> str:
    return ", ".join(f"array_agg({name} ORDER BY epoch)" for name in ("epoch", *names))


def _fetch(session: Session, query: Query) -> dict[uuid.UUID, Columns]:
    # One array per column, in PostgreSQL's binary format, takes a tenth of the time of rows.
    driver: Any = session.connection().connection.driver_connection
    with driver.cursor(binary=True) as cursor:
        cursor.execute(*query)
        return {run_id: columns for run_id, *columns in cursor.fetchall()}


def to_json_columns(
    columns: Columns | None, names: Sequence[str], task: Task
) -> tuple[list[int], dict[str, list[JsonNumber | None]]]:
    """Return the epochs, and the metrics of a run's task with values that JSON can hold."""
    epochs, *values = columns or [[] for _ in (0, *names)]
    return epochs, {
        name: _to_json_column(column)
        for name, column in zip(names, values, strict=True)
        if is_of(name, task)
        and (METRICS[name].in_every_run or any(value is not None for value in column))
    }


def _to_json_column(column: list[Any]) -> list[JsonNumber | None]:
    # The usual column, without gaps and finite, is checked at C speed and returned as it is.
    if None not in column and all(map(math.isfinite, column)):
        return column
    return [to_json(value) for value in column]
