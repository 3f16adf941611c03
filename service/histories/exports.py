"""All histories of an experiment as a stream, in bounded memory.

A stream reads batch by batch, each in a transaction of its own: a client that reads slowly
holds no connection.
"""

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

import orjson
from psycopg.rows import dict_row
from sqlalchemy import exists, func, select
from sqlalchemy.orm import Session, sessionmaker

from service.catalog.metrics import EPOCH_METRICS
from service.comparison.labels import stored_labels
from service.database.tables import Experiment, Run
from service.errors import NotFoundError
from service.histories.parquet import parquet
from service.histories.reading import Columns, shown, whole
from service.specs.spec import AXIS_FIELDS
from service.statuses import FINISHED, RunStatus

#: Epochs that a stream reads at a time: what bounds its memory.
BATCH_EPOCHS = 20_000

#: The column of each axis; ``loss`` is that of the metric.
_AXES = {("loss_function" if axis == "loss" else axis): axis for axis in AXIS_FIELDS}

#: What a stream says of each run, beside its epochs: on each axis the label that comparisons use,
#: so that different values are told apart.
_ABOUT = ("label", *_AXES, "seed", "status")

#: The columns of a table of epochs, with their types as pyarrow names them.
_COLUMNS = {
    "run_id": "string",
    **dict.fromkeys(_ABOUT, "string"),
    "batch_size": "int32",
    "seed": "int64",
    "epoch": "int32",
    **dict.fromkeys(EPOCH_METRICS, "double"),
}


def _about(name: str) -> str:
    """Write what a run is as SQL."""
    if name == "batch_size":
        return "CAST(runs.config -> 'batch_size' AS int) AS batch_size"
    if name not in _AXES:
        return f"runs.{name}"
    axis = _AXES[name]
    value = f"CAST(runs.config -> '{axis}' AS text)"
    return f"given.labels #>> ARRAY['{axis}', {value}] AS {name}"


#: Some runs in order. OFFSET 0 keeps it a query of its own where it is part of another: a label is
#: looked up once a run, not once an epoch.
_RUNS = f"""
SELECT runs.position, runs.id AS run_id, {", ".join(map(_about, _ABOUT))}
FROM runs CROSS JOIN (SELECT CAST(%(labels)s AS jsonb) AS labels) AS given
WHERE runs.experiment_id = %(experiment_id)s AND runs.position BETWEEN %(first)s AND %(last)s
ORDER BY runs.position OFFSET 0
"""  # noqa: S608 - every name is our own

_COPY = f"""
COPY (
    SELECT about.run_id, {", ".join(f"about.{name}" for name in _ABOUT)}, epochs.epoch,
        {", ".join(f"epochs.{name}" for name in EPOCH_METRICS)}
    FROM ({_RUNS}) AS about JOIN epochs ON epochs.run_id = about.run_id
    ORDER BY about.position, epochs.epoch
) TO STDOUT (FORMAT csv)
"""  # noqa: S608


class StreamBrokenError(Exception):
    """The experiment was deleted while its histories were being read."""


def are_final(session: Session, experiment_id: uuid.UUID) -> bool:
    """Say whether an experiment's histories stay what they are: every run has its result.

    Raises:
        NotFoundError: there is no such experiment.
    """
    open_ones = [each for each in RunStatus if each not in FINISHED]
    with session.begin():
        if not _exists(session, experiment_id):
            raise NotFoundError(f"There is no experiment {experiment_id}.")
        left = exists().where(Run.experiment_id == experiment_id, Run.status.in_(open_ones))
        return not session.scalar(select(left))


def digest(experiment_id: uuid.UUID, media_type: str) -> str:
    """Name what a stream of final histories contains, by all that decides it: sha256 in hex."""
    decisive = (str(experiment_id), media_type, version("actinium-service"), *_COLUMNS)
    return hashlib.sha256("\n".join(decisive).encode()).hexdigest()


def as_json(sessions: sessionmaker[Session], experiment_id: uuid.UUID) -> Iterator[bytes]:
    """Write all histories of an experiment as one JSON object, piece by piece.

    Raises:
        StreamBrokenError: the experiment was deleted in the meantime.
    """
    yield b'{"experiment_id":"%s","histories":[' % str(experiment_id).encode()
    with sessions() as session:
        for place in _batches(session, experiment_id):
            with session.begin():
                runs = _runs(session, place)
                histories = whole(session, [run["run_id"] for run in runs], EPOCH_METRICS)
            pieces = [_history(run, histories.get(run["run_id"])) for run in runs]
            yield (b"," if place["first"] else b"") + b",".join(pieces)
    yield b"]}"


def as_csv(sessions: sessionmaker[Session], experiment_id: uuid.UUID) -> Iterator[bytes]:
    """Write all histories of an experiment as a table with one line an epoch.

    NaN and Infinity stand as these words; what was not recorded is empty.

    Raises:
        StreamBrokenError: the experiment was deleted in the meantime.
    """
    yield (",".join(_COLUMNS) + "\n").encode()
    yield from _lines(sessions, experiment_id)


def as_parquet(sessions: sessionmaker[Session], experiment_id: uuid.UUID) -> Iterator[bytes]:
    """Write all histories of an experiment as a Parquet file with one row an epoch.

    The columns are those of the CSV: names and labels as strings; batch size, seed and epoch as
    integers; metrics as doubles. What was not recorded is null.

    Raises:
        StreamBrokenError: the experiment was deleted in the meantime.
    """
    return parquet(_lines(sessions, experiment_id), _COLUMNS)


def _lines(sessions: sessionmaker[Session], experiment_id: uuid.UUID) -> Iterator[bytes]:
    """Give the epochs of all runs as CSV lines, batch by batch."""
    with sessions() as session:
        for place in _batches(session, experiment_id):
            # Postgres writes the lines itself, several times faster than we could.
            with (
                session.begin(),
                _driver(session).cursor() as cursor,
                cursor.copy(_COPY, place) as copied,
            ):
                lines = b"".join(copied)
            yield lines


def _batches(session: Session, experiment_id: uuid.UUID) -> Iterator[dict[str, Any]]:
    """Give the places of runs that have a bounded number of epochs together, and their labels."""
    with session.begin():
        labels = stored_labels(session, [experiment_id], AXIS_FIELDS)[experiment_id]
        extent = select(func.count(), func.max(Run.epochs))
        total, epochs = session.execute(extent.where(Run.experiment_id == experiment_id)).one()
    size = max(1, BATCH_EPOCHS // max(1, epochs or 0))
    given = {"experiment_id": experiment_id, "labels": orjson.dumps(labels).decode()}
    for first in range(0, total, size):
        yield {**given, "first": first, "last": first + size - 1}
        # Seen after the batch was read: what is still there now was there then.
        with session.begin():
            if not _exists(session, experiment_id):
                raise StreamBrokenError(f"Experiment {experiment_id} was deleted.")


def _exists(session: Session, experiment_id: uuid.UUID) -> bool:
    found = session.scalar(select(Experiment.id).where(Experiment.id == experiment_id))
    return found is not None


def _runs(session: Session, place: Mapping[str, Any]) -> list[dict[str, Any]]:
    with _driver(session).cursor(row_factory=dict_row) as cursor:
        found: list[dict[str, Any]] = cursor.execute(_RUNS, place).fetchall()
    return found


def _driver(session: Session) -> Any:
    return session.connection().connection.driver_connection


def _history(run: Mapping[str, Any], columns: Columns | None) -> bytes:
    epochs, metrics = shown(columns, EPOCH_METRICS)
    about = {name: run[name] for name in ("run_id", *_ABOUT)}
    return orjson.dumps({**about, "epoch": epochs, "metrics": metrics})
