"""The hub under load: many writers and listeners, slow listeners, connections that are cut."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import httpx
import pytest
from sqlalchemy import text

from service.events import hub
from service.events.event_types import NewEvent
from service.events.publishing import publish
from tests.support.processes import wait_for
from tests.support.sse_reader import collect, open_stream


def _path(experiment_id):
    return f"/v1/experiments/{experiment_id}/events"


def test_four_writers_at_once_lose_and_double_nothing(served, lab, open_streams):
    experiment_id = lab.submit(seeds=4, epochs=25)
    run_id = lab.runs(experiment_id)[0].id
    with ThreadPoolExecutor() as pool:
        listeners = [pool.submit(collect, served, _path(experiment_id)) for _ in range(4)]
        listener_of_run = pool.submit(collect, served, f"/v1/runs/{run_id}/events")
        wait_for(lambda: open_streams() == 5, what="all streams are open")
        writers = [
            pool.submit(lambda worker: lab.train(lab.taken(worker)), f"worker {number}")
            for number in range(4)
        ]
        for writer in writers:
            writer.result()
        seen = [[event.id for event in listener.result()] for listener in listeners]
        seen_of_run = [event.id for event in listener_of_run.result()]
    stored = lab.event_numbers(experiment_id)
    assert len(stored) == 1 + 4 * (25 + 2) + 1
    assert seen == [stored] * 4
    assert len(seen_of_run) == 25 + 2
    assert seen_of_run == sorted(set(seen_of_run))


@pytest.mark.parametrize("which", ["application_name = 'actinium-live'", "true"])
def test_cut_database_connections_lose_nothing(served, lab, sessions, which):
    def count(statement):
        with sessions() as session:
            return session.scalar(text(statement))

    experiment_id = lab.submit(seeds=2, epochs=3)
    with open_stream(served, _path(experiment_id)) as events:
        seen = [next(events)]
        listening = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'actinium-live'"
        wait_for(lambda: count(listening), what="the hub listens")
        lab.train(lab.taken())
        cut = count(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = "
            f"current_database() AND pid <> pg_backend_pid() AND {which}"
        )
        assert cut >= 1
        lab.train_all()
        seen += events
    assert [event.id for event in seen] == lab.event_numbers(experiment_id)


def test_events_arrive_when_they_happen_and_not_at_the_next_poll(served, lab, monkeypatch):
    monkeypatch.setattr(hub, "POLL_SECONDS", 600)
    experiment_id = lab.submit(epochs=12)
    began = time.monotonic()
    with open_stream(served, _path(experiment_id)) as events:
        next(events)
        claim = lab.taken()
        assert next(events).type == "run.started"
        for epoch in range(1, 11):
            lab.epoch(claim, epoch)
            assert next(events).data["epoch"] == epoch
    assert time.monotonic() - began < 60


def test_a_listener_that_lags_far_behind_still_gets_everything(served, lab, session):
    experiment_id = lab.submit()
    with open_stream(served, _path(experiment_id)) as events:
        seen = [next(events)]
        for batch in range(6):  # far more than the hub remembers, and more than a socket holds
            with session.begin():
                filler = [NewEvent("test.filler", experiment_id, None, {"text": "x" * 1000})] * 700
                publish(session, filler)
            if batch == 0:
                seen.append(next(events))
        stored = lab.event_numbers(experiment_id)
        seen += islice(events, len(stored) - 2)
    assert [event.id for event in seen] == stored


@pytest.mark.longest
def test_two_hundred_listeners_hold_no_connection_and_all_get_everything(served, lab, open_streams):
    experiment_id = lab.submit(epochs=5)
    url = f"{served.url}{_path(experiment_id)}"

    async def listen(client):
        async with client.stream("GET", url) as response:
            lines = [line async for line in response.aiter_lines()]
        return len([line for line in lines if line.startswith("id: ")])

    async def listen_all(count):
        limits = httpx.Limits(max_connections=count)
        async with httpx.AsyncClient(timeout=120, limits=limits) as client:
            listeners = [asyncio.create_task(listen(client)) for _ in range(count)]
            await asyncio.to_thread(wait_until_idle, count)
            await asyncio.to_thread(lab.train_all)
            return list(await asyncio.gather(*listeners))

    def wait_until_idle(count):
        wait_for(lambda: open_streams() == count, what=f"{count} streams are open")
        pool = served.app.state.engine.pool
        wait_for(lambda: pool.checkedout() == 0, what="idle streams hold no connection", seconds=30)

    received = asyncio.run(listen_all(200))
    assert received == [len(lab.event_numbers(experiment_id))] * 200
