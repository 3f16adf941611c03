"""Packs of small mlps, as tests claim and record them."""

import uuid
from collections.abc import Sequence

from sqlalchemy import insert

from service.database.tables import Worker
from service.runs.fencing import Claim, RunsToLeave
from service.runs.recording import EpochRecord
from tests.support.scripted_worker import METRICS, Lab

MLP = {"name": "mlp", "hidden_units": [16, 8]}

#: The answer to a worker that did all it asked for, and may go on.
NOTHING = RunsToLeave(frozenset(), frozenset())


def positions(lab: Lab, experiment_id: uuid.UUID, pack: Sequence[Claim]) -> list[int]:
    """Where the runs of a pack stand in their experiment."""
    places = {run.id: run.position for run in lab.runs(experiment_id)}
    return [places[held.run_id] for held in pack]


def meet_workers(lab: Lab, *names: str) -> None:
    """Let workers have been seen just now."""
    with lab.sessions.begin() as session:
        session.execute(insert(Worker), [{"name": name, "device": "cpu"} for name in names])


def records(
    pack: Sequence[Claim], epoch: int, ending: str | None = None, **metrics: float
) -> list[EpochRecord]:
    """One epoch of every member."""
    return [EpochRecord(held, epoch, METRICS | metrics, ending) for held in pack]
