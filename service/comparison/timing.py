"""Timing: whether the seconds of several trainings can be compared.

Seconds belong to a machine as much as to a network. Those of different engines (device, processor,
threads, form, library versions) tell of the engines, and members of a pack share its time in equal
parts, so that their seconds tell of the pack.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from service.database.tables import Run
from service.statuses import FINISHED


@dataclass(frozen=True)
class Clock:
    """What a training's seconds were measured on.

    Attributes:
        engine: as it is recorded with the run; empty where nobody recorded it.
        members: how many runs were trained with it as one pack, itself included; None where that
            cannot be told any more.
    """

    engine: Mapping[str, Any] = field(default_factory=dict)
    members: int | None = 1


def why_not_comparable(clocks: Collection[Clock]) -> str | None:
    """Return why the seconds of trainings cannot be compared; None where they can."""
    packed = sum(clock.members != 1 for clock in clocks)
    if packed:
        return (
            f"Seconds cannot be compared: {packed:,} of {len(clocks):,} runs were trained in "
            "packs, whose members share their time. With ACTINIUM_PACK_SIZE=1 and reuse: false "
            "each is trained alone."
        )
    values = {
        name: sorted({str(clock.engine.get(name)) for clock in clocks})
        for name in dict.fromkeys(name for clock in clocks for name in clock.engine)
    }
    differing = [f"{name} ({', '.join(own)})" for name, own in values.items() if len(own) > 1]
    if differing:
        return (
            "Seconds can only be compared between runs of one engine. These differ in "
            f"{'; '.join(differing)}."
        )
    return None


def clocks(session: Session, run_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Clock]:
    """Return what each run's seconds were measured on, by its id; of those that have a result.

    Runs of one pack key that a worker claimed at one moment were a pack. A run that took over a
    history has the clock of the run that was trained.

    Args:
        session: in a transaction.
        run_ids: the runs.
    """
    trained = aliased(Run)
    rows = session.execute(
        select(Run.id, Run.engine, trained.worker, trained.started_at, trained.pack_key)
        .outerjoin(trained, trained.id == func.coalesce(Run.weights_run, Run.id))
        .where(Run.id.in_(run_ids), Run.status.in_(FINISHED), Run.engine.is_not(None))
    ).all()
    together = _together(session, [row.started_at for row in rows if _is_batched(row.engine)])
    return {
        run_id: Clock(
            engine,
            together.get((worker, started_at, pack_key)) if _is_batched(engine) else 1,
        )
        for run_id, engine, worker, started_at, pack_key in rows
    }


def _is_batched(engine: Mapping[str, Any]) -> bool:
    return engine.get("form") == "batched"


def _together(session: Session, moments: Collection[Any]) -> dict[tuple[Any, ...], int]:
    """Return how many runs were claimed together, by worker, moment and pack key."""
    known = {moment for moment in moments if moment is not None}
    if not known:
        return {}
    key = (Run.worker, Run.started_at, Run.pack_key)
    rows = session.execute(
        select(*key, func.count())
        .where(Run.started_at.in_(known), Run.reused_from.is_(None))
        .group_by(*key)
    )
    return {tuple(own): count for *own, count in rows}
