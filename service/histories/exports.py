"""Streaming all histories of an experiment as JSON, CSV or Parquet, in bounded memory.

A stream reads batch by batch, each in its own transaction: a slow client occupies no connection.
"""

import hashlib
import uuid
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Any

import orjson
from psycopg.rows import dict_row
from sqlalchemy import exists as exists_in_sql
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from service.catalog.entry import Task
from service.catalog.metrics import EPOCH_METRICS, METRICS, is_of
from service.comparison.tasks import task_of_experiment
from service.database.tables import Experiment, Run
from service.errors import NotFoundError
from service.histories.parquet import write_parquet
from service.histories.reading import Columns, Query, read_columns, to_json_columns
from service.specs.spec import AXIS_FIELDS, LATER_AXES
from service.statuses import FINISHED, RunStatus

#: Most epochs that a stream reads at a time; bounds its memory.
BATCH_EPOCHS = 4_000

#: Axes by the column of their labels: an axis called like a metric has ``_function`` appended.
_AXES = {f"{axis}_function" if axis in METRICS else axis: axis for axis in AXIS_FIELDS}

#: Columns that describe a run (its variant, its label on each axis, its seed and its status), with
#: pyarrow's names of their types.
RUN_COLUMN_TYPES = {
    **dict.fromkeys(("label", *_AXES, "seed", "status"), "string"),
    "batch_size": "int32",
    "seed": "int64",
}

#: The columns of CSV and Parquet, with pyarrow's names of their types; those of metrics only where
#: the experiment's task has them.
COLUMNS = {
    "run_id": "string",
    **RUN_COLUMN_TYPES,
    "epoch": "int32",
    **dict.fromkeys(EPOCH_METRICS, "double"),
}


#: How a cell begins that a spreadsheet would compute, and so run a program of somebody's.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def columns_of(task: Task) -> dict[str, str]:
    """Return the columns of an experiment whose runs are of a task, with their types."""
    return {
        name: kind for name, kind in COLUMNS.items() if name not in METRICS or is_of(name, task)
    }


def selected(name: str) -> str:
    """Return the SQL that selects a column of ``RUN_COLUMN_TYPES``."""
    if name == "batch_size":
        return "CAST(runs.config -> 'batch_size' AS int) AS batch_size"
    if name not in _AXES:
        return f"runs.{name}"
    label = f"runs.labels ->> '{_AXES[name]}'"
    if name in LATER_AXES:
        label = f"coalesce({label}, '{LATER_AXES[name]}')"
    return f"{label} AS {name}"


def harmless(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: such a one gets an apostrophe."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _harmless_in_sql(name: str) -> str:
    """Return the SQL that selects a column as ``harmless`` writes it."""
    column, _, alias = selected(name).partition(" AS ")
    if RUN_COLUMN_TYPES[name] != "string":
        return selected(name)
    column = f"({column})"
    starts = "".join(_FORMULA_STARTS).encode("unicode_escape").decode()
    looks_so = f"{column} <> '' AND position(left({column}, 1) IN E'{starts}') > 0"
    return f"CASE WHEN {looks_so} THEN '''' || {column} ELSE {column} END AS {alias or name}"


def _runs_query(columns: Iterable[str]) -> str:
    """Return the query of runs by position.

    OFFSET 0 keeps the planner from merging it into the query around it: labels are read once per
    run, not once per epoch.
    """
    return f"""
SELECT runs.position, runs.id AS run_id, runs.task, {", ".join(columns)}
FROM runs
WHERE runs.experiment_id = %(experiment_id)s AND runs.position BETWEEN %(first)s AND %(last)s
ORDER BY runs.position OFFSET 0
"""  # noqa: S608 - every name is our own


def _epochs_query(runs: str, task: Task) -> str:
    metrics = [name for name in EPOCH_METRICS if is_of(name, task)]
    return f"""
SELECT described.run_id, {", ".join(f"described.{name}" for name in RUN_COLUMN_TYPES)},
    epochs.epoch, {", ".join(f"epochs.{name}" for name in metrics)}
FROM ({runs}) AS described JOIN epochs ON epochs.run_id = described.run_id
ORDER BY described.position, epochs.epoch
"""  # noqa: S608


_RUNS = _runs_query(map(selected, RUN_COLUMN_TYPES))
_RUNS_FOR_SPREADSHEETS = _runs_query(map(_harmless_in_sql, RUN_COLUMN_TYPES))


class StreamBrokenError(Exception):
    """The experiment was deleted while its histories were being read."""


def are_final(session: Session, experiment_id: uuid.UUID) -> bool:
    """Whether an experiment's histories can no longer change: every run has its result.

    Raises:
        NotFoundError: there is no such experiment.
    """
    # Failed and cancelled runs may be retried. An index serves IN, and not NOT IN.
    not_finished = [status for status in RunStatus if status not in FINISHED]
    with session.begin():
        if not exists(session, experiment_id):
            raise NotFoundError(f"There is no experiment {experiment_id}.")
        changing = exists_in_sql().where(
            Run.experiment_id == experiment_id, Run.status.in_(not_finished)
        )
        return not session.scalar(select(changing))


def digest(experiment_id: uuid.UUID, media_type: str, columns: Iterable[str] = COLUMNS) -> str:
    """Return a SHA-256 in hex of everything that determines a stream of final results."""
    parts = (str(experiment_id), media_type, version("actinium-service"), *columns)
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def as_json(sessions: sessionmaker[Session], experiment_id: uuid.UUID) -> Iterator[bytes]:
    """Yield all histories of an experiment as one JSON object, piece by piece.

    Raises:
        StreamBrokenError: the experiment was deleted in the meantime.
    """
    yield b'{"experiment_id":"%s","histories":[' % str(experiment_id).encode()
    with sessions() as session:
        for batch in _batches(session, experiment_id):
            with session.begin():
                runs = _runs(session, batch)
                run_ids = [run["run_id"] for run in runs]
                histories = read_columns(session, run_ids, EPOCH_METRICS)
            pieces = [_history(run, histories.get(run["run_id"])) for run in runs]
            yield (b"," if batch["first"] else b"") + b",".join(pieces)
    yield b"]}"


def as_csv(sessions: sessionmaker[Session], experiment_id: uuid.UUID) -> Iterator[bytes]:
    """Yield all histories of an experiment as CSV with one line per epoch, piece by piece.

    A label that a spreadsheet would take for a formula has an apostrophe before it. NaN and
    infinities are written as ``NaN`` and ``Infinity``; what was not recorded is empty.

    Raises:
        StreamBrokenError: the experiment was deleted in the meantime.
    """
    task = _task(sessions, experiment_id)
    yield (",".join(columns_of(task)) + "\n").encode()
    yield from _lines(sessions, experiment_id, _epochs_query(_RUNS_FOR_SPREADSHEETS, task))


def as_parquet(sessions: sessionmaker[Session], experiment_id: uuid.UUID) -> Iterator[bytes]:
    """Yield all histories of an experiment as a Parquet file with one row per epoch.

    The columns are those of the CSV: names and labels are strings; batch size, seed and epoch are
    integers; metrics are doubles. What was not recorded is null.

    Raises:
        StreamBrokenError: the experiment was deleted in the meantime.
    """
    task = _task(sessions, experiment_id)
    lines = _lines(sessions, experiment_id, _epochs_query(_RUNS, task))
    return write_parquet(lines, columns_of(task))


def _task(sessions: sessionmaker[Session], experiment_id: uuid.UUID) -> Task:
    with sessions() as session, session.begin():
        return task_of_experiment(session, experiment_id)


def _lines(
    sessions: sessionmaker[Session], experiment_id: uuid.UUID, statement: str
) -> Iterator[bytes]:
    """Yield the epochs of all runs as CSV lines, batch by batch."""
    with sessions() as session:
        for batch in _batches(session, experiment_id):
            # PostgreSQL writes CSV several times faster than Python.
            copy = f"COPY ({statement}) TO STDOUT (FORMAT csv)"
            with (
                session.begin(),
                _driver(session).cursor() as cursor,
                cursor.copy(copy, batch) as copied,
            ):
                lines = b"".join(copied)
            yield lines


def epochs_query(experiment_id: uuid.UUID, first: int, last: int) -> Query:
    """Return the query of the CSV: all epochs of the runs at some positions of an experiment.

    The metrics are those of classification.
    """
    query = _epochs_query(_RUNS_FOR_SPREADSHEETS, "classification")
    return query, {"experiment_id": experiment_id, "first": first, "last": last}


def _batches(session: Session, experiment_id: uuid.UUID) -> Iterator[dict[str, Any]]:
    """Yield the positions of runs that have a bounded number of epochs together.

    Raises:
        StreamBrokenError: the experiment was deleted while a batch was read.
    """
    with session.begin():
        extent = select(func.count(), func.max(Run.epochs))
        total, epochs = session.execute(extent.where(Run.experiment_id == experiment_id)).one()
    size = max(1, BATCH_EPOCHS // max(1, epochs or 0))
    for first in range(0, total, size):
        yield {"experiment_id": experiment_id, "first": first, "last": first + size - 1}
        # Checked after the batch was read: an experiment that exists now existed then.
        with session.begin():
            if not exists(session, experiment_id):
                raise StreamBrokenError(f"Experiment {experiment_id} was deleted.")


def exists(session: Session, experiment_id: uuid.UUID) -> bool:
    """Whether there is an experiment; inside a transaction."""
    found = session.scalar(select(Experiment.id).where(Experiment.id == experiment_id))
    return found is not None


def _runs(session: Session, batch: Mapping[str, Any]) -> list[dict[str, Any]]:
    with _driver(session).cursor(row_factory=dict_row) as cursor:
        runs: list[dict[str, Any]] = cursor.execute(_RUNS, batch).fetchall()
    return runs


def _driver(session: Session) -> Any:
    return session.connection().connection.driver_connection


def _history(run: Mapping[str, Any], columns: Columns | None) -> bytes:
    epochs, metrics = to_json_columns(columns, EPOCH_METRICS, run["task"])
    description = {name: run[name] for name in ("run_id", *RUN_COLUMN_TYPES)}
    return orjson.dumps({**description, "epoch": epochs, "metrics": metrics})
