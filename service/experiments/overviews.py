"""Overviews: what varies in an experiment and what leads, kept for lists.

A list of a hundred experiments of ten thousand runs cannot rank a million runs. What varies is
known at submission; the scheduler renews the leader as runs end (``experiments.leaders``).
"""

import uuid
from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import exists, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from service.database.tables import Experiment, Overview
from service.specs.labels import Label, varying_axes

#: Most labels of an axis that an overview names.
MOST_LABELS = 12


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
    """Have an overview renewed, in the transaction that queues runs again or takes their labels."""
    # A smaller number than before, so that a renewal that is under way stores nothing.
    session.execute(
        update(Overview)
        .where(Overview.experiment_id == experiment_id)
        .values(ended=func.least(Overview.ended, 0) - 1, is_final=False)
        .execution_options(synchronize_session=False)
    )


def add_missing(session: Session) -> None:
    """Add overviews to be worked out, of experiments that an older version stored without one."""
    missing = select(Experiment.id, literal(-1)).where(
        ~exists().where(Overview.experiment_id == Experiment.id)
    )
    added = insert(Overview).from_select(["experiment_id", "ended"], missing)
    with session.begin():
        session.execute(added.on_conflict_do_nothing())
