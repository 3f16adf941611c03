"""Costly work: how much runs and waits, whose turn it is, and who has gone keeps nobody waiting."""

import asyncio
import socket
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from sqlalchemy import text

from service.api.computing.processes import ComputingProcesses
from service.api.web.gate import BusyError, Gate
from service.database.paging import CursorError
from service.errors import InvalidError, NotFoundError
from service.settings import Settings
from tests.support.served_api import serving

TASKS = "tests.support.costly_tasks"
SLEEP = f"{TASKS}:sleep"


def test_a_gate_admits_so_many_and_refuses_who_cannot_wait() -> None:
    async def scenario() -> None:
        gate = Gate(at_once=2, waiting=4, seconds=60)
        inside = most = 0

        async def visit(caller: str) -> None:
            nonlocal inside, most
            async with gate.turn(caller):
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0.01)
                inside -= 1

        results = await asyncio.gather(*map(visit, "abcdefgh"), return_exceptions=True)
        refused = [result for result in results if isinstance(result, BusyError)]
        assert (most, len(refused), gate.waiting) == (2, 2, 0)
        await asyncio.gather(*map(visit, "abcd"))  # all places are free again

    asyncio.run(scenario())


def test_a_gate_serves_callers_in_turn_and_keeps_room_for_others() -> None:
    async def scenario() -> list[str]:
        gate = Gate(at_once=1, waiting=8, seconds=60)
        served: list[str] = []

        async def visit(caller: str) -> None:
            async with gate.turn(caller):
                served.append(caller)
                await asyncio.sleep(0)

        async with gate.turn("first"):
            greedy = [asyncio.ensure_future(visit("greedy")) for _ in range(6)]
            await asyncio.sleep(0)
            modest = asyncio.ensure_future(visit("modest"))
            await asyncio.sleep(0)
        results = await asyncio.gather(*greedy, modest, return_exceptions=True)
        assert sum(isinstance(result, BusyError) for result in results) == 2
        return served

    assert asyncio.run(scenario()) == ["greedy", "modest", "greedy", "greedy", "greedy"]


def test_a_gate_forgets_who_gives_up() -> None:
    async def scenario() -> None:
        gate = Gate(at_once=1, waiting=4, seconds=0.05)
        async with gate.turn("a"):
            with pytest.raises(BusyError):
                async with gate.turn("b"):
                    raise AssertionError
            gone = asyncio.ensure_future(gate.turn("c").__aenter__())
            await asyncio.sleep(0.01)
            gone.cancel()
            await asyncio.sleep(0)
            assert gate.waiting == 0
        async with gate.turn("d"):
            pass

    asyncio.run(scenario())


@pytest.fixture
def processes(settings: Settings):
    """Two processes, which have five seconds for each task."""
    first = ComputingProcesses(settings)
    first.prepare()
    asyncio.run(first.run("a", SLEEP, 0))  # now what they are forked from is ready
    first.close()
    made = ComputingProcesses(settings.model_copy(update={"computing_seconds": 5}))
    yield made
    made.close()


def test_errors_arrive_as_they_were_raised(processes: ComputingProcesses) -> None:
    async def scenario() -> None:
        for kind, arguments in (
            (NotFoundError, ("There is no run.",)),
            (InvalidError, ("No.",)),
            (CursorError, ()),
            (ZeroDivisionError, ("By zero",)),
        ):
            with pytest.raises(kind) as raised:
                await processes.run("a", f"{TASKS}:refuse", kind, *arguments)
            expected = kind(*arguments)
            assert str(raised.value) == str(expected)
            assert getattr(raised.value, "errors", None) == getattr(
                kind(*arguments), "errors", None
            )

    asyncio.run(scenario())


def test_work_without_end_is_ended_and_the_next_goes_on(processes: ComputingProcesses) -> None:
    async def scenario() -> None:
        with pytest.raises(BusyError, match="longer than 5 s"):
            await processes.run("a", f"{TASKS}:hold")
        with pytest.raises(BusyError, match="ended"):
            await processes.run("a", f"{TASKS}:end")
        first = await processes.run("a", SLEEP, 0)
        assert await processes.run("a", SLEEP, 0) == first  # a process is used again
        task = asyncio.ensure_future(processes.run("a", f"{TASKS}:leave"))
        with pytest.raises(BusyError):
            await task
        assert await processes.run("a", SLEEP, 0) != first

    asyncio.run(scenario())


def test_the_statement_of_work_that_was_given_up_ends_too(
    processes: ComputingProcesses, session
) -> None:
    async def scenario() -> None:
        with pytest.raises(BusyError):
            await processes.run("a", f"{TASKS}:query")

    asyncio.run(scenario())
    deadline = time.monotonic() + 20
    running = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE query LIKE 'SELECT pg_sleep(3600)%' AND state = 'active'"
    )
    while session.scalar(text(running)):
        session.rollback()
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_a_client_that_has_gone_leaves_its_place_to_others(settings: Settings, lab) -> None:
    """As many comparisons as may wait are asked for and not awaited; the next is answered."""
    experiment = lab.submit(activation=["relu", "tanh"], seeds=2)
    lab.train_all()
    few = settings.model_copy(update={"computing_processes": 1, "computing_queue": 20})
    with serving(few) as served:
        target = f"/v1/experiments/{experiment}/figures/comparison.svg"
        url = httpx.URL(served.url)
        for _ in range(60):
            with socket.create_connection((url.host, url.port)) as connection:
                connection.sendall(f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        answer = served.client.get(target, timeout=60)
        assert answer.status_code in {200, 503}
        time.sleep(1)
        assert served.client.get(target, timeout=60).status_code == 200
        assert served.app.state.computing._gate.waiting == 0


def test_costly_work_holds_up_nobody(settings: Settings, lab) -> None:
    """More is asked for than may wait: the rest gets 503 with Retry-After, and others an answer."""
    experiment = lab.submit(activation=["relu", "tanh"], seeds=2)
    lab.train_all()
    few = settings.model_copy(update={"computing_processes": 1, "computing_queue": 4})
    with serving(few) as served, ThreadPoolExecutor(24) as pool:
        target = f"{served.url}/v1/experiments/{experiment}/figures/comparison.png"
        asked = [pool.submit(httpx.get, target, timeout=60) for _ in range(24)]
        assert served.client.get("/v1/experiments", timeout=30).status_code == 200
        answers = [future.result() for future in asked]
    assert {answer.status_code for answer in answers} == {200, 503}
    for answer in answers:
        if answer.status_code == 503:
            assert answer.json()["type"] == "urn:actinium:problem:busy"
            assert answer.headers["retry-after"]


def test_streams_are_counted_by_caller_and_in_all(settings: Settings) -> None:
    few = settings.model_copy(update={"max_streams": 3, "max_streams_per_caller": 2})
    with serving(few) as served:
        opened = []
        for _ in range(2):
            stream = served.client.stream(
                "GET", "/v1/events", headers={"Accept": "text/event-stream"}
            )
            assert stream.__enter__().status_code == 200
            opened.append(stream)
        refused = served.client.get("/v1/events", headers={"Accept": "text/event-stream"})
        assert refused.status_code == 429
        assert refused.json()["type"] == "urn:actinium:problem:too-many-open"
        opened.pop().__exit__(None, None, None)
        deadline = time.monotonic() + 20
        while served.client.get("/v1/events").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        opened.pop().__exit__(None, None, None)


def test_waits_are_counted(settings: Settings, lab) -> None:
    experiment = lab.submit(activation="relu")
    few = settings.model_copy(update={"max_waits": 2, "max_waits_per_caller": 1})
    with serving(few) as served:
        path = f"/v1/experiments/{experiment}"
        waiting = threading.Thread(
            target=lambda: httpx.get(served.url + path, headers={"Prefer": "wait=3"}, timeout=30)
        )
        waiting.start()
        time.sleep(1)
        assert served.client.get(path, headers={"Prefer": "wait=1"}).status_code == 429
        assert served.client.get(path).status_code == 200
        waiting.join()
        assert served.client.get(path, headers={"Prefer": "wait=0"}).status_code == 200


def test_exports_are_counted(settings: Settings, lab) -> None:
    few = settings.model_copy(update={"max_exports": 1, "max_exports_per_caller": 1})
    with serving(few) as served:
        path = f"/v1/experiments/{uuid.uuid4()}/histories"
        for _ in range(3):  # a refusal leaves no place taken
            assert served.client.get(path).status_code == 404
        with served.app.state.exports.place("another"):
            refused = served.client.get(path)
        assert refused.status_code == 503
        assert refused.headers["retry-after"]
