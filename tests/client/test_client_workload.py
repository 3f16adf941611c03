"""The queue and the workers, from Python and from the command line."""

import asyncio
import json

import pytest
from sqlalchemy import insert

from actinium import AsyncClient
from service.database.tables import Worker


@pytest.fixture
def waiting(lab):
    """A worker that trains one run of two, and two runs that it cannot take."""
    lab.submit("ada", device="cuda", seeds=2)
    with lab.sessions.begin() as session:
        values = {"name": "one", "device": "cpu", "memory_bytes": 3 * 2**30}
        session.execute(insert(Worker).values(values))
    lab.submit("bob", seeds=2)
    lab.taken("one", name="AMD EPYC")


def test_workers_and_the_queue_are_read(client, waiting):
    (worker,) = client.workers()
    assert (worker["name"], worker["processor"], worker["runs"]) == ("one", "AMD EPYC", 1)
    queue = client.queue()
    assert (queue["queued"], queue["running"], queue["workers"]) == (3, 1, 1)
    assert [caller["caller"] for caller in queue["callers"]] == ["ada", "bob"]
    assert queue["blocked"][0]["reason"] == "no_device"


def test_the_asynchronous_client_reads_them_too(served, waiting):
    async def read():
        async with AsyncClient(served.url) as client:
            return [worker["name"] async for worker in client.workers()], await client.queue()

    names, queue = asyncio.run(read())
    assert (names, queue["queued"]) == (["one"], 3)


def test_workers_and_the_queue_on_the_command_line(actinium, waiting):
    listed = actinium("workers").stdout
    assert "AMD EPYC" in listed
    assert "3.0 GiB" in listed
    shown = actinium("queue").stdout
    assert shown.startswith("3 queued, 1 running, workers: 1.")
    assert "2 runs wait for a cuda worker, and none was seen lately." in shown
    assert json.loads(actinium("queue", "--json").stdout)["blocked"][0]["runs"] == 2
