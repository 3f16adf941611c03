"""Whether the database has the schema of this version; until that is known, requests wait."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import structlog
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from service.api.web.beside import beside
from service.database.outages import Outage, is_outage
from service.database.schema_version import SchemaVersionError, check_schema
from service.errors import UnavailableError

_CHECK_EVERY_SECONDS = 0.5
_AWAY = "The database does not answer; try again."

_log = structlog.get_logger(__name__)


class SchemaGuard:
    """Refuses requests until the database's schema is known to be the one of this version."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._refusal: str | None = None

    def require(self) -> None:
        """Return where requests can be served.

        Raises:
            UnavailableError: the database has not answered yet, or has another schema.
        """
        if self._refusal is not None:
            raise UnavailableError(self._refusal)

    @contextlib.asynccontextmanager
    async def watch(self) -> AsyncIterator[None]:
        """Check the schema now, or as soon as the database answers.

        Raises:
            SchemaVersionError: the database answers, and has another schema.
        """
        outage = Outage("Postgres")
        if await self._check(outage):
            yield
            return
        async with beside(self._check_until_right(outage)):
            yield

    async def _check(self, outage: Outage) -> bool:
        """Check the schema; False where the database does not answer."""
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

    async def _check_until_right(self, outage: Outage) -> None:
        while True:
            await asyncio.sleep(_CHECK_EVERY_SECONDS)
            try:
                if await self._check(outage):
                    return
            except SchemaVersionError as error:
                # It may be migrated at any moment, so the checks go on.
                if self._refusal != str(error):
                    _log.error(str(error))
                self._refusal = str(error)
