"""Reading histories: one run's in columns, and all of an experiment's as a stream."""

import csv
import io
import math
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import orjson
from sqlalchemy import Select, Subquery, func, or_, select
from sqlalchemy.orm import Session, sessionmaker

from service.choices import unknown
from service.errors import InvalidError, NotFoundError
from service.expansion import FieldError
from service.models import METRICS, Epoch, Experiment, Run
from service.numbers import JsonNumber, to_json

#: Recorded by some runs only; left out of the history of the others.
SOMETIMES = frozenset({"binary_accuracy", "val_binary_accuracy"})

#: Epochs that a stream reads at a time: what bounds its memory.
_BATCH_EPOCHS = 20_000

#: What the table of an experiment's histories says of each run, before its epochs.
_RUN_COLUMNS = (
    "run_id",
    "label",
    "activation",
    "initializer",
    "normalization",
    "clipping",
    "seed",
    "status",
)


@dataclass(frozen=True)
class History:
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
) -> History:
    """Give a run's history.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        metrics: which to give; all where empty. One that the run does not record is left out.
        from_epoch: the first epoch wanted.
        max_points: most epochs wanted, 2 or more. Of a longer history the first and the last
            epoch are kept, and in each of equal stretches the two where the first metric is
            smallest and largest (NaN counts as largest), so that no peak is lost.

    Raises:
        NotFoundError: there is no such run.
        InvalidError: there is no such metric.
    """
    names = _known(metrics) or METRICS
    with session.begin():
        status = session.scalar(select(Run.status).where(Run.id == run_id))
        if status is None:
            raise NotFoundError(f"There is no run {run_id}.")
        columns = [getattr(Epoch, name) for name in ("epoch", *names)]
        wanted = select(*columns).where(Epoch.run_id == run_id, Epoch.epoch >= from_epoch)
        if max_points is not None:
            wanted = _thinned(wanted.subquery(), names[0], max_points)
            rows = session.execute(wanted).all()
        else:
            rows = session.execute(wanted.order_by(Epoch.epoch)).all()
    epochs, values = _columns(rows, names)
    return History(run_id, status, epochs, values)


def _known(metrics: Sequence[str]) -> tuple[str, ...]:
    for name in metrics:
        if name not in METRICS:
            detail = unknown("metric", name, list(METRICS))
            raise InvalidError(detail, errors=[FieldError(("query", "metrics"), detail)])
    return tuple(dict.fromkeys(metrics))


def _thinned(history: Subquery, lead: str, points: int) -> Select[Any]:
    """Keep at most so many rows: the ends, and each stretch's extremes of one metric."""
    c = history.c
    stretches = (points - 2) // 2
    stretch = func.ntile(max(1, stretches)).over(order_by=c.epoch).label("stretch")
    numbered = select(
        *c,
        stretch,
        func.count().over().label("total"),
        func.first_value(c.epoch).over(order_by=c.epoch).label("first"),
        func.max(c.epoch).over().label("last"),
    ).subquery()
    n = numbered.c
    low, high = [n[lead].asc(), n.epoch], [n[lead].desc(), n.epoch]
    ranked = select(
        *n,
        func.row_number().over(partition_by=n.stretch, order_by=low).label("lowest"),
        func.row_number().over(partition_by=n.stretch, order_by=high).label("highest"),
    ).subquery()
    r = ranked.c
    kept = or_(r.total <= points, r.epoch == r.first, r.epoch == r.last)
    if stretches:
        kept = or_(kept, r.lowest == 1, r.highest == 1)
    return select(*(r[each.name] for each in c)).where(kept).order_by(r.epoch)


def _columns(
    rows: Sequence[Sequence[Any]], names: Sequence[str]
) -> tuple[list[int], dict[str, list[JsonNumber | None]]]:
    columns = [list(each) for each in zip(*rows, strict=True)] or [[] for _ in (0, *names)]
    epochs, *values = columns
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


def count_runs(session: Session, experiment_id: uuid.UUID) -> int:
    """Count an experiment's runs.

    Raises:
        NotFoundError: there is no such experiment.
    """
    with session.begin():
        if session.get(Experiment, experiment_id) is None:
            raise NotFoundError(f"There is no experiment {experiment_id}.")
        counted = select(func.count()).where(Run.experiment_id == experiment_id)
        return session.scalar(counted) or 0


class StreamBrokenError(Exception):
    """The experiment was deleted while its histories were being read."""


def stream_json(sessions: sessionmaker[Session], experiment_id: uuid.UUID) -> Iterator[bytes]:
    """Write all histories of an experiment as one JSON object, piece by piece."""
    yield b'{"experiment_id":"%s","histories":[' % str(experiment_id).encode()
    comma = b""
    for batch in _batches(sessions, experiment_id):
        pieces = []
        for run, rows in batch:
            epochs, values = _columns(rows, METRICS)
            shown = dict(zip(_RUN_COLUMNS, run, strict=True))
            pieces.append(orjson.dumps({**shown, "epoch": epochs, "metrics": values}))
        yield comma + b",".join(pieces)
        comma = b","
    yield b"]}"


def stream_csv(sessions: sessionmaker[Session], experiment_id: uuid.UUID) -> Iterator[bytes]:
    """Write all histories of an experiment as a table with one line an epoch.

    Numbers stand as in JSON, NaN and Infinity as these words, and what was not recorded is
    empty.
    """
    yield (",".join((*_RUN_COLUMNS, "epoch", *METRICS)) + "\r\n").encode()
    for batch in _batches(sessions, experiment_id):
        text = io.StringIO()
        writer = csv.writer(text)
        for run, rows in batch:
            writer.writerows([*run, epoch, *map(to_json, values)] for epoch, *values in rows)
        yield text.getvalue().encode()


_RunRows = tuple[tuple[Any, ...], list[Sequence[Any]]]


def _batches(sessions: sessionmaker[Session], experiment_id: uuid.UUID) -> Iterator[list[_RunRows]]:
    """Give runs with their epochs, in order, a bounded number of epochs at a time.

    Each batch is a transaction of its own: a client that reads slowly holds no connection.
    """
    position, streamed = -1, 0
    with sessions() as session:
        total = count_runs(session, experiment_id)
        while streamed < total:
            with session.begin():
                runs = _next_runs(session, experiment_id, position)
                if not runs:
                    raise StreamBrokenError(f"Experiment {experiment_id} was deleted.")
                batch = _with_epochs(session, runs)
            position, streamed = runs[-1].position, streamed + len(runs)
            yield batch


def _next_runs(session: Session, experiment_id: uuid.UUID, position: int) -> Sequence[Any]:
    after = (Run.experiment_id == experiment_id, Run.position > position)
    longest = select(Run.epochs).where(*after).order_by(Run.position).limit(1)
    # All runs of an experiment have the same number of epochs.
    count = max(1, _BATCH_EPOCHS // max(1, session.scalar(longest) or 1))
    about = [getattr(Run, "id" if name == "run_id" else name) for name in _RUN_COLUMNS]
    chosen = select(Run.position, *about).where(*after).order_by(Run.position).limit(count)
    return session.execute(chosen).all()


def _with_epochs(session: Session, runs: Sequence[Any]) -> list[_RunRows]:
    columns = [getattr(Epoch, name) for name in METRICS]
    rows = session.execute(
        select(Epoch.run_id, Epoch.epoch, *columns)
        .where(Epoch.run_id.in_([run.id for run in runs]))
        .order_by(Epoch.run_id, Epoch.epoch)
    )
    by_run: dict[uuid.UUID, list[Sequence[Any]]] = {
        run_id: [row[1:] for row in group] for run_id, group in groupby(rows, lambda row: row[0])
    }
    return [(tuple(run)[1:], by_run.get(run.id, [])) for run in runs]
