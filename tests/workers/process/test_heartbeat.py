"""A worker's row in Postgres: there from when it can train until it ends."""

import signal
from pathlib import Path

import psycopg
import pytest

from tests.support.processes import Processes, wait_for

pytestmark = pytest.mark.slow


def seen(settings):
    with psycopg.connect(settings.database_url) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM workers")]


def has_torch(pid):
    return "libtorch" in Path(f"/proc/{pid}/maps").read_text()


def test_a_worker_is_seen_once_its_child_can_train(settings, tmp_path):
    with Processes(settings, tmp_path / "logs") as processes:
        worker = processes.start("worker", "workers", "--device", "cpu", "--name", "one")
        wait_for(lambda: seen(settings) == ["one"], what="the worker is seen", seconds=120)
        assert [has_torch(child) for child in worker.children()] == [True]
        worker.send(signal.SIGTERM)
        worker.wait()
        assert seen(settings) == []
