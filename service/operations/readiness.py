"""Readiness: the state of every part that training needs."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from service.database.outages import is_outage
from service.database.schema_version import SchemaVersionError, check_schema
from service.runs.capacity import count_workers, seen_memory
from service.runs.doorbell import Doorbell
from service.settings import Settings
from service.specs.memory import gigabytes


@dataclass(frozen=True)
class PartCheck:
    """Whether one part works, and a sentence about it."""

    ok: bool
    detail: str


def check_parts(
    engine: Engine, sessions: sessionmaker[Session], doorbell: Doorbell, settings: Settings
) -> dict[str, PartCheck]:
    """Return the state of ``database``, ``schema``, ``workers`` and ``broker``."""
    broker = doorbell.reachable()
    return {
        **_check_database(engine, sessions, settings),
        "broker": PartCheck(broker, "Redis answers." if broker else "Redis does not answer."),
    }


def _check_database(
    engine: Engine, sessions: sessionmaker[Session], settings: Settings
) -> dict[str, PartCheck]:
    unknown = PartCheck(False, "Unknown while the database does not answer.")
    try:
        schema = _check_schema(engine)
        with sessions() as session, session.begin():
            seen = count_workers(session, settings) if schema.ok else {}
            memory = seen_memory(session, settings) if schema.ok else {}
    except SQLAlchemyError as error:
        if not is_outage(error):
            raise
        away = PartCheck(False, "PostgreSQL does not answer.")
        return {"database": away, "schema": unknown, "workers": unknown}
    shown = ", ".join(
        f"{count} on {device}{_memory_of(device, memory)}" for device, count in sorted(seen.items())
    )
    return {
        "database": PartCheck(True, "PostgreSQL answers."),
        "schema": schema,
        "workers": PartCheck(
            bool(seen), f"Seen: {shown}." if seen else "No worker has been seen lately."
        ),
    }


def _memory_of(device: str, memory: Mapping[str, int]) -> str:
    return f" (up to {gigabytes(memory[device])} per run)" if device in memory else ""


def _check_schema(engine: Engine) -> PartCheck:
    try:
        check_schema(engine)
    except SchemaVersionError as error:
        return PartCheck(False, str(error))
    return PartCheck(True, "The schema is the one this version needs.")
