"""All histories of an experiment as a stream, in bounded memory.

A stream reads batch by batch, each in a transaction of its own: a client that reads slowly
holds no connection.
"""

import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from service.errors import NotFoundError
from service.histories import Columns, shown, whole
from service.models import METRICS, Experiment, Run
from service.parquet import parquet

#: Epochs that a stream reads at a time: what bounds its memory.
BATCH_EPOCHS = 20_000

#: What a stream says of each run, beside its epochs.
_ABOUT = ("label", "activation", "initializer", "normalization", "clipping", "seed", "status")

#: The columns of a table of epochs, with their types as pyarrow names them.
_COLUMNS = {
    "run_id": "string",
    **dict.fromkeys(_ABOUT, "string"),
    "seed": "int64",
    "epoch": "int32",
    **dict.fromkeys(METRICS, "double"),
}

_COPY = f"""
COPY (
    SELECT runs.id, {", ".join(f"runs.{name}" for name in _ABOUT)}, epochs.epoch,
        {", ".join(f"epochs.{name}" for name in METRICS)}
    FROM runs JOIN epochs ON epochs.run_id = runs.id
    WHERE runs.experiment_id = %(experiment_id)s AND runs.position BETWEEN %(first)s AND %(last)s
    ORDER BY runs.position, epochs.epoch
) TO STDOUT (FORMAT csv)
"""  # noqa: S608 - every name is our own


class StreamBrokenError(Exception):
    """The experiment was deleted while its histories were being read."""


def require_experiment(session: Session, experiment_id: uuid.UUID) -> None:
    """See that an experiment is there.

    Raises:
        NotFoundError: it is not.
    """
    with session.begin():
        if not _exists(session, experiment_id):
            raise NotFoundError(f"There is no experiment {experiment_id}.")


def as_json(sessions: sessionmaker[Session], experiment_id: uuid.UUID) -> Iterator[bytes]:
    """Write all histories of an experiment as one JSON object, piece by piece.

    Raises:
        StreamBrokenError: the experiment was deleted in the meantime.
    """
    yield b'{"experiment_id":"%s","histories":[' % str(experiment_id).encode()
    with sessions() as session:
        for first, last in _batches(session, experiment_id):
            with session.begin():
                runs = _runs_between(session, experiment_id, first, last)
                histories = whole(session, [run.id for run in runs], METRICS)
            pieces = [_history(run, histories.get(run.id)) for run in runs]
            yield (b"," if first else b"") + b",".join(pieces)
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

    The columns are those of the CSV: names as strings, seed and epoch as integers, metrics as
    doubles; what was not recorded is null.

    Raises:
        StreamBrokenError: the experiment was deleted in the meantime.
    """
    return parquet(_lines(sessions, experiment_id), _COLUMNS)


def _lines(sessions: sessionmaker[Session], experiment_id: uuid.UUID) -> Iterator[bytes]:
    """Give the epochs of all runs as CSV lines, batch by batch."""
    with sessions() as session:
        for first, last in _batches(session, experiment_id):
            place = {"experiment_id": experiment_id, "first": first, "last": last}
            with session.begin():
                # Postgres writes the lines itself, several times faster than we could.
                driver: Any = session.connection().connection.driver_connection
                with driver.cursor() as cursor, cursor.copy(_COPY, place) as copied:
                    lines = b"".join(copied)
            yield lines


def _batches(session: Session, experiment_id: uuid.UUID) -> Iterator[tuple[int, int]]:
    """Give the first and last position of runs that have a bounded number of epochs together."""
    with session.begin():
        extent = select(func.count(), func.max(Run.epochs))
        total, epochs = session.execute(extent.where(Run.experiment_id == experiment_id)).one()
    size = max(1, BATCH_EPOCHS // max(1, epochs or 0))
    for first in range(0, total, size):
        yield first, first + size - 1
        # Seen after the batch was read: what is still there now was there then.
        with session.begin():
            if not _exists(session, experiment_id):
                raise StreamBrokenError(f"Experiment {experiment_id} was deleted.")


def _exists(session: Session, experiment_id: uuid.UUID) -> bool:
    found = session.scalar(select(Experiment.id).where(Experiment.id == experiment_id))
    return found is not None


def _runs_between(
    session: Session, experiment_id: uuid.UUID, first: int, last: int
) -> Sequence[Any]:
    between = (Run.experiment_id == experiment_id, Run.position.between(first, last))
    about = [getattr(Run, name) for name in _ABOUT]
    return session.execute(select(Run.id, *about).where(*between).order_by(Run.position)).all()


def _history(run: Any, columns: Columns | None) -> bytes:
    epochs, metrics = shown(columns, METRICS)
    about = {"run_id": run.id} | {name: getattr(run, name) for name in _ABOUT}
    return orjson.dumps({**about, "epoch": epochs, "metrics": metrics})
