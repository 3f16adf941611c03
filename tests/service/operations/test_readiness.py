"""Health and readiness: with all parts there, and with some away."""

from collections.abc import Iterator

import psycopg
import pytest
from alembic import command
from fastapi import FastAPI
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from service.api.app import create_app
from service.database.schema_version import alembic_config
from service.database.tables import Worker
from service.settings import Settings
from tests.support.processes import wait_for
from tests.support.served_api import ask, serving

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
def app(settings: Settings) -> FastAPI:
    """The application on the test's database."""
    return create_app(settings)


def _see_worker(session: Session, name: str = "w", device: str = "cpu") -> None:
    with session.begin():
        session.execute(insert(Worker).values(name=name, device=device))


def _checks(app: FastAPI) -> tuple[int, dict[str, bool]]:
    response = ask(app, "GET", "/readyz")
    body = response.json()
    assert body["ready"] == (response.status_code == 200)
    return response.status_code, {name: check["ok"] for name, check in body["checks"].items()}


def test_health_needs_no_server() -> None:
    away = Settings(database_url=NOWHERE, redis_url="redis://127.0.0.1:1/0")
    response = ask(create_app(away), "GET", "/healthz")
    assert response.status_code == 200
    assert response.json() == {"status": "alive"}


def test_the_service_is_ready_with_a_worker(app: FastAPI, session: Session) -> None:
    parts = {"database": True, "schema": True, "broker": True}
    assert _checks(app) == (503, {**parts, "workers": False})
    _see_worker(session)
    assert _checks(app) == (200, {**parts, "workers": True})
    with session.begin():
        session.execute(text("UPDATE workers SET seen_at = now() - interval '1 hour'"))
    assert _checks(app) == (503, {**parts, "workers": False})


def test_a_part_that_is_away_is_named(settings: Settings, session: Session) -> None:
    _see_worker(session)
    without_redis = settings.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    assert _checks(create_app(without_redis)) == (
        503,
        {"database": True, "schema": True, "workers": True, "broker": False},
    )
    without_postgres = settings.model_copy(update={"database_url": NOWHERE})
    response = ask(create_app(without_postgres), "GET", "/readyz")
    assert response.status_code == 503
    assert response.headers["content-type"] == "application/problem+json"
    assert "PostgreSQL does not answer" in response.json()["detail"]


def test_another_schema_is_not_ready(app: FastAPI, session: Session) -> None:
    with session.begin():
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    status, checks = _checks(app)
    assert (status, checks["database"], checks["schema"]) == (503, True, False)


@pytest.fixture
def empty_database(settings: Settings) -> Iterator[Settings]:
    """Settings on a database that was never migrated, and does not exist yet."""
    base, _, name = settings.database_url.rpartition("/")
    yield settings.model_copy(update={"database_url": f"{base}/{name}_empty"})
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}_empty WITH (FORCE)".encode())


def test_an_api_started_before_its_database_waits_for_the_right_schema(
    settings: Settings, empty_database: Settings
) -> None:
    name = empty_database.database_url.rpartition("/")[2]
    with serving(empty_database) as served:

        def answer() -> tuple[int, str]:
            response = served.client.get("/v1/experiments")
            return response.status_code, response.text

        status, body = answer()
        assert status == 503
        assert "does not answer" in body
        assert served.client.get("/healthz").status_code == 200
        with psycopg.connect(settings.database_url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        wait_for(lambda: "actinium-admin migrate" in answer()[1], what="it asks to be migrated")
        assert answer()[0] == 503
        command.upgrade(alembic_config(empty_database.sqlalchemy_url), "head")
        wait_for(lambda: answer()[0] == 200, what="it serves")
