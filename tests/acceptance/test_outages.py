"""The API while Redis, the workers or Postgres are away, and when they are back.

Real processes on servers that a test may stop.
"""

import signal
import time

import httpx
import pytest
from alembic import command
from sqlalchemy import text

from deploy.embedded import EmbeddedServers
from deploy.embedded.ports import free_port
from service.database.engine import create_database_engine, session_factory
from service.database.outages import is_outage
from service.database.schema_version import alembic_config
from service.runs import endings
from tests.support.processes import Processes, wait_for
from tests.support.scripted_worker import Lab

pytestmark = pytest.mark.slow

SPEC = {
    "activation": "relu",
    "dataset": {"name": "digits", "train_size": 128, "test_size": 64},
    "model": {"name": "mlp", "hidden_units": [8]},
    "epochs": 2,
    "reuse": False,
}


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """Servers that a test may stop."""
    servers = EmbeddedServers(tmp_path_factory.mktemp("own"))
    with servers:
        url = servers.postgres.url.replace("postgresql://", "postgresql+psycopg://")
        command.upgrade(alembic_config(url), "head")
        yield servers


@pytest.fixture
def processes(own, settings, tmp_path):
    changed = settings.model_copy(
        update={
            "database_url": own.postgres.url,
            "redis_url": own.valkey.url,
            "port": free_port(),
            "lease_seconds": 30.0,
        }
    )
    with Processes(changed, tmp_path / "logs") as started:
        yield started


@pytest.fixture
def api(processes):
    """A client of a served API."""
    processes.start("api", "service.cli", "api")
    url = f"http://127.0.0.1:{processes.settings.port}"
    with httpx.Client(base_url=url, timeout=20) as client:
        wait_for(lambda: answers(client), what="the API answers", seconds=60)
        yield client


def answers(client):
    try:
        return client.get("/v1/experiments").status_code == 200
    except httpx.TransportError:
        return False


def submitted(api, **fields):
    answer = api.post("/v1/experiments", json=SPEC | fields)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def reads(api, experiment_id):
    """Ask everything that is read of an experiment; returns the statuses."""
    (run, *_) = api.get("/v1/runs", params={"experiment_id": experiment_id}).json()["items"]
    paths = (
        "/v1/experiments",
        f"/v1/experiments/{experiment_id}",
        f"/v1/experiments/{experiment_id}/histories",
        f"/v1/runs/{run['id']}",
        f"/v1/runs/{run['id']}/history",
        f"/v1/runs/{run['id']}/attempts",
        "/v1/catalog",
    )
    return {api.get(path).status_code for path in paths}


def completes(api, experiment_id, seconds=60):
    def over():
        return api.get(f"/v1/experiments/{experiment_id}").json()["status"] == "completed"

    wait_for(over, what=f"{experiment_id} completes", seconds=seconds)


def test_without_redis_and_workers_all_is_answered_and_starts_when_they_are_back(
    own, processes, api
):
    processes.scheduler()
    waiting = submitted(api)
    own.valkey.stop()
    try:
        began = time.monotonic()
        late = submitted(api)
        assert time.monotonic() - began < 10
        assert reads(api, late) == {200}
        assert api.get(f"/v1/experiments/{late}").json()["status"] == "queued"
        ready = api.get("/readyz")
        assert ready.status_code == 503
        assert "Redis does not answer" in ready.text
        assert api.post(f"/v1/experiments/{submitted(api)}/cancel").status_code == 200
    finally:
        own.valkey.start()
    processes.worker("one")
    for each in (waiting, late):
        completes(api, each)


@pytest.mark.longest
def test_a_worker_whose_run_ends_while_redis_is_away_hears_the_next_bell(own, processes, api):
    processes.scheduler()
    worker = processes.worker("one")
    during = submitted(api, epochs=150)
    wait_for(lambda: "Training" in worker.output, what="it trains")
    own.valkey.stop()
    try:
        completes(api, during)
        worker.says("Ended")
        time.sleep(0.5)  # what the child's end brings about reaches the parent
    finally:
        own.valkey.start()
    completes(api, submitted(api))


def test_without_postgres_there_is_a_problem_to_try_again_and_no_restart_is_needed(
    own, processes, api
):
    experiment_id = submitted(api)
    with api.stream("GET", f"/v1/experiments/{experiment_id}/events") as stream:
        lines = stream.iter_lines()
        assert any("experiment.created" in line for line in lines)
        own.postgres.stop()
        try:
            for method, path in (
                ("GET", "/v1/experiments"),
                ("GET", f"/v1/experiments/{experiment_id}"),
                ("GET", f"/v1/experiments/{experiment_id}/events"),
                ("POST", f"/v1/experiments/{experiment_id}/cancel"),
                ("POST", "/v1/experiments"),
            ):
                began = time.monotonic()
                answer = api.request(method, path, json=SPEC if method == "POST" else None)
                assert answer.status_code == 503, (method, path, answer.text)
                assert answer.headers["content-type"] == "application/problem+json"
                assert int(answer.headers["retry-after"]) > 0
                assert time.monotonic() - began < 10
            assert api.get("/healthz").status_code == 200
            assert api.get("/readyz").status_code == 503
        finally:
            own.postgres.start()
        wait_for(lambda: answers(api), what="the API answers again", seconds=15)
        # The stream that was open all the while goes on.
        api.post(f"/v1/experiments/{experiment_id}/cancel")
        assert any("experiment.finished" in line for line in lines)
    processes.worker("one")
    processes.scheduler()
    completes(api, submitted(api))


def test_a_worker_put_to_sleep_in_a_transaction_cannot_keep_its_run(sessions, settings):
    """Its locks are ended by Postgres, and when it wakes that is an outage like others."""
    lab = Lab(sessions, settings)
    lab.submit()
    held = lab.taken()
    lab.expire(held)
    sleeper = create_database_engine(settings)
    with session_factory(sleeper)() as session:
        assert session.scalar(text("SHOW idle_in_transaction_session_timeout")) == "15s"
        session.execute(text("SET idle_in_transaction_session_timeout = '300ms'"))
        session.execute(text("SELECT FROM runs WHERE id = :id FOR UPDATE"), {"id": held.run_id})
        with sessions() as other:
            assert not endings.recover(other, held.run_id, held.attempt, settings)
            wait_for(
                lambda: endings.recover(other, held.run_id, held.attempt, settings),
                what="the run is taken back",
                seconds=10,
            )
        with pytest.raises(Exception, match="idle-in-transaction") as ended:
            session.execute(text("SELECT 1"))
        assert is_outage(ended.value)
        session.rollback()
        assert session.scalar(text("SELECT 1")) == 1
    sleeper.dispose()


def test_a_connection_to_a_server_that_vanished_is_given_up(settings):
    """The kernel is told to, on every connection (a cut cable cannot be had here)."""
    engine = create_database_engine(settings)
    with engine.connect() as connection:
        parameters = connection.connection.driver_connection.info.get_parameters()
    engine.dispose()
    keepalives = {"keepalives_idle": "5", "keepalives_interval": "2", "keepalives_count": "3"}
    assert (keepalives | {"tcp_user_timeout": "15000"}).items() <= parameters.items()


def test_a_stopped_postgres_does_not_keep_the_api_from_stopping(own, processes):
    api = processes.start("api", "service.cli", "api")
    api.says("Application startup complete", seconds=60)
    own.postgres.stop()
    try:
        api.send(signal.SIGTERM)
        assert api.wait(20) in {0, -signal.SIGTERM}
    finally:
        own.postgres.start()
