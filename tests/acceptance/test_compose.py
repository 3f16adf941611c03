"""The services of docker-compose.yml do the main job, started by their very commands."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
import redis
import torch
from psycopg import sql
from safetensors.numpy import load

from deploy.embedded.binaries import postgres_bin, valkey_server
from deploy.embedded.ports import free_port
from tests.support.compose_file import compose
from tests.support.compose_processes import Container, Machine
from tests.support.processes import wait_for

pytestmark = pytest.mark.slow

SECRETS = {
    "ACTINIUM_API_KEY": "a-key-of-the-test",
    "POSTGRES_PASSWORD": "a-password-of-the-test",
    "SERVICE_PASSWORD": "another-password-of-the-test",
    "REDIS_PASSWORD": "redis-password-of-the-test",
}
SERVICES = compose(SECRETS)["services"]
LASTING = ("api", "scheduler", "worker")
SMALL = {
    "name": "compose",
    "activation": ["relu", "tanh"],
    "dataset": {"name": "mnist", "train_size": 256, "test_size": 128},
    "batch_size": 64,
    "epochs": 1,
}


@pytest.fixture
def database(servers):
    """An empty database of a role with compose's password, and with what the image gives it."""
    server = urlsplit(servers.database_url)
    with psycopg.connect(servers.database_url, autocommit=True) as connection:
        wanted = "SELECT rolpassword FROM pg_authid WHERE rolname = 'actinium'"
        ((own_password,),) = connection.execute(wanted).fetchall()
        change = sql.SQL("ALTER ROLE actinium {} PASSWORD {}")
        password = sql.Literal(SECRETS["POSTGRES_PASSWORD"])
        connection.execute(change.format(sql.SQL("SUPERUSER"), password))
        connection.execute("CREATE DATABASE test_compose OWNER actinium")
        yield f"{server.hostname}:{server.port}/test_compose"
        connection.execute("DROP DATABASE test_compose WITH (FORCE)")
        connection.execute(change.format(sql.SQL("NOSUPERUSER"), sql.Literal(own_password)))


@pytest.fixture
def machine(servers, database, redis_url, tmp_path):
    return Machine(tmp_path, database, urlsplit(redis_url).netloc, free_port())


@pytest.fixture
def containers(machine):
    return {name: Container(name, SERVICES[name], machine) for name in ("migrate", *LASTING)}


@pytest.fixture
def started(containers):
    """What the test starts; killed at its end, and shown where it failed."""
    processes = {}
    yield processes
    for name, process in processes.items():
        process.send_group(signal.SIGKILL)
        process.popen.wait(10)
        print(f"--- {name}\n{process.output}")


@pytest.fixture
def client(machine):
    url = f"http://127.0.0.1:{machine.api_port}"
    with httpx.Client(base_url=url, timeout=70) as opened:
        yield opened


def test_the_services_train_an_experiment_and_stop_in_time(containers, started, client):
    files = {name: each.files() for name, each in containers.items()}
    migration = started["migrate"] = containers["migrate"].start()
    assert migration.wait(60) == 0, migration.output

    for name in LASTING:
        assert not containers[name].is_healthy(), f"{name} is healthy before it runs"
    for name in LASTING:
        started[name] = containers[name].start()
    wait_for(lambda: _status(client, "/readyz") == 200, what="/readyz is 200", seconds=90)
    for name in LASTING:
        wait_for(containers[name].is_healthy, what=f"{name} is healthy", seconds=60)

    assert client.post("/v1/experiments", json=SMALL).status_code == 401
    client.headers["Authorization"] = f"Bearer {SECRETS['ACTINIUM_API_KEY']}"
    submitted = client.post("/v1/experiments", json=SMALL)
    assert submitted.status_code == 201, submitted.text
    _check_finished(client, submitted.json()["id"])

    for name in ("worker", "scheduler", "api"):
        status = containers[name].stop(started[name])
        assert status == 0, f"{name} ended with {status}"
    assert not containers["api"].is_healthy()
    for name, container in containers.items():
        assert container.files() == files[name], f"{name} wrote into its image"


def test_the_gpu_worker_says_what_it_lacks(containers, started, machine):
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    assert containers["migrate"].start().wait(60) == 0
    worker = Container("worker-gpu", SERVICES["worker-gpu"], machine)
    started["worker-gpu"] = process = worker.start()
    assert process.wait(60) == 1
    assert "No CUDA device is visible here" in process.output


def test_postgres_knows_its_settings_and_its_health_check_passes(servers):
    service = SERVICES["postgres"]
    settings = [word.partition("=")[0] for word in service["command"] if "=" in word]
    assert settings
    with psycopg.connect(servers.database_url) as connection:
        for name in settings:
            known = connection.execute("SELECT FROM pg_settings WHERE name = %s", [name])
            assert known.rowcount == 1, name
    _, *command = service["healthcheck"]["test"]
    for port, status in ((urlsplit(servers.database_url).port, 0), (1, 2)):
        checked = subprocess.run(
            command, env={"PATH": str(postgres_bin()), "PGPORT": str(port)}, check=False
        )
        assert checked.returncode == status


def test_redis_keeps_what_it_was_told_over_a_restart(tmp_path):
    service, port = SERVICES["redis"], free_port()
    command = [*service["command"], "--bind", "127.0.0.1", "--port", str(port)]
    path = f"{Path(valkey_server()).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**service["environment"], "PATH": path}
    client = redis.Redis(port=port, password=SECRETS["REDIS_PASSWORD"])
    for turn in range(2):
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL
        ) as process:
            try:
                wait_for(lambda: _answers(client), what="valkey answers")
                with pytest.raises(redis.AuthenticationError):
                    redis.Redis(port=port).get("key")
                if turn == 0:
                    client.set("key", "value")
                assert client.get("key") == b"value"
                assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
                assert client.config_get("save")["save"] == ""
            finally:
                process.send_signal(signal.Signals[service["stop_signal"]])
                process.wait(10)


def _status(client, path):
    with contextlib.suppress(httpx.TransportError):
        return client.get(path).status_code


def _check_finished(client, experiment):
    deadline = time.monotonic() + 120
    status = "queued"
    while status in {"queued", "running"} and time.monotonic() < deadline:
        answer = client.get(f"/v1/experiments/{experiment}", headers={"Prefer": "wait=30"})
        status = answer.json()["status"]
    assert status == "completed", answer.text
    runs = client.get("/v1/runs", params={"experiment_id": experiment}).json()["items"]
    assert {each["config"]["activation"]["name"] for each in runs} == {"relu", "tanh"}
    for run in runs:
        history = client.get(f"/v1/runs/{run['id']}/history").json()
        assert history["epoch"] == [1]
        assert history["metrics"]["val_accuracy"][0] > 0
        for epoch in ("0", "last"):
            weights = client.get(f"/v1/runs/{run['id']}/weights", params={"epoch": epoch})
            assert load(weights.content), "the API reads what a worker wrote"


def _answers(client):
    with contextlib.suppress(redis.RedisError):
        return client.ping()
