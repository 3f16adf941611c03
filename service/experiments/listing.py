"""Searching for experiments."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_
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
    """Which experiments are searched for; what is empty allows all.

    Attributes:
        statuses: one of them.
        tags: all of them, each written ``key:value``. A key may have colons, too, so that ``a:b:c``
            is the key ``a`` with the value ``b:c`` or the key ``a:b`` with the value ``c``.
        name: exactly this.
        search: part of the name, or of the preset's where there is none, in any case.
        created_after: created later.
        created_before: created earlier.
        archived: whether it is archived; None allows both.
    """

    statuses: Sequence[ExperimentStatus] = ()
    tags: Sequence[str] = ()
    name: str | None = None
    search: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    archived: bool | None = False


def search(
    session: Session, wanted: ExperimentFilter, *, cursor: str | None, limit: int
) -> tuple[list[ExperimentProgress], str | None]:
    """Return experiments, newest first, without their specs.

    Returns:
        One page, and the cursor of the next where there is one.
    """
    statement = experiments_with_counts(wanted.statuses).options(
        defer(Experiment.spec), defer(Experiment.submitted)
    )
    for tag in wanted.tags:
        statement = statement.where(or_(*map(Experiment.tags.contains, _readings(tag))))
    if wanted.name is not None:
        statement = statement.where(Experiment.name == wanted.name)
    if wanted.search:
        shown = func.coalesce(Experiment.name, Experiment.preset)
        statement = statement.where(shown.icontains(wanted.search, autoescape=True))
    if wanted.created_after is not None:
        statement = statement.where(Experiment.created_at > wanted.created_after)
    if wanted.created_before is not None:
        statement = statement.where(Experiment.created_at < wanted.created_before)
    if wanted.archived is not None:
        statement = statement.where(Experiment.archived.is_(wanted.archived))
    with session.begin():
        page: Page = fetch_page(
            session,
            statement,
            Order(Experiment.id, descending=True),
            query=["experiments", wanted],
            cursor=cursor,
            limit=limit,
        )
        return progress_of(page.rows), page.next_cursor


def _readings(tag: str) -> Iterator[dict[str, str]]:
    """Yield what ``key:value`` can stand for: any of its colons may be the one between them."""
    for colon in re.finditer(":", tag):
        if colon.start() > 0:
            yield {tag[: colon.start()]: tag[colon.end() :]}
