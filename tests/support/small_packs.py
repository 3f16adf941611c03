"""Packs of small mlps that tests claim and record."""

import uuid
from collections.abc import Sequence

from sqlalchemy import insert

from service.database.tables import Worker
from service.runs.fencing import Claim, RunsToLeave
from service.runs.recording import EpochRecord
from tests.support.scripted_worker import METRICS, Lab

MLP = {"name": "mlp", "hidden_units": [16, 8]}

#: The answer to a write that counted for all runs, none of which was cancelled.
NOTHING = RunsToLeave(frozenset(), frozenset())


def positions(lab: Lab, experiment_id: uuid.UUID, pack: Sequence[Claim]) -> list[int]:
    """Return the positions of a pack's runs in their experiment."""
    places = {run.id: run.position for run in lab.runs(experiment_id)}
    return [places[claim.run_id] for claim in pack]


def meet_workers(lab: Lab, *names: str) -> None:
    """Store workers as seen just now."""
    with lab.sessions.begin() as session:
        session.execute(insert(Worker), [{"name": name, "device": "cpu"} for name in names])


def records(
    pack: Sequence[Claim], epoch: int, ending: str | None = None, **metrics: float
) -> list[EpochRecord]:
    """Return the records of one epoch of all members."""
    return [EpochRecord(claim, epoch, METRICS | metrics, ending) for claim in pack]
