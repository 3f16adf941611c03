"""The leaders of overviews: what the usual comparison puts first, renewed as runs end.

The scheduler alone imports this, and what ranks when there is something to rank: numpy and scipy
take half a second of processor time, which no start waits for.
"""

import time
import uuid
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Row, func, select, true, update
from sqlalchemy.orm import Session

from service.comparison.question import Question
from service.database.tables import Overview, Run
from service.errors import ConflictError, NotFoundError
from service.experiments.overviews import varying
from service.specs.labels import labels_of
from service.statuses import ACTIVE

#: An overview is renewed once so many times as many runs have ended: a sweep of n runs is ranked
#: some log(n) times while it trains, and once at its end.
_GROWTH = 1.25


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
    from service.comparison import ranking  # noqa: PLC0415 - the module says why
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
