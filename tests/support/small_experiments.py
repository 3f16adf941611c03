"""Small experiments for tests of workers; real ones, that train in a second or two."""

import uuid
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from service.database.tables import Run
from service.experiments import submission
from service.runs.capacity import workers_wanted
from service.runs.doorbell import Doorbell
from service.settings import Settings
from service.specs.spec import ExperimentSpec

#: 256 real images, four steps an epoch.
SMALL = {
    "dataset": {"name": "mnist", "train_size": 256, "test_size": 128},
    "batch_size": 64,
    "activation": "relu",
    "epochs": 2,
    "reuse": False,
}

#: Half a second or more an epoch: time enough for something to happen.
LONG = SMALL | {
    "dataset": {"name": "mnist", "train_size": 2048, "test_size": 128},
    "epochs": 4,
}


def submit(session: Session, settings: Settings, **fields: Any) -> list[uuid.UUID]:
    """Store a small experiment with these fields of a spec; return its runs."""
    made = submission.submit(
        session,
        ExperimentSpec.model_validate(SMALL | fields),
        caller="test",
        settings=settings,
    )
    with session.begin():
        runs = select(Run.id).where(Run.experiment_id == made.experiment.id)
        return list(session.scalars(runs.order_by(Run.position)))


def ring(session: Session, settings: Settings) -> None:
    """Wake workers for the queued runs, as the API does after a submission."""
    doorbell = Doorbell(settings)
    doorbell.ring(workers_wanted(session, settings))
    doorbell.close()
