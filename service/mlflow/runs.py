"""Finding runs and their metrics as MLflow's clients do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Row, Select, and_, exists, false, select
from sqlalchemy.orm import Session

from service.catalog.metrics import EPOCH_METRICS
from service.database.paging import Order, Page, fetch_page
from service.database.tables import Epoch, Experiment, Layers, Run
from service.errors import NotFoundError
from service.mlflow import names
from service.mlflow.experiments import as_uuid
from service.mlflow.fields import RESULTS, STARTED_AT, conditions, keys, of_run
from service.mlflow.grammar import read_filter, read_orders

_TEST = ("test_loss", "test_accuracy")


@dataclass(frozen=True, slots=True)
class Point:
    """A metric's value at an epoch, which is MLflow's step, and about when (ms since 1970)."""

    metric: str
    value: float
    step: int
    timestamp: int


def search(
    session: Session,
    experiment_ids: Sequence[str],
    *,
    wanted: str,
    order_by: Sequence[str],
    cursor: str | None,
    limit: int,
) -> Page:
    """List runs with their latest metrics, newest first unless ordered otherwise.

    Args:
        session: a session outside any transaction.
        experiment_ids: whose runs; ids that are none have no runs.
        wanted: MLflow's filter, such as ``metrics.val_accuracy > 0.9``.
        order_by: MLflow's orders, such as ``metrics.val_loss ASC``.
        cursor: as an earlier page gave it.
        limit: most runs of the page.

    Raises:
        InvalidError: a filter or an order that cannot be used, or a cursor of another query.
    """
    ids = [found for each in experiment_ids if (found := as_uuid(each)) is not None]
    find = of_run(cache(lambda: names.column(session, ids)))
    with session.begin():
        filters = conditions(read_filter(wanted), find)
        order = Order(Run.id, keys(read_orders(order_by), find), descending=True)
        return fetch_page(
            session,
            _select().where(Run.experiment_id.in_(ids), *filters),
            order,
            query=["mlflow runs", ids, wanted, order_by],
            cursor=cursor,
            limit=limit,
        )


def get(session: Session, run_id: str) -> Row[Any]:
    """Give a run with its latest metrics.

    Raises:
        NotFoundError: there is no such run.
    """
    with session.begin():
        return _one(session, run_id)


def metric_history(
    session: Session, run_id: str, metric: str, *, cursor: str | None, limit: int
) -> tuple[list[Point], str | None]:
    """Give the values of one metric, the first epoch's first; none where it is not recorded.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        metric: its name.
        cursor: as an earlier page gave it.
        limit: most values of the page.

    Returns:
        One page, and the cursor of the next where there is one.

    Raises:
        NotFoundError: there is no such run.
        InvalidError: the cursor belongs to another query.
    """
    with session.begin():
        run = _one(session, run_id)
        if metric not in EPOCH_METRICS:
            return [each for each in latest(run) if each.metric == metric], None
        column = getattr(Epoch, metric)
        page = fetch_page(
            session,
            select(Epoch.epoch, column).where(Epoch.run_id == run.id, column.is_not(None)),
            Order(Epoch.epoch),
            query=["mlflow metric", run.id, metric],
            cursor=cursor,
            limit=limit,
        )
    points = [
        Point(metric, row._mapping[metric], row.epoch, _moment(run, row.epoch)) for row in page.rows
    ]
    return points, page.next_cursor


def latest(run: Row[Any]) -> list[Point]:
    """Give the last value of each metric that a run has recorded."""
    values = run._mapping
    last = _moment(run, run.epoch)
    found = [
        Point(name, values[name], run.epoch, last)
        for name in (*EPOCH_METRICS, *_TEST)
        if values[name] is not None
    ]
    if run.best_val_accuracy is not None:
        best = _moment(run, run.best_epoch)
        found.append(Point("best_val_accuracy", run.best_val_accuracy, run.best_epoch, best))
    return found


def has_layers(session: Session, run: Row[Any]) -> bool:
    """Say whether layer statistics of a run are stored."""
    with session.begin():
        return bool(session.scalar(select(exists().where(Layers.run_id == run.id))))


def _moment(run: Row[Any], step: int) -> int:
    """Tell about when an epoch ended: epochs take about equally long, and only that is stored."""
    if run.finished_at is not None and run.epoch > 0:
        return milliseconds(run.begun_at + (run.finished_at - run.begun_at) * (step / run.epoch))
    return milliseconds(run.begun_at + timedelta(seconds=step * (run.epoch_seconds or 0.0)))


def milliseconds(moment: datetime) -> int:
    """Write a time as MLflow does: milliseconds since 1970."""
    return int(moment.timestamp() * 1000)


def _one(session: Session, run_id: str) -> Row[Any]:
    found = as_uuid(run_id)
    condition = false() if found is None else Run.id == found
    run = session.execute(_select().where(condition)).one_or_none()
    if run is None:
        raise NotFoundError(f"There is no run {run_id!r}.")
    return run


def _select() -> Select[Any]:
    """Select runs with the metrics of their last epoch: a row of each run, whatever is joined."""
    return (
        select(
            Run.id,
            Run.experiment_id,
            Run.label,
            Run.config,
            Run.config_hash,
            Run.seed,
            Run.status,
            Run.epoch,
            Run.best_epoch,
            Run.verdict,
            Run.reused_from,
            Run.error,
            STARTED_AT.label("begun_at"),
            Run.finished_at,
            Experiment.tags,
            Experiment.created_by,
            *(getattr(Epoch, name).label(name) for name in EPOCH_METRICS),
            *(getattr(Run, name) for name in RESULTS),
        )
        .join(Experiment, Experiment.id == Run.experiment_id)
        .outerjoin(Epoch, and_(Epoch.run_id == Run.id, Epoch.epoch == Run.epoch))
    )
