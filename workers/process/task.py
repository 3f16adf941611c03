"""The one task: a worker that hears the doorbell looks for runs that wait.

The parent process imports this module and must never import torch: a child forked after torch
has run may hang. What needs torch is imported where only a child gets to.
"""

from celery import Celery
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, sessionmaker

from service.database.engine import create_database_engine, session_factory
from service.database.outages import is_outage
from service.runs.capacity import workers_wanted
from service.runs.doorbell import TRAIN_TASK, Doorbell
from service.settings import Settings
from workers.process.broker import Ring
from workers.process.identity import Station


def add_train_task(app: Celery, station: Station) -> None:
    """Give a Celery app its task."""

    @app.task(name=TRAIN_TASK, Request=Ring)  # type: ignore[untyped-decorator]
    def train() -> None:
        answer_doorbell(station)


def answer_doorbell(station: Station) -> None:
    """Train what waits; a worker that has been told to stop hands the rest to the others."""
    from workers.execution.runner import work  # noqa: PLC0415 - torch
    from workers.training import devices  # noqa: PLC0415 - torch

    engine = create_database_engine(station.settings, pool_size=1)
    sessions = session_factory(engine)
    try:
        work(
            sessions,
            station.settings,
            worker=station.name,
            device=devices.choose(station.device),
            stopping=station.stop.is_set,
        )
        if station.stop.is_set():
            _ring_for_others(sessions, station.settings)
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
