"""Reading from the epochs of runs what each took to reach a target."""

import math
import uuid
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from service.comparison.targets import Pursuit, Target
from service.database.tables import Epoch, Run
from service.statuses import FINISHED, RunStatus


def pursuits(
    session: Session, target: Target, run_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, Pursuit]:
    """Return how each of these runs came along to a target.

    Runs without a result, and those that do not record the metric, are left out. A run that
    diverged never reached it: there is no network left that did.

    Args:
        session: in a transaction.
        target: the target.
        run_ids: the runs.
    """
    column = getattr(Epoch, target.metric)
    is_number = column.not_in([math.nan])  # Postgres has NaN above all numbers
    first = (
        select(Epoch.run_id, func.min(Epoch.epoch).label("epoch"))
        .where(Epoch.run_id.in_(run_ids), target.is_reached(column), is_number)
        .group_by(Epoch.run_id)
        .subquery()
    )
    seconds = func.sum(Epoch.epoch_seconds)
    rows = session.execute(
        select(
            Run.id,
            Run.status,
            first.c.epoch,
            Run.epochs,
            func.count(),
            seconds.filter(Epoch.epoch <= first.c.epoch),
            seconds,
        )
        .join(Epoch, Epoch.run_id == Run.id)
        .outerjoin(first, first.c.run_id == Run.id)
        .where(Run.id.in_(run_ids), Run.status.in_(FINISHED))
        .group_by(Run.id, first.c.epoch)
        .having(func.count(column) > 0)
    )
    return {
        run_id: Pursuit(
            reached if status == RunStatus.COMPLETED else None,
            budget,
            recorded,
            until or 0.0,
            total or 0.0,
        )
        for run_id, status, reached, budget, recorded, until, total in rows
    }
