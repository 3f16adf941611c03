"""The pool's connections after their server has closed them, and sessions that only read."""

from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Engine, event, func, select, text
from sqlalchemy.orm import Session, sessionmaker

from service.api.app import create_app
from service.database.engine import create_database_engine, reading_factory, session_factory
from service.settings import Settings
from tests.support.served_api import ask

SPEC = {"activation": "relu", "epochs": 1}

#: Ends all other connections, and waits until they are gone.
_END_ALL_OTHERS = text(
    "SELECT count(*) FROM (SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()) AS ended"
)


@pytest.fixture
def pool(settings: Settings) -> Engine:
    """An engine with three idle connections."""
    engine = create_database_engine(settings, pool_size=3)
    for connection in [engine.connect() for _ in range(3)]:
        connection.close()
    return engine


@pytest.mark.parametrize("factory", [session_factory, reading_factory])
def test_connections_that_the_server_closed_are_replaced(
    pool: Engine, engine: Engine, factory: Callable[[Engine], sessionmaker[Session]]
) -> None:
    with engine.connect() as other:
        assert other.scalar(_END_ALL_OTHERS) == 3
    sessions = factory(pool)
    opened = [sessions() for _ in range(3)]
    assert [session.scalar(select(1)) for session in opened] == [1, 1, 1]
    for session in opened:
        session.close()
    pool.dispose()


def test_reading_begins_no_transaction_and_leaves_none_to_a_writer(engine: Engine) -> None:
    def times(sessions: sessionmaker[Session]) -> list[object]:
        with sessions() as session, session.begin():
            return [session.scalar(select(func.now())) for _ in range(2)]

    for _ in range(2):  # on the same connection
        first, second = times(reading_factory(engine))
        assert first != second
        first, second = times(session_factory(engine))
        assert first == second
    assert engine.pool.checkedin() == 1


def test_a_get_reads_without_a_transaction_and_a_post_writes_in_one(settings: Settings) -> None:
    app: FastAPI = create_app(settings)
    levels: list[tuple[str, object]] = []

    def note(connection: Any, _: Any, statement: str, *__: Any) -> None:
        if "experiments" in statement:
            level = connection.get_execution_options().get("isolation_level")
            levels.append((statement.split(maxsplit=1)[0], level))

    event.listen(app.state.engine, "before_cursor_execute", note)
    created = ask(app, "POST", "/v1/experiments", json=SPEC)
    assert created.status_code == 201
    assert ("INSERT", None) in levels
    assert "AUTOCOMMIT" not in {level for _, level in levels}
    levels.clear()
    assert ask(app, "GET", created.headers["location"]).status_code == 200
    assert {level for _, level in levels} == {"AUTOCOMMIT"}
