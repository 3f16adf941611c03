"""Reading a run's history, in columns."""

import math
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, Subquery, func, or_, select
from sqlalchemy.orm import Session

from service.choices import unknown
from service.door import FieldError
from service.errors import InvalidError, NotFoundError
from service.models import METRICS, Epoch, Run
from service.numbers import JsonNumber, to_json

#: Recorded by some runs only; left out of the history of the others.
SOMETIMES = frozenset({"binary_accuracy", "val_binary_accuracy"})


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
        chosen = [getattr(Epoch, name) for name in ("epoch", *names)]
        wanted = select(*chosen).where(Epoch.run_id == run_id, Epoch.epoch >= from_epoch)
        if max_points is not None:
            wanted = _thinned(wanted.subquery(), names[0], max_points)
            rows = session.execute(wanted).all()
        else:
            rows = session.execute(wanted.order_by(Epoch.epoch)).all()
    epochs, values = columns(rows, names)
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


def columns(
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
