"""Alive, ready, measured: with everything there, and with parts away."""

from collections.abc import Iterator

import psycopg
import pytest
from alembic import command
from fastapi import FastAPI
from pydantic import SecretStr
from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from service.api.app import create_app
from service.database.schema_version import alembic_config
from service.database.tables import Worker
from service.settings import Settings
from tests.support.processes import wait_for
from tests.support.served_api import ask, serving
from tests.support.small_experiments import submit

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
    return response.status_code, {name: each["ok"] for name, each in body["checks"].items()}


def test_alive_touches_nothing() -> None:
    away = Settings(database_url=NOWHERE, redis_url="redis://127.0.0.1:1/0")
    response = ask(create_app(away), "GET", "/healthz")
    assert response.status_code == 200
    assert response.json() == {"status": "alive"}


def test_ready_with_a_worker_only(app: FastAPI, session: Session) -> None:
    parts = {"database": True, "schema": True, "broker": True}
    assert _checks(app) == (503, {**parts, "workers": False})
    _see_worker(session)
    assert _checks(app) == (200, {**parts, "workers": True})
    with session.begin():
        session.execute(text("UPDATE workers SET seen_at = now() - interval '1 hour'"))
    assert _checks(app) == (503, {**parts, "workers": False})


def test_what_is_away_is_named(settings: Settings, session: Session) -> None:
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


def test_metrics_count_requests_runs_and_workers(
    settings: Settings, app: FastAPI, session: Session
) -> None:
    submit(session, settings, seeds=3)
    submit(session, settings, seeds=2, device="cuda")
    _see_worker(session, "one")
    _see_worker(session, "two", "cuda")
    for path in ("/v1/experiments", "/v1/experiments", "/nothing/at/all", "/v1/runs/x"):
        ask(app, "GET", path)
    response = ask(app, "GET", "/metrics")
    assert response.headers["content-type"].startswith("text/plain")
    lines = set(response.text.splitlines())
    assert {
        'actinium_runs{status="queued"} 5.0',
        'actinium_runs{status="completed"} 0.0',
        'actinium_queue_length{device="auto"} 3.0',
        'actinium_queue_length{device="cuda"} 2.0',
        'actinium_workers_seen{device="cpu"} 1.0',
        'actinium_workers_seen{device="cuda"} 1.0',
        "actinium_database_up 1.0",
        'actinium_requests_total{method="GET",route="/v1/experiments",status="200"} 2.0',
        'actinium_requests_total{method="GET",route="/v1/runs/{run_id}",status="422"} 1.0',
        'actinium_requests_total{method="GET",route="unknown",status="404"} 1.0',
        'actinium_request_seconds_count{method="GET",route="/v1/experiments"} 2.0',
    } <= lines


def test_metrics_go_on_without_the_database() -> None:
    settings = Settings(database_url=NOWHERE, api_key=SecretStr("k"))
    response = ask(create_app(settings), "GET", "/metrics", headers={"Authorization": "Bearer k"})
    assert response.status_code == 200
    assert "actinium_database_up 0.0" in response.text
    assert "actinium_runs{" not in response.text


@pytest.fixture
def empty_database(settings: Settings) -> Iterator[Settings]:
    """Settings on a database that was never migrated, and does not exist yet."""
    base, _, name = settings.database_url.rpartition("/")
    yield settings.model_copy(update={"database_url": f"{base}/{name}_empty"})
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name}_empty WITH (FORCE)".encode())


def test_started_before_its_database_it_waits_for_the_right_schema(
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
