"""Runs migrations: one connection, one transaction a migration, a lock timeout."""

import logging
import time

from alembic import context
from psycopg.errors import DeadlockDetected
from sqlalchemy import Connection, create_engine, pool, text
from sqlalchemy.exc import OperationalError

import service.database.tables
import service.database.webhook_tables  # noqa: F401 - both fill the metadata
from service.database.base import Base
from service.settings import get_settings

#: Waiting for a table behind a long query would hold up every later query on that table; give
#: up instead and let the migration be run again.
LOCK_TIMEOUT = "5s"

#: Any number: the advisory lock that a migration holds while it runs.
_ONE_AT_A_TIME = 5_770_318_241
_PATIENCE_WITH_ANOTHER = 120.0
_LOOK_AGAIN_SECONDS = 0.2

#: A migration locks whole tables, and a service that goes on working takes its locks in other
#: orders. Postgres then ends one of the two; where that is the migration, it is begun again.
_TRIES = 20

_log = logging.getLogger(__name__)


def run() -> None:
    """Bring the database named in the configuration, or in the settings, up or down."""
    for left in reversed(range(_TRIES)):
        try:
            _migrate()
        except OperationalError as error:
            if not isinstance(error.orig, DeadlockDetected) or not left:
                raise
            _log.info("Met the service at work in a deadlock; beginning the migration again")
        else:
            return


def _migrate() -> None:
    url = context.config.get_main_option("sqlalchemy.url") or get_settings().sqlalchemy_url
    engine = create_engine(url, poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text(f"SET lock_timeout = '{LOCK_TIMEOUT}'"))
        _take_turn(connection)
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            transaction_per_migration=True,
            compare_type=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()


def _take_turn(connection: Connection) -> None:
    """Wait until no other migration runs: two at once would both find the same work to do.

    Asked again and again, since an index that is built beside the service waits for every
    statement that had begun before, and one of them would be this waiting.
    """
    until = time.monotonic() + _PATIENCE_WITH_ANOTHER
    while time.monotonic() < until:
        if connection.scalar(text(f"SELECT pg_try_advisory_lock({_ONE_AT_A_TIME})")):
            return
        connection.commit()
        time.sleep(_LOOK_AGAIN_SECONDS)
    connection.execute(text(f"SELECT pg_advisory_lock({_ONE_AT_A_TIME})"))


run()
