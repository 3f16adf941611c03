"""Searching for experiments."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session, defer

from service.database.paging import Order, Page, fetch_page
from service.database.tables import Experiment
from service.experiments.progress import (
    ExperimentProgress,
    experiments_with_counts,
    progress_of,
)
from service.statuses import ExperimentStatus


@dataclass(frozen=True)
class ExperimentFilter:
    """Which experiments are searched for: one of ``statuses``, all ``tags``; empty allows all."""

    statuses: Sequence[ExperimentStatus] = ()
    tags: Sequence[tuple[str, str]] = ()
    name: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


def search(
    session: Session, wanted: ExperimentFilter, *, cursor: str | None, limit: int
) -> tuple[list[ExperimentProgress], str | None]:
    """Return experiments, newest first, without their specs.

    Returns:
        One page, and the cursor of the next where there is one.
    """
    statement = experiments_with_counts(wanted.statuses).options(defer(Experiment.spec))
    for key, value in wanted.tags:
        statement = statement.where(Experiment.tags.contains({key: value}))
    if wanted.name is not None:
        statement = statement.where(Experiment.name == wanted.name)
    if wanted.created_after is not None:
        statement = statement.where(Experiment.created_at > wanted.created_after)
    if wanted.created_before is not None:
        statement = statement.where(Experiment.created_at < wanted.created_before)
    with session.begin():
        page: Page = fetch_page(
            session,
            statement,
            Order(Experiment.id, descending=True),
            query=["experiments", wanted],
            cursor=cursor,
            limit=limit,
        )
        return progress_of(session, page.rows), page.next_cursor
