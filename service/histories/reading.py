"""Reading a run's history, in columns."""

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.catalog.metrics import EPOCH_METRICS
from service.database.tables import Run
from service.errors import InvalidError, NotFoundError
from service.fields import FieldError, unknown
from service.json_numbers import JsonNumber, to_json

#: Recorded by some runs only; left out of the history of the others.
SOMETIMES = frozenset({"binary_accuracy", "val_binary_accuracy"})

#: Lists of one length: the epochs, then metrics.
Columns = list[list[Any]]

_WHOLE = """
SELECT run_id, {columns} FROM epochs
WHERE run_id = ANY(%(run_ids)s) AND epoch >= %(from_epoch)s
GROUP BY run_id
"""
#: A run's epochs are numbered without gaps, so stretches of numbers are stretches of epochs. The
#: array that is least or greatest has the least or greatest value and, of equal ones, the first
#: epoch. What is left of the points is spread evenly: all of a history that is short enough.
_THINNED = """
WITH extent AS (
    SELECT min(epoch) AS first, max(epoch) AS last, max(epoch) - min(epoch) + 1 AS size
    FROM epochs WHERE run_id = %(run_id)s AND epoch >= %(from_epoch)s
), extremes AS (
    SELECT unnest(ARRAY[{extremes}]) AS epoch
    FROM extent JOIN epochs ON run_id = %(run_id)s AND epoch BETWEEN first AND last
    WHERE size > %(points)s AND %(stretches)s > 0
    GROUP BY (epoch - first) * CAST(%(stretches)s AS bigint) / size
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
#: Where a metric is least and greatest; NULL where it was not recorded.
_EXTREMES = """
(min(ARRAY[{name}, epoch]) FILTER (WHERE {name} IS NOT NULL))[2],
-(max(ARRAY[{name}, -epoch]) FILTER (WHERE {name} IS NOT NULL))[2]
"""


@dataclass(frozen=True)
class StoredHistory:
    """A run's metrics by epoch, in columns of one length."""

    run_id: uuid.UUID
    status: str
    epoch: list[int]
    metrics: dict[str, list[JsonNumber | None]]


def get(
    session: Session,
    run_id: uuid.UUID,
    *,
    metrics: Sequence[str] = (),
    from_epoch: int = 1,
    max_points: int | None = None,
) -> StoredHistory:
    """Give a run's history.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        metrics: which to give; all where empty. One that the run does not record is left out.
        from_epoch: the first epoch wanted.
        max_points: most epochs wanted, 2 or more. Of a longer history the first and the last
            epoch are kept, and in each of equal stretches those where a metric asked for is
            smallest and largest (NaN counts as largest), so that no peak of any is lost. Where
            there are too few points for all metrics, those asked for first are looked at.

    Raises:
        NotFoundError: there is no such run.
        InvalidError: there is no such metric.
    """
    names = _known(metrics) or EPOCH_METRICS
    with session.begin():
        status = session.scalar(select(Run.status).where(Run.id == run_id))
        if status is None:
            raise NotFoundError(f"There is no run {run_id}.")
        if max_points is None:
            found = whole(session, [run_id], names, from_epoch=from_epoch)
        else:
            found = _thinned(session, run_id, names, from_epoch, max_points)
    epochs, values = shown(found.get(run_id), names)
    return StoredHistory(run_id, status, epochs, values)


def _known(metrics: Sequence[str]) -> tuple[str, ...]:
    for name in metrics:
        if name not in EPOCH_METRICS:
            detail = unknown("metric", name, list(EPOCH_METRICS))
            raise InvalidError(detail, errors=[FieldError(("query", "metrics"), detail)])
    return tuple(dict.fromkeys(metrics))


def whole(
    session: Session, run_ids: Sequence[uuid.UUID], names: Sequence[str], *, from_epoch: int = 1
) -> dict[uuid.UUID, Columns]:
    """Read the histories of runs; inside a transaction.

    Args:
        session: a session in a transaction.
        run_ids: the runs.
        names: some of ``EPOCH_METRICS``.
        from_epoch: the first epoch wanted.

    Returns:
        The columns of each run that has an epoch: the epochs, then each metric.
    """
    given = {"run_ids": list(run_ids), "from_epoch": from_epoch}
    return _read(session, _WHOLE.format(columns=_columns(names)), given)


def _thinned(
    session: Session, run_id: uuid.UUID, names: Sequence[str], from_epoch: int, points: int
) -> dict[uuid.UUID, Columns]:
    statement, stretches = thinned(names, points)
    place = {"run_id": run_id, "from_epoch": from_epoch}
    return _read(session, statement, {**place, "points": points, "stretches": stretches})


def thinned(names: Sequence[str], points: int) -> tuple[str, int]:
    """Write the statement that thins a history out, and say in how many stretches it does."""
    pairs = (points - 2) // 2
    looked_at = names[: max(1, pairs)]
    extremes = ", ".join(_EXTREMES.format(name=name) for name in looked_at)
    return _THINNED.format(columns=_columns(names), extremes=extremes), pairs // len(looked_at)


def _columns(names: Sequence[str]) -> str:
    return ", ".join(f"array_agg({name} ORDER BY epoch)" for name in ("epoch", *names))


def _read(session: Session, statement: str, given: Mapping[str, Any]) -> dict[uuid.UUID, Columns]:
    # An array a column, in PostgreSQL's binary format: a tenth of the time of reading row by row.
    driver: Any = session.connection().connection.driver_connection
    with driver.cursor(binary=True) as cursor:
        cursor.execute(statement, given)
        return {run_id: columns for run_id, *columns in cursor.fetchall()}


def shown(
    columns: Columns | None, names: Sequence[str]
) -> tuple[list[int], dict[str, list[JsonNumber | None]]]:
    """Write columns as JSON can hold them: the epochs, and the metrics that were recorded."""
    epochs, *values = columns or [[] for _ in (0, *names)]
    return epochs, {
        name: _shown(column)
        for name, column in zip(names, values, strict=True)
        if name not in SOMETIMES or any(each is not None for each in column)
    }


def _shown(column: list[Any]) -> list[JsonNumber | None]:
    """Write a column for JSON; one without gaps is checked at C speed."""
    if None not in column and all(map(math.isfinite, column)):
        return column
    return [to_json(each) for each in column]
