"""Fixtures over real servers: one embedded Postgres and Valkey a test process, a database a test.

A template database is migrated once; each test gets a copy of it (tens of milliseconds) and
its own Redis database, so tests cannot see one another.
"""

import itertools
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path

import hypothesis
import psycopg
import pytest
import redis
from alembic import command
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from deploy.embedded import EmbeddedServers, Endpoints
from service.database.engine import create_database_engine, session_factory
from service.database.schema_version import alembic_config
from service.settings import Settings
from tests.support import processes

# How long an example takes to draw or to run says how busy the machine is, and nothing of the code.
hypothesis.settings.register_profile(
    "busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("busy")

_TEMPLATE = "template_actinium"
_numbers = itertools.count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Count the longest tests among the slow ones, before `-m` chooses."""
    for item in items:
        if "longest" in item.keywords:
            item.add_marker("slow")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what the processes of the test have said."""
    report = yield
    if report.failed:
        report.sections.extend(processes.logs())
    if report.when == "teardown":
        processes.forget_ended()
    return report


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoints]:
    """Start Postgres and Valkey once for the test process."""
    with EmbeddedServers(tmp_path_factory.mktemp("servers")) as started:
        # Every test makes databases, which the service's own user may not.
        endpoints = replace(started, database_url=started.superuser_url)
        # Nothing here has to survive a power cut, and every test makes a database.
        _administer(endpoints, "ALTER SYSTEM SET fsync = off")
        _administer(endpoints, "SELECT pg_reload_conf()")
        yield endpoints


def _database_url(servers: Endpoints, name: str) -> str:
    base, _, _ = servers.database_url.rpartition("/")
    return f"{base}/{name}"


def _administer(servers: Endpoints, statement: str) -> None:
    url = _database_url(servers, "postgres")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.fixture(scope="session")
def template(servers: Endpoints) -> str:
    """Migrate the database that every test's own is copied from."""
    _administer(servers, f"CREATE DATABASE {_TEMPLATE}")
    url = _database_url(servers, _TEMPLATE).replace("postgresql://", "postgresql+psycopg://")
    command.upgrade(alembic_config(url), "head")
    return _TEMPLATE


@pytest.fixture
def database_url(servers: Endpoints, template: str) -> Iterator[str]:
    """Give the test a migrated database of its own."""
    name = f"test_{next(_numbers)}"
    _administer(servers, f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY WAL_LOG")
    yield _database_url(servers, name)
    _administer(servers, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def redis_url(servers: Endpoints) -> str:
    """Give the test the Redis server, emptied."""
    with redis.Redis.from_url(servers.redis_url) as client:
        client.flushall()
    return servers.redis_url


@pytest.fixture
def settings(
    database_url: str, redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Settings:
    """Settings on the test's own servers, with times short enough to wait for."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    return Settings(
        database_url=database_url,
        redis_url=redis_url,
        home=tmp_path / "home",
        lease_seconds=4,
        renew_seconds=0.5,
        sweep_seconds=0.5,
        retry_backoff_seconds=0.2,
        worker_seen_seconds=12,
        # Histories are compared between experiments of any number of runs.
        training_threads=1,
    )


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    """An engine on the test's database."""
    created = create_database_engine(settings)
    yield created
    created.dispose()


@pytest.fixture
def sessions(engine: Engine) -> sessionmaker[Session]:
    """Make sessions on the test's database."""
    return session_factory(engine)


@pytest.fixture
def session(sessions: sessionmaker[Session]) -> Iterator[Session]:
    """One session, with no transaction begun."""
    with sessions() as opened:
        yield opened
