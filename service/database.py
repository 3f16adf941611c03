"""The engine, the sessions, the tables' base and the schema's version."""

import select
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import DeclarativeBase, Session, sessionmaker

from service.config import Settings

if TYPE_CHECKING:
    from alembic.config import Config

#: Names every constraint, so that a migration can drop what another made.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"

#: A process that is put to sleep in the middle of a transaction keeps its locks, and its run
#: could be nobody else's however long ago the lease ended. Postgres ends such a transaction.
_LONGEST_PAUSE_IN_TRANSACTION = "15s"

#: Without these, a server that vanishes without a word (a cut cable, a lost container) is waited
#: for by the kernel: hours for an answer, a quarter of an hour for what was sent. A worker would
#: neither train on nor notice. Dead after 5 + 3 x 2 s of silence, or 15 s without a receipt.
_TCP = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}


class Base(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData(naming_convention=NAMING)


class SchemaVersionError(Exception):
    """The database's schema is not the one this code was written for."""


def create_database_engine(settings: Settings, *, pool_size: int | None = None) -> Engine:
    """Open a pool of connections; each is checked before use, so a restart heals itself."""
    engine = create_engine(
        settings.sqlalchemy_url,
        pool_size=pool_size or settings.database_pool_size,
        max_overflow=10,
        pool_timeout=10,
        json_deserializer=orjson.loads,
        connect_args={
            "connect_timeout": 5,
            "options": "-c timezone=utc "
            f"-c idle_in_transaction_session_timeout={_LONGEST_PAUSE_IN_TRANSACTION}",
            **_TCP,
        },
    )
    event.listen(engine, "checkout", _refuse_dead)
    return engine


def _refuse_dead(connection: Any, *_: Any) -> None:
    """Let the pool open another connection in place of one that the server has closed.

    An idle connection has nothing to read but its end, so the socket tells as much as a question
    to the server would, which takes as long as many a read (0.3 ms).
    """
    if connection.closed or _has_something_to_read(connection.fileno()):
        raise DisconnectionError


def _has_something_to_read(descriptor: int) -> bool:
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(0))


def session_factory(engine: Engine) -> sessionmaker[Session]:
    """Make sessions whose objects stay readable after a commit."""
    return sessionmaker(engine, expire_on_commit=False)


def reading_factory(engine: Engine) -> sessionmaker[Session]:
    """Make sessions for what only reads: no transaction is begun and ended around its statements.

    Under READ COMMITTED, which is ours, each statement sees a state of its own in a transaction
    too. So it would keep nothing together, and be two of three round trips of most reads.
    """
    return session_factory(engine.execution_options(isolation_level="AUTOCOMMIT"))


def alembic_config(url: str) -> "Config":
    """Configure alembic for this code's migrations and a database."""
    # A seventh of what the API imports, and only who migrates needs it.
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


@lru_cache(maxsize=1)
def known_revisions() -> tuple[str, ...]:
    """The schema versions this code knows, oldest first: what its migrations' files begin with."""
    found = sorted(each.name.partition("_")[0] for each in MIGRATIONS.glob("versions/[0-9]*.py"))
    if not found:
        raise SchemaVersionError(f"No migration was found in {MIGRATIONS}.")
    return tuple(found)


def expected_revision() -> str:
    """The schema version this code was written for."""
    return known_revisions()[-1]


def _current_revision(connection: Connection) -> str | None:
    """The schema version of a database; None before its first migration."""
    if connection.scalar(text("SELECT to_regclass('alembic_version')")) is None:
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def check_schema(engine: Engine, *, newer_only: bool = False) -> None:
    """Refuse a database of another schema version; with ``newer_only`` one to migrate will do.

    Raises:
        SchemaVersionError: with a sentence that says what to run.
        sqlalchemy.exc.OperationalError: the database cannot be reached.
    """
    with engine.connect() as connection:
        found = _current_revision(connection)
    known, expected = known_revisions(), expected_revision()
    if found == expected:
        return
    if newer_only and found in {None, *known}:
        return
    if found is None:
        raise SchemaVersionError("The database is empty. Run `actinium-admin migrate` first.")
    if found in known:
        raise SchemaVersionError(
            f"The database is at schema {found}, this code needs {expected}. "
            "Run `actinium-admin migrate`."
        )
    raise SchemaVersionError(
        f"The database is at schema {found}, newer than this code's {expected}. "
        "Install the newer version of Actinium."
    )
