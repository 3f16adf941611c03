"""Reading runs: one, many by filter and order, and one's attempts."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from service.catalog.axes import AXES, own_name
from service.catalog.metrics import BEST_COLUMNS, FINAL_METRICS
from service.database.paging import Key, Order, fetch_page
from service.database.tables import Attempt, Run
from service.errors import InvalidError, NotFoundError
from service.fields import FieldError, unknown
from service.statuses import ENDED, Outcome, RunStatus, Verdict

#: What runs can be ordered by; with a "-" before it the largest come first.
ORDERS = tuple(
    sorted(
        (
            *("created_at", "epoch", "finished_at", "position", "seed", "started_at"),
            *(*FINAL_METRICS, *BEST_COLUMNS.values()),
        )
    )
)

#: Orders of all runs that have an index. The others read every run: an index on a metric would be
#: written with every epoch of every run (docs/scaling.md).
_INDEXED = frozenset({"seed", "val_accuracy"})

T = TypeVar("T")

#: What is read of a run: ``Run`` itself, or an expression of its columns.
What = type[T] | ColumnElement[T]

#: Axes whose entries runs can be filtered by.
FILTER_AXES = ("activation", "initializer", "clipping", "normalization")


@dataclass(frozen=True)
class RunFilter:
    """Which runs are searched for; an empty field allows all, several values allow any of them.

    ``axes`` has names of entries, or aliases of them, for some of ``FILTER_AXES``.
    """

    experiment_ids: Sequence[uuid.UUID] = ()
    statuses: Sequence[RunStatus] = ()
    outcomes: Sequence[Outcome] = ()
    verdicts: Sequence[Verdict] = ()
    seeds: Sequence[int] = ()
    axes: Mapping[str, Sequence[str]] = field(default_factory=dict)


def search(
    session: Session,
    what: What[T],
    wanted: RunFilter,
    *,
    order_by: str = "-created_at",
    cursor: str | None,
    limit: int,
) -> tuple[list[T], str | None]:
    """Return runs.

    Args:
        session: a session outside any transaction.
        what: what to read of each run.
        wanted: the filter.
        order_by: one of ``ORDERS``, with "-" before it for the largest first. Ties follow the
            order of creation; NaN and what is missing come last.
        cursor: as an earlier page gave it.
        limit: most runs of the page.

    Returns:
        One page, and the cursor of the next where there is one.

    Raises:
        InvalidError: no such order or entry, or a cursor of another search.
    """
    wanted = replace(wanted, axes={axis: _known(axis, wanted.axes[axis]) for axis in wanted.axes})
    statement = select(what).select_from(Run)
    chosen = {"experiment_id": wanted.experiment_ids, "status": wanted.statuses}
    chosen |= {"outcome": wanted.outcomes, "verdict": wanted.verdicts}
    chosen |= {"seed": wanted.seeds, **wanted.axes}
    for name, values in chosen.items():
        if values:
            statement = statement.where(_any_of(getattr(Run, name), values))
    with session.begin():
        page = fetch_page(
            session,
            statement,
            # The runs of an experiment are few enough to be sorted; an index on all runs might be
            # read to its end for them.
            _order(order_by, indexed=not wanted.experiment_ids),
            query=["runs", wanted, order_by],
            cursor=cursor,
            limit=limit,
        )
    return [row[0] for row in page.rows], page.next_cursor


def _any_of(column: InstrumentedAttribute[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """Return the condition that a column has one of the values.

    One value is compared by ``=``: the statement of a list is compiled anew each time.
    """
    return column == values[0] if len(values) == 1 else column.in_(values)


def _order(order_by: str, *, indexed: bool) -> Order:
    descending = order_by.startswith("-")
    name = order_by.removeprefix("-")
    if name not in ORDERS:
        detail = unknown("order", name, list(ORDERS))
        raise InvalidError(detail, errors=[FieldError(("query", "order_by"), detail)])
    # Ids sort by time of creation, and are indexed.
    keys = () if name == "created_at" else (Key(getattr(Run, name), descending),)
    return Order(Run.id, keys, descending, indexed and name in _INDEXED)


def _known(axis: str, names: Sequence[str]) -> list[str]:
    """Return the own names of entries that runs can have."""
    valid = [entry.name for entry in AXES[axis].values() if not entry.symbolic]
    found = [own_name(axis, name) for name in names]
    for name in found:
        if name not in valid:
            detail = unknown(axis, name, valid)
            raise InvalidError(detail, errors=[FieldError(("query", axis), detail)])
    return found


def get(session: Session, run_id: uuid.UUID) -> Run:
    """Return a run.

    Raises:
        NotFoundError: there is no such run.
    """
    run: Run = look(session, run_id, Run)[0]
    return run


def look(session: Session, run_id: uuid.UUID, *what: Any) -> Row[Any]:
    """Return expressions of a run's columns, or the run itself.

    Raises:
        NotFoundError: there is no such run.
    """
    with session.begin():
        found = session.execute(select(*what).where(Run.id == run_id)).one_or_none()
        if found is None:
            raise NotFoundError(f"There is no run {run_id}.")
        return found


def has_ended(session: Session, run_id: uuid.UUID) -> bool:
    """Whether a run has ended, or was deleted."""
    with session.begin():
        status = session.scalar(select(Run.status).where(Run.id == run_id))
        return status is None or status in ENDED


def attempts(
    session: Session, run_id: uuid.UUID, *, cursor: str | None, limit: int
) -> tuple[list[Attempt], str | None]:
    """Return a run's attempts, the first one first.

    Returns:
        One page, and the cursor of the next where there is one.

    Raises:
        NotFoundError: there is no such run.
        InvalidError: a cursor of another list.
    """
    get(session, run_id)
    with session.begin():
        page = fetch_page(
            session,
            select(Attempt).where(Attempt.run_id == run_id),
            Order(Attempt.attempt),
            query=["attempts", run_id],
            cursor=cursor,
            limit=limit,
        )
    return [row.Attempt for row in page.rows], page.next_cursor
