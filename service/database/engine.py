"""The engine, the sessions, the tables' base and the schema's version."""

import select
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.orm import Session, sessionmaker

from service.settings import Settings

if TYPE_CHECKING:
    pass


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
