"""Outages of Postgres and Redis: recognize them, log them once, wait until they end.

What Postgres refuses is told from an outage by the SQLSTATE (its manual, appendix A).
"""

import threading
from enum import StrEnum

import structlog
from psycopg.errors import IdleInTransactionSessionTimeout
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from service.database.engine import create_database_engine
from service.database.schema_version import check_schema
from service.settings import Settings

_WAIT_SECONDS = 1.0

#: A program limit was passed: the statement is too complex, too deep, has too many columns, ...
_PROGRAM_LIMIT = "54"
_QUERY_CANCELED = "57014"
_OUT_OF_MEMORY = "53200"

_log = structlog.get_logger(__name__)


class RefusalKind(StrEnum):
    """Why Postgres refused a statement of a request that it understood."""

    TOO_COMPLEX = "too complex"
    TOO_SLOW = "too slow"
    NO_MEMORY = "no memory"


def refusal_of(error: Exception) -> RefusalKind | None:
    """Return why Postgres, which answers, refused a statement; None for any other error."""
    state = _sqlstate(error)
    if state.startswith(_PROGRAM_LIMIT):
        return RefusalKind.TOO_COMPLEX
    kinds = {_QUERY_CANCELED: RefusalKind.TOO_SLOW, _OUT_OF_MEMORY: RefusalKind.NO_MEMORY}
    return kinds.get(state)


def _sqlstate(error: Exception) -> str:
    """Return the SQLSTATE of a database error; empty where the server sent none."""
    return getattr(getattr(error, "orig", None), "sqlstate", None) or ""


def is_outage(error: Exception) -> bool:
    """Whether trying again can succeed after a database error.

    A lost or refused connection, a server that starts or stops, a deadlock, a full disk or memory
    and a statement that took too long are operational errors; so is, for psycopg, a statement that
    is too complex, which no attempt will change. A wrong statement or value is not. A transaction
    that Postgres ended because this process was suspended in it is an internal error, and can be
    tried again too.
    """
    if refusal_of(error) == RefusalKind.TOO_COMPLEX:
        return False
    return isinstance(error, OperationalError | InterfaceError | PoolTimeoutError) or (
        isinstance(error, DBAPIError)
        and (
            error.connection_invalidated or isinstance(error.orig, IdleInTransactionSessionTimeout)
        )
    )


class Outage:
    """Logs one line when a server stops answering, and one when it answers again.

    Args:
        part: the name of the server in the log.
    """

    def __init__(self, part: str) -> None:
        self._part = part
        self._lasting = False

    def began(self, reason: object = "") -> None:
        """Record that the server did not answer."""
        if not self._lasting:
            first_line = str(reason).partition("\n")[0]
            _log.warning(f"{self._part} is away; trying again until it is back", reason=first_line)
        self._lasting = True

    def ended(self) -> None:
        """Record that the server answered."""
        if self._lasting:
            _log.info(f"{self._part} is back")
        self._lasting = False


def wait_for_schema(settings: Settings, stop: threading.Event) -> None:
    """Wait until Postgres answers, or until ``stop`` is set.

    Raises:
        SchemaVersionError: its schema is not the one that this code needs.
    """
    engine = create_database_engine(settings, pool_size=1)
    outage = Outage("Postgres")
    try:
        while not stop.is_set():
            try:
                check_schema(engine)
            except OperationalError as error:
                outage.began(error.orig)
                stop.wait(_WAIT_SECONDS)
            else:
                outage.ended()
                return
    finally:
        engine.dispose()
