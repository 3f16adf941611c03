"""Searching runs with MLflow's filters and orders, and reading their metrics."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import UUID, Row, Select, and_, any_, exists, false, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from service.catalog.metrics import BEST_COLUMNS, EPOCH_METRICS
from service.database.paging import Order, Page, fetch_page
from service.database.tables import Epoch, Experiment, Layers, Run
from service.errors import NotFoundError
from service.mlflow.experiments import as_uuid
from service.mlflow.fields import (
    RUN_METRICS,
    RUN_NAME,
    STARTED_AT,
    find_run_field,
    sort_keys,
    sql_conditions,
)
from service.mlflow.grammar import read_filter, read_orders


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a metric.

    Attributes:
        metric: its name.
        value: its value.
        step: the epoch.
        timestamp: about when the epoch ended, in milliseconds since 1970.
    """

    metric: str
    value: float
    step: int
    timestamp: int


def search(
    session: Session,
    experiment_ids: Sequence[str],
    *,
    filter_text: str,
    order_by: Sequence[str],
    cursor: str | None,
    limit: int,
) -> Page:
    """List runs with their latest metrics, newest first unless ordered otherwise.

    Args:
        session: a session outside any transaction.
        experiment_ids: the experiments whose runs are listed; unknown ids have none.
        filter_text: MLflow's filter, such as ``metrics.val_accuracy > 0.9``.
        order_by: MLflow's orders, such as ``metrics.val_loss ASC``.
        cursor: the cursor of an earlier page; None for the first page.
        limit: most runs per page.

    Raises:
        InvalidError: the filter or an order is invalid, or the cursor belongs to another query.
    """
    ids = [parsed for text in experiment_ids if (parsed := as_uuid(text)) is not None]
    with session.begin():
        conditions = sql_conditions(read_filter(filter_text), find_run_field)
        keys = sort_keys(read_orders(order_by), find_run_field)
        return fetch_page(
            session,
            _select().where(Run.experiment_id == any_(literal(ids, ARRAY(UUID))), *conditions),
            Order(Run.id, keys, descending=True),
            query=["mlflow runs", ids, filter_text, order_by],
            cursor=cursor,
            limit=limit,
        )


def get(session: Session, run_id: str) -> Row[Any]:
    """Return a run with its latest metrics.

    Raises:
        NotFoundError: there is no such run.
    """
    with session.begin():
        return _one(session, run_id)


def metric_history(
    session: Session, run_id: str, metric: str, *, cursor: str | None, limit: int
) -> tuple[list[Point], str | None]:
    """Return the values of one metric by epoch; none if the run does not record it.

    Args:
        session: a session outside any transaction.
        run_id: the run.
        metric: the metric's name.
        cursor: the cursor of an earlier page; None for the first page.
        limit: most values per page.

    Returns:
        One page, and the cursor of the next one, if any.

    Raises:
        NotFoundError: there is no such run.
        InvalidError: the cursor belongs to another query.
    """
    with session.begin():
        run = _one(session, run_id)
        if metric not in EPOCH_METRICS:
            return [point for point in latest(run) if point.metric == metric], None
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
        Point(metric, row._mapping[metric], row.epoch, _timestamp(run, row.epoch))
        for row in page.rows
    ]
    return points, page.next_cursor


def latest(run: Row[Any]) -> list[Point]:
    """Return the last value of each metric that a run has recorded."""
    values = run._mapping
    epochs = dict.fromkeys(BEST_COLUMNS.values(), run.best_epoch)
    return [
        Point(name, values[name], epoch, _timestamp(run, epoch))
        for name in (*EPOCH_METRICS, *RUN_METRICS)
        if values[name] is not None
        for epoch in [epochs.get(name, run.epoch)]
    ]


def has_layers(session: Session, run: Row[Any]) -> bool:
    """Whether a run has layer statistics."""
    with session.begin():
        return bool(session.scalar(select(exists().where(Layers.run_id == run.id))))


def _timestamp(run: Row[Any], epoch: int) -> int:
    """Return about when an epoch ended; only the duration of epochs is stored."""
    if run.finished_at is not None and run.epoch > 0:
        return milliseconds(run.begun_at + (run.finished_at - run.begun_at) * (epoch / run.epoch))
    return milliseconds(run.begun_at + timedelta(seconds=epoch * (run.epoch_seconds or 0.0)))


def milliseconds(time: datetime) -> int:
    """Return a time as MLflow writes it: milliseconds since 1970."""
    return int(time.timestamp() * 1000)


def _one(session: Session, run_id: str) -> Row[Any]:
    parsed = as_uuid(run_id)
    condition = false() if parsed is None else Run.id == parsed
    run = session.execute(_select().where(condition)).one_or_none()
    if run is None:
        raise NotFoundError(f"There is no run {run_id!r}.")
    return run


def _select() -> Select[Any]:
    """Return the query of runs with the metrics of their last epoch, one row per run."""
    return (
        select(
            Run.id,
            Run.experiment_id,
            Run.label,
            RUN_NAME.label("run_name"),
            Run.config,
            Run.config_hash,
            Run.seed,
            Run.status,
            Run.epoch,
            Run.best_epoch,
            Run.outcome,
            Run.verdict,
            Run.reused_from,
            Run.error,
            STARTED_AT.label("begun_at"),
            Run.finished_at,
            Experiment.tags,
            Experiment.created_by,
            *(getattr(Epoch, name).label(name) for name in EPOCH_METRICS),
            *(getattr(Run, name) for name in RUN_METRICS),
        )
        .join(Experiment, Experiment.id == Run.experiment_id)
        .outerjoin(Epoch, and_(Epoch.run_id == Run.id, Epoch.epoch == Run.epoch))
    )
