"""Experiments for tests of workers: real, and small enough to train in a second or two."""

import uuid
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from service.expansion import Limits, expand
from service.identifiers import uuid7
from service.models import Attempt, Epoch, Experiment, Run
from service.spec import ExperimentSpec

#: 256 real images, four steps an epoch.
SMALL = {
    "dataset": {"name": "mnist", "train_size": 256, "test_size": 128},
    "batch_size": 64,
    "activation": "relu",
    "epochs": 2,
    "reuse": False,
}


def submit(session: Session, **fields: Any) -> list[uuid.UUID]:
    """Store a small experiment with these fields of a spec; return its runs."""
    spec = ExperimentSpec.model_validate(SMALL | fields)
    experiment = uuid7()
    ids = []
    with session.begin():
        session.add(
            Experiment(
                id=experiment, tags={}, spec=spec.model_dump(mode="json"), created_by="test"
            )
        )
        session.flush()
        for position, plan in enumerate(expand(spec, Limits())):
            ids.append(uuid7())
            session.execute(
                insert(Run).values(
                    id=ids[-1],
                    experiment_id=experiment,
                    position=position,
                    config=plan.config.model_dump(mode="json"),
                    config_hash=plan.config_hash,
                    seed=plan.seed,
                    status="queued",
                    priority=spec.priority,
                    device_request=spec.device,
                    reuse=spec.reuse,
                    max_attempts=spec.max_attempts,
                    epochs=spec.epochs,
                )
            )
    return ids
