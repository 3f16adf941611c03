"""The one Celery task: a worker that is rung for trains the runs that wait.

The parent process imports this module and must never import torch: a child that is forked after
torch has run may hang. Imports that need torch are inside the functions that only a child calls.
"""

import os
from typing import Any

from billiard.exceptions import WorkerLostError
from celery import Celery
from celery.platforms import EX_FAILURE
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from service.database.engine import create_database_engine, session_factory
from service.database.outages import is_outage
from service.runs.capacity import workers_wanted
from service.runs.doorbell import TRAIN_TASK, Doorbell
from service.settings import Settings
from workers.process.broker import UnacknowledgedRequest
from workers.process.identity import WorkerIdentity
from workers.process.lost_children import LostChildren
from workers.training.machine_memory import MachineMemory


def add_train_task(app: Celery, identity: WorkerIdentity) -> None:
    """Add the training task to a Celery application."""
    lost_children = LostChildren(identity, MachineMemory())

    class TrainRequest(UnacknowledgedRequest):
        def on_accepted(self, *arguments: Any) -> None:
            """Look at the machine as the child begins; called in the parent."""
            lost_children.begin()
            super().on_accepted(*arguments)

        def on_failure(self, exc_info: Any, *arguments: Any, **options: Any) -> None:
            """Give back the runs of a child that has died; called in the parent."""
            super().on_failure(exc_info, *arguments, **options)
            error = exc_info.exception
            error = getattr(error, "exc", error)  # billiard wraps it to show its traceback
            if isinstance(error, WorkerLostError):
                lost_children.give_back(str(error))

    @app.task(name=TRAIN_TASK, Request=TrainRequest)  # type: ignore[untyped-decorator]
    def train() -> None:
        answer_doorbell(identity)


def answer_doorbell(identity: WorkerIdentity) -> None:
    """Train runs until none waits; a worker that has to stop rings for the other workers."""
    from workers.execution.runner import train_waiting_runs  # noqa: PLC0415 - torch
    from workers.training import devices  # noqa: PLC0415 - torch

    # The second connection is for leases that are renewed during a long step.
    engine = create_database_engine(identity.settings, pool_size=1)
    sessions = session_factory(engine)
    try:
        train_waiting_runs(
            sessions,
            identity.settings,
            worker=identity.name,
            device=devices.choose(identity.device),
            stopping=identity.stop.is_set,
            memory_bytes=identity.memory_bytes,
            # A step cannot be interrupted; the parent starts another child.
            abandon=lambda: os._exit(EX_FAILURE),
        )
        if identity.stop.is_set():
            _ring_for_others(sessions, identity.settings)
    finally:
        engine.dispose()


def _ring_for_others(sessions: sessionmaker[Session], settings: Settings) -> None:
    doorbell = Doorbell(settings)
    try:
        with sessions() as session:
            doorbell.ring(workers_wanted(session, settings))
    except DBAPIError as error:
        if not is_outage(error):
            raise
    finally:
        doorbell.close()
