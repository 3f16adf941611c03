"""Overviews: what varies in an experiment and what leads, kept for lists.

A list of a hundred experiments of ten thousand runs cannot rank a million runs. What varies is
known at submission; the leader is that of the usual comparison, which the scheduler asks for as
runs end.
"""

import time
import uuid
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from sqlalchemy import Row, exists, func, literal, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.comparison.question import Question
from service.database.tables import Experiment, Overview, Run
from service.errors import ConflictError, NotFoundError
from service.specs.labels import Label, labels_of, varying_axes
from service.statuses import ACTIVE

#: Most labels of an axis that an overview names.
MOST_LABELS = 12
#: An overview is renewed once so many times as many runs have ended: a sweep of n runs is ranked
#: some log(n) times while it trains, and once at its end.
_GROWTH = 1.25


def varying(places: Collection[Mapping[str, Label]]) -> list[dict[str, Any]]:
    """Return the axes that vary, each with how many labels it has and the first of them.

    Args:
        places: the labels by axis of each configuration, and on ``variant`` where it has one.
    """
    has_variants = any(place.get("variant") is not None for place in places)
    decided = ["variant"] if has_variants else []
    found = []
    for axis in [*decided, *varying_axes(places, decided)]:
        labels = list(dict.fromkeys(place[axis] for place in places))
        found.append({"axis": axis, "count": len(labels), "labels": labels[:MOST_LABELS]})
    return found


def store_first(
    session: Session, experiment_id: uuid.UUID, places: Collection[Mapping[str, Label]]
) -> None:
    """Store the overview of an experiment in the transaction that stores its runs."""
    values = {"experiment_id": experiment_id, "varying": varying(places)}
    session.execute(insert(Overview), [values])


def reopen(session: Session, experiment_id: uuid.UUID) -> None:
    """Have an overview renewed, in the transaction that queues runs again."""
    # A smaller number than before, so that a renewal that is under way stores nothing.
    session.execute(
        update(Overview)
        .where(Overview.experiment_id == experiment_id)
        .values(ended=func.least(Overview.ended, 0) - 1, is_final=False)
        .execution_options(synchronize_session=False)
    )


def of(session: Session, experiment_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Overview]:
    """Return overviews by the ids of experiments, empty ones where none is stored."""
    wanted = select(Overview).where(Overview.experiment_id.in_(experiment_ids))
    stored = {overview.experiment_id: overview for overview in session.scalars(wanted)}
    return {key: stored.get(key) or Overview(ended=-1, varying=[]) for key in experiment_ids}


def add_missing(session: Session) -> None:
    """Add overviews to be worked out, of experiments that an older version stored without one."""
    missing = select(Experiment.id, literal(-1)).where(
        ~exists().where(Overview.experiment_id == Experiment.id)
    )
    added = insert(Overview).from_select(["experiment_id", "ended"], missing)
    with session.begin():
        session.execute(added.on_conflict_do_nothing())


def renew(session: Session, *, seconds: float = 1.0) -> int:
    """Renew overviews whose runs have ended since, and return how many were renewed.

    Args:
        session: a session outside any transaction.
        seconds: no other one is begun after so long; the rest is left for the next call.
    """
    until = time.monotonic() + seconds
    count = 0
    for stale in _stale(session):
        if time.monotonic() > until:
            break
        count += _renew(session, stale)
    return count


def _stale(session: Session) -> Iterator[Row[Any]]:
    """Yield experiments whose overview is behind, with what is stored of how many ended."""
    active = Run.status.in_(ACTIVE)
    counts = (
        select(
            func.count().filter(active).label("active"), func.count().filter(~active).label("done")
        )
        .where(Run.experiment_id == Overview.experiment_id)
        .correlate(Overview)
        .lateral("counts")
    )
    with session.begin():
        rows = session.execute(
            select(Overview.experiment_id, Overview.ended, *counts.c)
            .select_from(Overview)
            .join(counts, true())
            .where(~Overview.is_final)
        ).all()
    for row in rows:
        if row.active == 0 or row.ended < 0 or row.done > _GROWTH * row.ended:
            yield row


def _renew(session: Session, stale: Row[Any]) -> bool:
    """Store an overview anew, unless its runs were queued again meanwhile."""
    ours = Run.experiment_id == stale.experiment_id
    try:
        best = _best(session, stale.experiment_id)
    except (ConflictError, NotFoundError):
        return False  # its runs have no labels yet, or it was deleted
    with session.begin():
        rows = session.execute(
            select(Run.labels, Run.label)
            .where(ours, Run.seed == _first_seed(ours))
            .order_by(Run.position)
        )
        places = [{**labels_of(row.labels), "variant": row.label} for row in rows]
        renewed = session.execute(
            update(Overview)
            .where(Overview.experiment_id == stale.experiment_id, Overview.ended == stale.ended)
            .values(
                ended=stale.done, is_final=stale.active == 0, varying=varying(places), best=best
            )
            .execution_options(synchronize_session=False)
        )
        return bool(getattr(renewed, "rowcount", 0))


def _first_seed(ours: Any) -> Any:
    """Return the seed of the first run: every configuration is trained with it."""
    return select(Run.seed).where(ours, Run.position == 0).scalar_subquery()


def _best(session: Session, experiment_id: uuid.UUID) -> dict[str, Any] | None:
    """Return the group that the usual comparison puts first; None while none has trained."""
    # Only the scheduler compares here: the API starts without the scipy that this imports.
    from service.comparison import ranking  # noqa: PLC0415
    from service.comparison.headline import group_name  # noqa: PLC0415

    comparison = ranking.compare(session, experiment_id, Question(names_metric=False))
    leader = comparison.groups[0]
    if leader.rank is None:
        return None
    levels = {**leader.by, **leader.chosen}
    return {
        "metric": comparison.metric,
        "value": leader.mean,
        "name": group_name(levels) if levels else None,
        "trained": leader.trained,
        "n": leader.n,
    }
