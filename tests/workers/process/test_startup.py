"""How the programs start, refuse to, and stop: real processes."""

import json
import os
import signal
import time

import psycopg
import pytest

from service.liveness import mark_alive
from tests.support.processes import Processes, wait_for

pytestmark = pytest.mark.slow

MODULES = ["workers", "service.operations.scheduler"]


@pytest.fixture
def start(settings, tmp_path):
    """Start a program with changed settings."""
    with Processes(settings, tmp_path / "logs") as processes:

        def start(module, *arguments, **changed):
            processes.settings = settings.model_copy(update=changed)
            return processes.start(module, module, *arguments)

        yield start


@pytest.fixture
def empty_database(settings):
    """The URL of the test's database after somebody dropped its schema."""
    with psycopg.connect(settings.database_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    return settings.database_url


@pytest.mark.parametrize("module", MODULES)
def test_an_unmigrated_database_is_refused_in_one_sentence(start, empty_database, module):
    program = start(module)
    assert program.wait() == 1
    assert "Run `actinium-admin migrate` first." in program.output
    assert "Traceback" not in program.output


@pytest.mark.parametrize("module", MODULES)
def test_a_program_that_waits_for_postgres_stops_when_told(start, module):
    program = start(module, database_url="postgresql://postgres@127.0.0.1:1/none")
    program.says("Postgres is away; trying again until it is back")
    program.send(signal.SIGTERM)
    assert program.wait(10) == 0


def test_a_scheduler_stops_at_once(start):
    program = start("service.operations.scheduler", sweep_seconds=60.0)
    program.says("The scheduler runs")
    program.send(signal.SIGTERM)
    assert program.wait(20) == 0, "it does not sleep until the next sweep"
    assert "The scheduler has stopped" in program.output


@pytest.mark.longest
@pytest.mark.parametrize("module", MODULES)
def test_a_program_that_is_told_to_stop_over_and_over_stops(start, module):
    """As one is whose launcher dies: the kernel tells it for each thread of the launcher."""
    program = start(module)
    program.says("ready." if module == "workers" else "The scheduler runs")
    for _ in range(50):
        program.send(signal.SIGTERM)
        time.sleep(0.0001)  # of those that wait together the kernel keeps one
    assert program.wait(10) == 0


def test_a_worker_does_not_claim_a_gpu_that_is_not_there(start):
    program = start("workers", "--device", "cuda", "--gpu", "")
    assert program.wait() == 1
    assert "No CUDA device is visible here." in program.output
    assert "Traceback" not in program.output


def test_a_worker_without_a_gpu_chooses_the_cpu_and_is_seen_alive(start, settings):
    assert start("workers", "--check").wait() == 1
    worker = start("workers", "--gpu", "")
    worker.says("ready.")
    assert "device=cpu" in worker.output
    assert "SecurityWarning" not in worker.output
    wait_for((settings.home / "alive/worker").exists, what="a sign of life")
    assert start("workers", "--check").wait() == 0


def test_every_line_of_a_worker_that_starts_and_stops_is_json(start):
    worker = start("workers", "--device", "cpu", log_json=True, soft_shutdown_seconds=60.0)
    worker.says("ready.")
    worker.send(signal.SIGTERM)
    assert worker.wait(90) == 0
    lines = [json.loads(line) for line in worker.output.splitlines()]
    assert all(line.keys() >= {"event", "level", "timestamp"} for line in lines)
    events = {line["event"] for line in lines}
    assert {"worker: Warm shutdown (MainProcess)", "The worker has stopped"} <= events


def test_an_old_sign_of_life_is_none(start, settings):
    mark_alive(settings, "worker")
    sign = settings.home / "alive" / "worker"
    long_ago = time.time() - 3600
    os.utime(sign, (long_ago, long_ago))
    assert start("workers", "--check").wait() == 1
