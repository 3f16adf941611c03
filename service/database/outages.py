"""Parts that are away for a while: telling an outage from a bug, and waiting it out."""

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
    """Say whether a database error is one that trying again can heal.

    A lost or refused connection, a server that starts or stops, a deadlock, a full disk: all
    reach us as operational errors. A bad statement or value does not. A transaction that Postgres
    ended because this process was asleep in it is an internal error, and can be tried again too.
    """
    return isinstance(error, OperationalError | InterfaceError) or (
        isinstance(error, DBAPIError)
        and (
            error.connection_invalidated or isinstance(error.orig, IdleInTransactionSessionTimeout)
        )
    )


class Outage:
    """Logs when a part goes away and when it is back: one line each, however often it is tried."""

    def __init__(self, part: str) -> None:
        self.part = part
        self.lasting = False

    def began(self, reason: object = "") -> None:
        """The part did not answer."""
        if not self.lasting:
            first_line = str(reason).partition("\n")[0]
            _log.warning(f"{self.part} is away; trying again until it is back", reason=first_line)
        self.lasting = True

    def ended(self) -> None:
        """The part answered."""
        if self.lasting:
            _log.info(f"{self.part} is back")
        self.lasting = False


def wait_for_schema(settings: Settings, stop: threading.Event) -> None:
    """Wait until Postgres answers, or until told to stop.

    Raises:
        SchemaVersionError: it answers, and its schema is not this code's.
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
