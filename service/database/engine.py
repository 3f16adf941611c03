"""The engine and its sessions."""

import os
import select
from typing import Any

import orjson
import sqlalchemy
from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import Session, sessionmaker

from service.settings import Settings

#: A process that is suspended inside a transaction keeps its locks, so that nobody could take over
#: its runs after their leases end. Postgres ends a transaction that is idle for this long.
_IDLE_IN_TRANSACTION = "15s"

#: How often Postgres looks, during a statement, whether the client is still there: a statement of
#: a process that was ended ends too.
_CLIENT_CHECK = "2s"

#: Without these, the kernel waits hours for an answer of a server that vanished (a cut cable, a
#: lost container), and a quarter of an hour for a receipt; a worker would neither train nor notice.
#: With them a connection is dead after 5 + 3 x 2 s of silence, or after 15 s without a receipt.
_TCP = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


def create_database_engine(
    settings: Settings, *, pool_size: int | None = None, statement_seconds: float = 0
) -> Engine:
    """Return a pool of connections. Dead ones are replaced at their next use.

    Args:
        settings: name the server.
        pool_size: connections that stay open; that of the settings if not given.
        statement_seconds: the longest that one statement may take; with 0 as long as it needs.
    """
    # By its module: traces replace the function there (``service.tracing``).
    engine = sqlalchemy.create_engine(
        settings.sqlalchemy_url,
        pool_size=pool_size or settings.database_pool_size,
        max_overflow=10,
        pool_timeout=10,
        json_deserializer=orjson.loads,
        connect_args={
            "connect_timeout": 5,
            "options": "-c timezone=utc "
            f"-c idle_in_transaction_session_timeout={_IDLE_IN_TRANSACTION} "
            f"-c statement_timeout={statement_seconds * 1000:.0f} "
            f"-c client_connection_check_interval={_CLIENT_CHECK}",
            **_TCP,
        },
    )
    event.listen(engine, "checkout", _refuse_dead)
    return engine


def _refuse_dead(connection: Any, *_: Any) -> None:
    """Have the pool replace a connection that the server has closed.

    The only thing to read on an idle connection is its end. Looking at the socket saves a query to
    the server, which takes as long as many reads (0.3 ms).

    Raises:
        sqlalchemy.exc.DisconnectionError: the connection is closed.
    """
    if connection.closed or _has_something_to_read(connection.fileno()):
        raise DisconnectionError


def _has_something_to_read(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def session_factory(engine: Engine) -> sessionmaker[Session]:
    """Return a maker of sessions, whose objects stay readable after a commit."""
    return sessionmaker(engine, expire_on_commit=False)


def reading_factory(engine: Engine) -> sessionmaker[Session]:
    """Return a maker of sessions that only read, without a transaction around their statements.

    Under READ COMMITTED, which the service uses, every statement sees a snapshot of its own, in a
    transaction too: a transaction would add consistency to no read, and two round trips to each.
    """
    return session_factory(engine.execution_options(isolation_level="AUTOCOMMIT"))


def forget_libpq_environment() -> None:
    """Drop libpq's variables (``PGSSLMODE``, ``PGOPTIONS``, ...) from this process' environment.

    They were set for another server than the one that ``make up`` runs, whose URL says all.
    """
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
