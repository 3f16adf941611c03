"""Processes whose wall clocks are an hour off: nothing but the log and the ids' time shows it.

Leases, pauses and dates are Postgres' time, and what a process measures itself is monotonic.
"""

import signal
import time
import uuid
from collections import Counter

import httpx
import pytest

from deploy.embedded.ports import free_port
from tests.support.clocks import HOUR, WallClocks
from tests.support.processes import Processes, wait_for
from tests.support.run_rows import Looks
from tests.support.small_experiments import LONG
from tests.support.webhook_receivers import Receiver
from tests.support.webhook_subscriber import Subscriber

AHEAD, BEHIND = ("worker ahead", "scheduler"), ("worker behind", "api")


@pytest.fixture
def processes(settings, tmp_path):
    changed = {"port": free_port(), "webhook_private_addresses": True, "lease_seconds": 8.0}
    clocks = WallClocks(tmp_path / "clocks")
    for name in AHEAD + BEHIND:
        clocks.put(name, HOUR if name in AHEAD else -HOUR)
    own = settings.model_copy(update=changed)
    with Processes(own, tmp_path / "logs", clocks.environment) as started:
        yield started


@pytest.fixture
def client(processes):
    with httpx.Client(base_url=f"http://127.0.0.1:{processes.settings.port}") as opened:
        yield opened


@pytest.mark.longest
def test_a_run_moves_between_wrong_clocks_and_is_told_of_at_the_right_time(
    processes, client, sessions
):
    looks = Looks(sessions)
    api = processes.start("api", "service.cli", "api")
    processes.scheduler(ready=False)
    ahead = processes.worker("ahead", ready=False)
    api.says("Uvicorn running")
    with Receiver() as receiver:
        subscriber = Subscriber(receiver, client)
        made = client.post("/v1/experiments", json=LONG).json()["id"]
        thought = (uuid.UUID(made).int >> 80) / 1000
        assert thought == pytest.approx(time.time() - HOUR, abs=60), "the API's clock is behind"
        (run,) = client.get("/v1/runs", params={"experiment_id": made}).json()["items"]
        wait_for(lambda: looks.run(run["id"]).epoch >= 1, what="it trains")
        processes.worker("behind", ready=False)
        ahead.send(signal.SIGKILL)
        wait_for(lambda: looks.run(run["id"]).status == "completed", what="it ends", seconds=120)
        assert looks.outcomes(run["id"]) == ["lost", "completed"]
        assert [row[0] for row in looks.history(run["id"])] == [1, 2, 3, 4]
        subscriber.wait_for_all(20)
        accepted = subscriber.accepted()
    assert Counter(event for event, _, _ in accepted.values()) == {
        "experiment.created": 1,
        "run.started": 2,
        "run.requeued": 1,
        "run.finished": 1,
        "experiment.finished": 1,
    }
