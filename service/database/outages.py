"""Outages of Postgres and Redis: recognize them, log them once, wait until they end."""

import threading

import structlog
from psycopg.errors import IdleInTransactionSessionTimeout
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from service.database.engine import create_database_engine
from service.database.schema_version import check_schema
from service.settings import Settings

_WAIT_SECONDS = 1.0

_log = structlog.get_logger(__name__)


def is_outage(error: Exception) -> bool:
    """Whether trying again can succeed after a database error.

    A lost or refused connection, a server that starts or stops, a deadlock and a full disk are
    operational errors; a wrong statement or value is not. A transaction that Postgres ended because
    this process was suspended in it is an internal error, and can be tried again too.
    """
    return isinstance(error, OperationalError | InterfaceError) or (
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
