"""Live streams: every event once and in order, whatever is cut, slow or many."""

import asyncio
import contextlib
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import httpx
import pytest
from sqlalchemy import delete, select, text
from sqlalchemy.orm import Session, sessionmaker

from service.database.tables import Event, Experiment, Run
from service.events import hub
from service.events.event_types import NewEvent
from service.events.publishing import publish
from service.runs import claims, leases, recording
from service.runs.leases import Claim
from service.runs.recording import EpochRecord
from service.settings import Settings
from tests.support.processes import wait_for
from tests.support.served_api import Served, serving
from tests.support.small_experiments import submit
from tests.support.sse_reader import Received, received

ENGINE = {"device": "cpu"}
METRICS = {"loss": 0.5, "accuracy": 0.8, "val_loss": float("nan"), "val_accuracy": 0.7}


@pytest.fixture
def served(settings: Settings) -> Iterator[Served]:
    """A running API with quick heartbeats."""
    with serving(settings.model_copy(update={"sse_heartbeat_seconds": 0.3})) as api:
        yield api


@contextlib.contextmanager
def _stream(served: Served, path: str, after: int | None = None) -> Iterator[Iterator[Received]]:
    headers = {} if after is None else {"Last-Event-ID": str(after)}
    with (
        httpx.Client(base_url=served.url, timeout=20) as client,
        client.stream("GET", path, headers=headers) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield received(response.iter_lines())


def _collect(served: Served, path: str, after: int | None = None) -> list[Received]:
    with _stream(served, path, after) as events:
        return list(events)


def _claim(session: Session, settings: Settings, worker: str = "w") -> Claim:
    (held,) = claims.claim(session, worker=worker, engine=ENGINE, settings=settings)
    return held


def _train(sessions: sessionmaker[Session], settings: Settings, *, pause: float = 0) -> None:
    """Train the next run that waits, without training anything."""
    with sessions() as session:
        held = _claim(session, settings, threading.current_thread().name)
        for epoch in range(1, held.epochs + 1):
            ending = "completed" if epoch == held.epochs else None
            record = EpochRecord(held, epoch, METRICS, ending)
            recording.record_epochs(session, [record], settings)
            time.sleep(pause)


def _stored(session: Session, experiment_id: uuid.UUID) -> list[int]:
    with session.begin():
        ids = select(Event.id).where(Event.experiment_id == experiment_id).order_by(Event.id)
        return list(session.scalars(ids))


def _submit(session: Session, settings: Settings, **spec: object) -> tuple[uuid.UUID, uuid.UUID]:
    """Submit an experiment; returns it and its first run."""
    run_id = submit(session, settings, **spec)[0]
    with session.begin():
        return session.get_one(Run, run_id).experiment_id, run_id


def _open_streams(served: Served) -> int:
    text = httpx.get(f"{served.url}/metrics").text
    return int(float(text.partition("\nactinium_open_streams ")[2].partition("\n")[0]))


def _terminate(session: Session, which: str) -> int:
    """Cut connections to the test's database; returns how many."""
    with session.begin():
        return session.scalar(
            text(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = "
                f"current_database() AND pid <> pg_backend_pid() AND {which}"
            )
        )


def test_a_stream_begins_with_all_that_happened_and_ends_with_the_experiment(
    served: Served, session: Session, sessions: sessionmaker[Session], settings: Settings
) -> None:
    experiment_id, run_id = _submit(session, settings, seeds=2, epochs=2)
    _train(sessions, settings)
    path = f"/v1/experiments/{experiment_id}/events"
    with _stream(served, path) as events:
        seen = [next(events) for _ in range(5)]
        _train(sessions, settings)
        seen += events
    assert [each.type for each in seen] == [
        "experiment.created",
        *("run.started", "run.epoch", "run.epoch", "run.finished") * 2,
        "experiment.finished",
    ]
    assert [each.id for each in seen] == _stored(session, experiment_id)
    epoch = seen[2].data
    assert epoch["experiment_id"] == str(experiment_id)
    assert epoch["run_id"] == str(run_id)
    assert str(epoch["created_at"]).endswith("Z")
    assert epoch["metrics"] == {**METRICS, "val_loss": "NaN"}


def test_a_run_has_a_stream_of_its_own(
    served: Served, session: Session, sessions: sessionmaker[Session], settings: Settings
) -> None:
    _, run_id = _submit(session, settings, seeds=2, epochs=2)
    with _stream(served, f"/v1/runs/{run_id}/events") as events:
        _train(sessions, settings)
        seen = list(events)
    assert {each.data["run_id"] for each in seen} == {str(run_id)}
    assert [each.type for each in seen] == ["run.started", "run.epoch", "run.epoch", "run.finished"]


def test_a_cut_stream_goes_on_where_it_broke(
    served: Served, session: Session, sessions: sessionmaker[Session], settings: Settings
) -> None:
    experiment_id, _ = _submit(session, settings, seeds=1, epochs=6)
    path = f"/v1/experiments/{experiment_id}/events"
    writer = threading.Thread(target=_train, args=(sessions, settings), kwargs={"pause": 0.05})
    with _stream(served, path) as events:
        writer.start()
        seen = [next(events) for _ in range(4)]
    while seen[-1].type != "experiment.finished":
        with _stream(served, path, after=seen[-1].id) as events:
            seen += islice(events, 2)
    writer.join()
    assert [each.id for each in seen] == _stored(session, experiment_id)


def test_the_last_event_may_be_named_in_the_query_too(
    served: Served, session: Session, sessions: sessionmaker[Session], settings: Settings
) -> None:
    experiment_id, _ = _submit(session, settings, epochs=1)
    _train(sessions, settings)
    path = f"/v1/experiments/{experiment_id}/events"
    ids = _stored(session, experiment_id)
    assert [each.id for each in _collect(served, f"{path}?last_event_id={ids[1]}")] == ids[2:]
    both = _collect(served, f"{path}?last_event_id={ids[1]}", after=ids[2])
    assert [each.id for each in both] == ids[3:]


def test_four_writers_at_once_lose_and_double_nothing(
    served: Served, session: Session, sessions: sessionmaker[Session], settings: Settings
) -> None:
    experiment_id, run_id = _submit(session, settings, seeds=4, epochs=25)
    with ThreadPoolExecutor() as pool:
        listeners = [
            pool.submit(_collect, served, f"/v1/experiments/{experiment_id}/events")
            for _ in range(4)
        ]
        of_run = pool.submit(_collect, served, f"/v1/runs/{run_id}/events")
        wait_for(lambda: _open_streams(served) == 5, what="all streams are open")
        for writer in [pool.submit(_train, sessions, settings) for _ in range(4)]:
            writer.result()
        seen = [[each.id for each in listener.result()] for listener in listeners]
        run_seen = [each.id for each in of_run.result()]
    stored = _stored(session, experiment_id)
    assert len(stored) == 1 + 4 * (25 + 2) + 1
    assert seen == [stored] * 4
    assert len(run_seen) == 25 + 2
    assert run_seen == sorted(set(run_seen))


@pytest.mark.parametrize("which", ["application_name = 'actinium-live'", "true"])
def test_cut_database_connections_lose_nothing(
    served: Served,
    session: Session,
    sessions: sessionmaker[Session],
    settings: Settings,
    which: str,
) -> None:
    experiment_id, _ = _submit(session, settings, seeds=2, epochs=3)
    with _stream(served, f"/v1/experiments/{experiment_id}/events") as events:
        seen = [next(events)]
        listening = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'actinium-live'"
        wait_for(lambda: _count(sessions, listening), what="the hub listens")
        _train(sessions, settings)
        assert _terminate(session, which) >= 1
        _train(sessions, settings)
        seen += events
    assert [each.id for each in seen] == _stored(session, experiment_id)


def _count(sessions: sessionmaker[Session], statement: str) -> int:
    with sessions() as session, session.begin():
        return int(session.scalar(text(statement)))


def test_events_arrive_by_notice_and_not_at_the_next_poll(
    session: Session,
    sessions: sessionmaker[Session],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub, "POLL_SECONDS", 600.0)  # a stream that waits for it times out
    experiment_id, _ = _submit(session, settings, epochs=12)
    with (
        serving(settings) as served,
        _stream(served, f"/v1/experiments/{experiment_id}/events") as events,
        sessions() as writer,
    ):
        next(events)
        held = _claim(writer, settings)
        assert next(events).type == "run.started"
        for epoch in range(1, 11):
            recording.record_epochs(writer, [EpochRecord(held, epoch, METRICS)], settings)
            assert next(events).data["epoch"] == epoch


def test_progress_inside_an_epoch_is_told_and_not_stored(
    served: Served, session: Session, sessions: sessionmaker[Session], settings: Settings
) -> None:
    experiment_id, run_id = _submit(session, settings, epochs=3)
    with (
        _stream(served, f"/v1/experiments/{experiment_id}/events") as events,
        _stream(served, f"/v1/runs/{run_id}/events") as of_run,
        sessions() as writer,
    ):
        held = _claim(writer, settings)
        assert [next(events).type for _ in range(2)] == ["experiment.created", "run.started"]
        assert next(of_run).type == "run.started"
        leases.renew(writer, [(held, 1, 0.25)], settings)
        for told in (next(events), next(of_run)):
            assert told.id is None
            assert told.type == "run.progress"
            assert (told.data["epoch"], told.data["epochs"], told.data["fraction"]) == (1, 3, 0.25)
            assert told.data["run_id"] == str(run_id)
    assert len(_stored(session, experiment_id)) == 2


def test_a_listener_that_lags_far_behind_still_gets_everything(
    served: Served, session: Session, settings: Settings
) -> None:
    experiment_id, _ = _submit(session, settings, epochs=1)
    with _stream(served, f"/v1/experiments/{experiment_id}/events") as events:
        seen = [next(events)]
        for batch in range(6):  # far more than the hub remembers, and more than a socket holds
            with session.begin():
                filler = [NewEvent("test.filler", experiment_id, None, {"text": "x" * 1000})] * 700
                publish(session, filler)
            seen.append(next(events)) if batch == 0 else None
        stored = _stored(session, experiment_id)
        seen += islice(events, len(stored) - 2)
    assert [each.id for each in seen] == stored


def test_a_finished_stream_asked_for_again_answers_204(
    served: Served, session: Session, sessions: sessionmaker[Session], settings: Settings
) -> None:
    experiment_id, run_id = _submit(session, settings, epochs=1)
    _train(sessions, settings)
    last = str(_stored(session, experiment_id)[-1])
    for path in (f"/v1/experiments/{experiment_id}/events", f"/v1/runs/{run_id}/events"):
        response = served.client.get(path, headers={"Last-Event-ID": last})
        assert response.status_code == 204


def test_a_stream_ends_when_its_experiment_is_deleted(
    served: Served, session: Session, settings: Settings
) -> None:
    experiment_id, _ = _submit(session, settings, epochs=1)
    with _stream(served, f"/v1/experiments/{experiment_id}/events") as events:
        next(events)
        with session.begin():
            session.execute(delete(Experiment).where(Experiment.id == experiment_id))
        assert list(events) == []


def test_two_hundred_listeners_hold_no_connection_and_all_hear(
    served: Served, session: Session, sessions: sessionmaker[Session], settings: Settings
) -> None:
    experiment_id, _ = _submit(session, settings, epochs=5)
    path = f"{served.url}/v1/experiments/{experiment_id}/events"

    async def listen(client: httpx.AsyncClient) -> int:
        async with client.stream("GET", path) as response:
            body = [line async for line in response.aiter_lines()]
        return len([line for line in body if line.startswith("id: ")])

    async def listen_all(count: int) -> list[int]:
        limits = httpx.Limits(max_connections=count)
        async with httpx.AsyncClient(timeout=120, limits=limits) as client:
            listeners = [asyncio.create_task(listen(client)) for _ in range(count)]
            await asyncio.to_thread(_when_open, served, count)
            await asyncio.to_thread(_train, sessions, settings)
            return list(await asyncio.gather(*listeners))

    heard = asyncio.run(listen_all(200))
    assert heard == [len(_stored(session, experiment_id))] * 200


def _when_open(served: Served, count: int) -> None:
    wait_for(lambda: _open_streams(served) == count, what=f"{count} streams are open")
    pool = served.app.state.engine.pool
    wait_for(lambda: pool.checkedout() == 0, what="idle streams hold no connection", seconds=30)


def test_a_client_that_went_away_is_noticed(
    served: Served, session: Session, settings: Settings
) -> None:
    experiment_id, _ = _submit(session, settings, epochs=1)
    with _stream(served, f"/v1/experiments/{experiment_id}/events") as events:
        next(events)
        assert _open_streams(served) == 1
    wait_for(lambda: _open_streams(served) == 0, what="the stream is closed", seconds=5)


def test_silence_is_filled_with_comments(
    served: Served, session: Session, settings: Settings
) -> None:
    experiment_id, _ = _submit(session, settings, epochs=1)
    with served.client.stream("GET", f"/v1/experiments/{experiment_id}/events") as response:
        lines = response.iter_lines()
        comments = [line for line in islice(lines, 8) if line.startswith(":")]
    assert len(comments) >= 2


def test_a_stopping_server_does_not_wait_for_its_listeners(
    session: Session, settings: Settings
) -> None:
    experiment_id, _ = _submit(session, settings, epochs=1)
    with contextlib.ExitStack() as stack:
        stopping = stack.enter_context(contextlib.ExitStack())
        served = stopping.enter_context(serving(settings, grace_seconds=15))
        events = stack.enter_context(_stream(served, f"/v1/experiments/{experiment_id}/events"))
        next(events)
        began = time.monotonic()
        stopping.close()
        assert list(events) == []
        assert time.monotonic() - began < 10


def test_a_malformed_last_event_id_is_refused(
    served: Served, session: Session, settings: Settings
) -> None:
    experiment_id, _ = _submit(session, settings, epochs=1)
    path = f"/v1/experiments/{experiment_id}/events"
    for given in ("x", "-1", "1.5", str(2**63)):
        response = served.client.get(path, headers={"Last-Event-ID": given})
        assert response.status_code == 422
        assert response.json()["errors"][0]["header"] == "Last-Event-ID"
        response = served.client.get(path, params={"last_event_id": given})
        assert response.status_code == 422
        assert response.json()["errors"][0]["parameter"] == "last_event_id"


def test_what_does_not_exist_has_no_stream(served: Served) -> None:
    for kind in ("experiments", "runs"):
        response = served.client.get(f"/v1/{kind}/{uuid.uuid4()}/events")
        assert response.status_code == 404
        assert response.headers["content-type"] == "application/problem+json"
