"""A few requests are worked on at a time: a burst of one caller keeps that caller waiting."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.orm import Session, sessionmaker

from service.api.web import request_bodies
from service.api.web.gate import Gate
from service.settings import Settings
from tests.support.processes import wait_for
from tests.support.served_api import Served, serving
from tests.support.small_experiments import submit

MINE = {"Authorization": "Bearer secret"}
#: Another caller; the answer, 401, shows that the request had its turn.
STRANGER = {"Authorization": "Bearer act_unknown"}


@pytest.fixture
def narrow(settings: Settings) -> Settings:
    """Settings of an API that works on two requests at a time, one of each caller."""
    return settings.model_copy(update={"requests_at_once": 2, "api_key": SecretStr("secret")})


def test_one_caller_has_its_part_of_a_gate_and_no_more() -> None:
    async def scenario() -> tuple[int, list[str]]:
        gate = Gate(at_once=4, waiting=100, seconds=60, per_caller=2)
        inside = most = 0
        served: list[str] = []

        async def visit(caller: str) -> None:
            nonlocal inside, most
            async with gate.turn(caller):
                served.append(caller)
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0.01)
                inside -= 1

        greedy = [asyncio.ensure_future(visit("greedy")) for _ in range(6)]
        await asyncio.sleep(0)
        await visit("modest")
        await asyncio.gather(*greedy)
        return most, served

    most, served = asyncio.run(scenario())
    assert most == 3
    assert served == ["greedy", "greedy", "modest", *["greedy"] * 4]


def test_a_turn_that_comes_as_its_request_goes_passes_to_the_next() -> None:
    async def scenario() -> None:
        gate = Gate(at_once=1, waiting=100, seconds=60)
        await gate.enter("first")
        gone = [asyncio.ensure_future(gate.enter("gone")) for _ in range(3)]
        again = asyncio.ensure_future(gate.enter_again("gone"))
        following = asyncio.ensure_future(gate.enter("following"))
        await asyncio.sleep(0)
        gone[0].cancel()  # before its turn
        gate.leave("first")
        gone[1].cancel()  # its turn has come
        gone[2].cancel()
        again.cancel()
        await asyncio.wait_for(following, 5)
        gate.leave("following")
        async with gate.turn("last"):
            assert gate.waiting == 0

    asyncio.run(scenario())


@contextlib.contextmanager
def held_up(session: Session) -> Iterator[None]:
    """Have every request that reads experiments wait for the database."""
    session.execute(text("LOCK TABLE experiments IN ACCESS EXCLUSIVE MODE"))
    try:
        yield
    finally:
        session.rollback()


def test_a_caller_waits_for_its_own_requests_and_others_do_not(
    session: Session, narrow: Settings
) -> None:
    with serving(narrow) as served, ThreadPoolExecutor(2) as pool:
        with held_up(session):
            listed = pool.submit(served.client.get, "/v1/experiments", headers=MINE)
            _wait_for_locks(session)
            mine = pool.submit(served.client.get, "/v1/catalog", headers=MINE)
            assert served.client.get("/v1/catalog", headers=STRANGER).status_code == 401
            assert served.client.get("/healthz").status_code == 200
            with pytest.raises(NotYet):
                mine.result(0.5)
        assert (listed.result(20).status_code, mine.result(20).status_code) == (200, 200)


def test_who_gets_no_turn_is_told_to_try_again(session: Session, narrow: Settings) -> None:
    hasty = narrow.model_copy(update={"turn_seconds": 0.2})
    with serving(hasty) as served, ThreadPoolExecutor(1) as pool:
        with held_up(session):
            listed = pool.submit(served.client.get, "/v1/experiments", headers=MINE)
            _wait_for_locks(session)
            refused = served.client.get("/v1/catalog", headers=MINE)
        listed.result(20)
        assert refused.status_code == 503
        assert refused.json()["type"] == "urn:actinium:problem:busy"
        assert int(refused.headers["retry-after"]) > 0
        assert served.client.get("/v1/catalog", headers=MINE).status_code == 200


def _wait_for_locks(session: Session) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    wait_for(lambda: session.execute(waiting).scalar_one(), what="a request waits for a lock")


def test_requests_that_wait_for_others_keep_nobody_waiting(
    session: Session, sessions: sessionmaker[Session], narrow: Settings
) -> None:
    run = submit(session, narrow, epochs=1)[0]
    with serving(narrow) as served, ThreadPoolExecutor(12) as pool:
        waits = [_waiting(pool, served, f"/v1/runs/{run}") for _ in range(4)]
        with contextlib.ExitStack() as connections:
            for _ in range(4):
                connections.enter_context(
                    _begun(served, "GET /v1/events", "Accept: text/event-stream")
                )
                connections.enter_context(
                    _begun(served, "POST /v1/experiments", "Content-Length: 90", body=b"{")
                )
                connections.enter_context(
                    _begun(served, "POST /v1/datasets", "Content-Length: 90", body=b"x,y\n1,2")
                )
            places = served.app.state
            wait_for(lambda: _open(places.waits) == 4, what="four requests wait")
            wait_for(lambda: _open(places.streams) == 4, what="four streams are open")
            wait_for(lambda: _open(places.uploading) >= 2, what="files are received")
            assert served.client.get("/v1/catalog", headers=MINE).status_code == 200
            assert not any(waiting.done() for waiting in waits)
        with sessions.begin() as ending:
            ending.execute(text("UPDATE runs SET status = 'cancelled', finished_at = now()"))
        assert {waiting.result(20).json()["status"] for waiting in waits} == {"cancelled"}


def _open(places) -> int:
    return places._taken.total()


def _waiting(pool: ThreadPoolExecutor, served: Served, path: str) -> "Future[httpx.Response]":
    return pool.submit(served.client.get, path, headers={**MINE, "Prefer": "wait=25"})


@contextlib.contextmanager
def _begun(served: Served, line: str, *headers: str, body: bytes = b"") -> Iterator[socket.socket]:
    """Have a connection with a request of which the client sends or reads no more."""
    url = httpx.URL(served.url)
    head = [f"{line} HTTP/1.1", "Host: 127.0.0.1", "Authorization: Bearer secret", *headers]
    kind = "text/csv" if "datasets" in line else "application/json"
    with socket.create_connection((url.host, url.port), timeout=30) as connection:
        connection.sendall("\r\n".join([*head, f"Content-Type: {kind}", "", ""]).encode() + body)
        yield connection


def test_bodies_that_never_end_take_bounded_memory(
    narrow: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_bodies, "_MOST_RECEIVED_BYTES", 100_000)
    line, length = "POST /v1/experiments", "Content-Length: 40000"
    with serving(narrow) as served:
        with (
            _begun(served, line, length, body=b" " * 30_000),
            _begun(served, line, length, body=b" " * 30_000) as second,
        ):
            status, _, rest = second.recv(10_000).partition(b"\r\n")
            assert status == b"HTTP/1.1 503 Service Unavailable"
            while b"long bodies" not in rest:
                rest += second.recv(10_000)
        _wait_until_accepted(served)


def _wait_until_accepted(served: Served) -> None:
    until = time.monotonic() + 20
    body = b'{"activation": "relu", "epochs": 1, "x": "' + b" " * 30_000 + b'"}'
    headers = {**MINE, "Content-Type": "application/json"}
    while True:
        answer = served.client.post("/v1/experiments", content=body, headers=headers)
        if answer.status_code == 422 or time.monotonic() > until:
            break
        time.sleep(0.1)
    assert answer.status_code == 422  # received, and found to name an unknown field


def test_errors_of_a_long_body_are_found_in_another_process(settings: Settings) -> None:
    """They are the same errors as those of a short body, and no more of them."""

    def refused(served: Served, number: int) -> list[dict[str, str]]:
        variants = [{"label": str(n), "initializer": ["he_norma"] * 90} for n in range(number)]
        spec = {"activation": "relu", "variants": variants}
        answer = served.client.post("/v1/experiments", json=spec)
        assert answer.status_code == 422
        return answer.json()["errors"]

    with serving(settings) as served:
        short = refused(served, 2)
        assert not served.app.state.computing.pids()
        assert refused(served, 100) == short
        assert served.app.state.computing.pids()
    assert len(short) == 50
    assert "did you mean 'he_normal'" in short[0]["detail"]
