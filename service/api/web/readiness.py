"""Whether the service can do its work: the schema's version at the start, and each part now."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import structlog
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from service.database.outages import Outage, is_outage
from service.database.schema_version import SchemaVersionError, check_schema
from service.errors import UnavailableError
from service.runs.capacity import count_workers
from service.runs.doorbell import Doorbell
from service.settings import Settings

_LOOK_AGAIN_SECONDS = 0.5
_AWAY = "The database does not answer; try again."

_log = structlog.get_logger(__name__)


class SchemaGuard:
    """Lets nothing through until the database's schema is known to be this code's."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._refusal: str | None = None

    def require(self) -> None:
        """Let a request through.

        Raises:
            UnavailableError: the database has not answered yet, or is of another version.
        """
        if self._refusal is not None:
            raise UnavailableError(self._refusal)

    @contextlib.asynccontextmanager
    async def watch(self) -> AsyncIterator[None]:
        """Check the schema now, or as soon as the database is there.

        Raises:
            SchemaVersionError: the database is there, and of another version.
        """
        outage = Outage("Postgres")
        task = None
        if not await self._look(outage):
            task = asyncio.create_task(self._keep_looking(outage))
        try:
            yield
        finally:
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _look(self, outage: Outage) -> bool:
        try:
            await run_in_threadpool(check_schema, self._engine)
        except SQLAlchemyError as error:
            if not is_outage(error):
                raise
            self._refusal = _AWAY
            outage.began(error)
            return False
        self._refusal = None
        outage.ended()
        return True

    async def _keep_looking(self, outage: Outage) -> None:
        while True:
            await asyncio.sleep(_LOOK_AGAIN_SECONDS)
            try:
                if await self._look(outage):
                    return
            except SchemaVersionError as error:
                # It may be migrated any moment, so go on looking.
                if self._refusal != str(error):
                    _log.error(str(error))
                self._refusal = str(error)


@dataclass(frozen=True)
class PartCheck:
    """Whether one part of the service works, and a sentence about it."""

    ok: bool
    detail: str


def check_parts(
    engine: Engine, sessions: sessionmaker[Session], doorbell: Doorbell, settings: Settings
) -> dict[str, PartCheck]:
    """Look at everything the service needs to train runs."""
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
    except SQLAlchemyError as error:
        if not is_outage(error):
            raise
        away = PartCheck(False, "PostgreSQL does not answer.")
        return {"database": away, "schema": unknown, "workers": unknown}
    shown = ", ".join(f"{count} on {device}" for device, count in sorted(seen.items()))
    workers = PartCheck(
        bool(seen), f"Seen: {shown}." if seen else "No worker has been seen lately."
    )
    return {
        "database": PartCheck(True, "PostgreSQL answers."),
        "schema": schema,
        "workers": workers,
    }


def _check_schema(engine: Engine) -> PartCheck:
    try:
        check_schema(engine)
    except SchemaVersionError as error:
        return PartCheck(False, str(error))
    return PartCheck(True, "The schema is the one this version needs.")
