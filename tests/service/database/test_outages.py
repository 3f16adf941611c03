"""What Postgres refuses is told from an outage, by the SQLSTATE that Postgres itself sends."""

import json

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from service.api.web.problems import problem_response
from service.database.engine import create_database_engine
from service.database.outages import RefusalKind, is_outage, refusal_of
from service.settings import Settings

SCOPE = {
    "type": "http",
    "path": "/v1/runs",
    "raw_path": b"/v1/runs",
    "state": {"request_id": "1f6fd0c1a7e04d6b"},
}

STATEMENTS = {
    "too many arguments": f"SELECT jsonb_extract_path('{{}}', {', '.join(['NULL'] * 120)})",
    "too many columns": f"SELECT {', '.join(['1'] * 2_000)}",
    "a long sum": f"SELECT {'+'.join(['1'] * 50_000)}",
}


def _error(engine: Engine, statement: str) -> SQLAlchemyError:
    with engine.connect() as connection, pytest.raises(SQLAlchemyError) as raised:
        connection.execute(text(statement.replace(":", r"\:")))
    return raised.value


def _answer(error: Exception) -> tuple[int, str, str | None]:
    response = problem_response(SCOPE, error)
    detail = json.loads(response.body)["detail"]
    return response.status_code, detail, response.headers.get("retry-after")


@pytest.mark.parametrize("kind", STATEMENTS)
def test_a_statement_beyond_a_limit_is_the_requests_fault(engine: Engine, kind: str) -> None:
    error = _error(engine, STATEMENTS[kind])
    assert refusal_of(error) == RefusalKind.TOO_COMPLEX, error.orig.sqlstate
    assert not is_outage(error)
    status, detail, retry_after = _answer(error)
    assert (status, retry_after) == (422, None)
    assert "too complex" in detail


def test_a_statement_that_takes_too_long_is_given_up(settings: Settings) -> None:
    engine = create_database_engine(settings, statement_seconds=0.2)
    try:
        error = _error(engine, "SELECT pg_sleep(60)")
    finally:
        engine.dispose()
    assert refusal_of(error) == RefusalKind.TOO_SLOW
    status, detail, retry_after = _answer(error)
    assert (status, retry_after) == (503, "2")
    assert "does not answer" not in detail


def test_the_want_of_memory_is_told_as_what_it_is(engine: Engine) -> None:
    error = _error(
        engine, "DO $$ BEGIN RAISE EXCEPTION 'no memory' USING ERRCODE = '53200'; END $$"
    )
    assert refusal_of(error) == RefusalKind.NO_MEMORY
    assert _answer(error)[0] == 503
    assert "memory" in _answer(error)[1]


@pytest.mark.parametrize("state", ["57P01", "57P03", "08006", "40P01", "53300", "53100"])
def test_an_outage_stays_one(engine: Engine, state: str) -> None:
    error = _error(engine, f"DO $$ BEGIN RAISE EXCEPTION 'away' USING ERRCODE = '{state}'; END $$")
    assert refusal_of(error) is None
    assert is_outage(error)
    assert _answer(error) == (503, "The database does not answer; try again.", "2")


def test_a_server_that_is_not_there_is_an_outage(settings: Settings) -> None:
    away = settings.model_copy(update={"database_url": "postgresql://nobody@127.0.0.1:1/none"})
    engine = create_database_engine(away)
    with pytest.raises(SQLAlchemyError) as raised, engine.connect():
        pass
    assert refusal_of(raised.value) is None
    assert is_outage(raised.value)
