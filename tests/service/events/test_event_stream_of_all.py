"""The stream of all experiments: one order, whatever order transactions commit in."""

import contextlib
from collections.abc import Iterator
from itertools import islice
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from service.database.tables import Event
from service.events.event_types import EventType, NewEvent
from service.events.global_order import Horizon
from service.events.publishing import publish
from tests.support.processes import wait_for
from tests.support.scripted_worker import Lab
from tests.support.served_api import Served, serving
from tests.support.sse_reader import Received, received

PATH = "/v1/events"


@pytest.fixture
def served(settings) -> Iterator[Served]:
    with serving(settings.model_copy(update={"sse_heartbeat_seconds": 0.3})) as api:
        yield api


@pytest.fixture
def lab(sessions, settings) -> Lab:
    return Lab(sessions, settings)


@contextlib.contextmanager
def _stream(served: Served, after: int | None = None, **query: Any) -> Iterator[Iterator[Received]]:
    headers = {"accept": "text/event-stream"}
    if after is not None:
        headers["Last-Event-ID"] = str(after)
    with (
        httpx.Client(base_url=served.url, timeout=20) as client,
        client.stream("GET", PATH, headers=headers, params=query) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield received(response.iter_lines())


def _finished(experiment_id):
    return NewEvent(EventType.EXPERIMENT_FINISHED, experiment_id, data={"runs": {}})


def _stored(sessions) -> list[tuple[int, str]]:
    with sessions() as session, session.begin():
        rows = session.execute(select(Event.id, Event.type).order_by(Event.id))
        return [(number, kind) for number, kind in rows]


def _pairs(told: list[Received]) -> list[tuple[int, str]]:
    return [(each.id, each.type) for each in told]


def test_it_begins_now_and_tells_of_every_experiment(served, lab, sessions):
    lab.submit()
    lab.train_all()
    before = _stored(sessions)
    with _stream(served) as events:
        opened = next(events)
        assert (opened.id, opened.type) == (before[-1][0], "stream.opened")
        made = [lab.submit(activation=name, epochs=1) for name in ("elu", "tanh")]
        lab.train_all()
        expected = _stored(sessions)[len(before) :]
        seen = list(islice(events, len(expected)))
    assert _pairs(seen) == expected
    assert {each.data["experiment_id"] for each in seen} == {str(each) for each in made}
    assert [each.type for each in seen].count("experiment.finished") == 2


def test_a_deletion_is_told_of_and_is_all_that_is_left(served, lab, sessions):
    gone, kept = lab.submit(), lab.submit(activation="elu")
    lab.train_all()
    with _stream(served) as events:
        next(events)
        assert served.client.delete(f"/v1/experiments/{gone}").status_code == 204
        told = next(events)
    assert (told.type, told.data["experiment_id"]) == ("experiment.deleted", str(gone))
    with _stream(served, 0) as events:
        stored = list(islice(events, len(_stored(sessions))))
    assert [each for each in stored if each.data["experiment_id"] == str(gone)] == [told]
    assert {each.data["experiment_id"] for each in stored} == {str(gone), str(kept)}
    assert served.client.get(f"/v1/experiments/{gone}/events").status_code == 404


def test_it_goes_on_after_the_last_event_seen(served, lab, sessions):
    for name in ("relu", "elu", "tanh"):
        lab.submit(activation=name)
    lab.train_all()
    stored = _stored(sessions)
    for after in (0, stored[0][0], stored[7][0]):
        with _stream(served, after) as events:
            expected = [each for each in stored if each[0] > after]
            assert _pairs(list(islice(events, len(expected)))) == expected
    with _stream(served, 0, type=["experiment.created", "run.finished"]) as events:
        expected = [each for each in stored if each[1] in {"experiment.created", "run.finished"}]
        assert _pairs(list(islice(events, len(expected)))) == expected


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_no_event_is_passed_by_because_it_was_committed_late(served, lab, sessions, ending):
    one, other = lab.submit(), lab.submit(activation="elu")
    with _stream(served) as events, sessions() as late:
        next(events)
        transaction = late.begin()
        publish(late, [_finished(one)])  # has its number, and is not yet to be seen
        with sessions() as quick, quick.begin():
            publish(quick, [_finished(other)])
        numbers = [number for number, _ in _stored(sessions)]
        _until_the_stream_has_looked(served, numbers[-1])
        getattr(transaction, ending)()
        expected = [each for each in _stored(sessions) if each[0] >= numbers[-1] - 1][-2:]
        if ending == "rollback":
            expected = expected[-1:]
        seen = list(islice(events, len(expected)))
    assert _pairs(seen) == expected
    told = [str(one), str(other)] if ending == "commit" else [str(other)]
    assert [each.data["experiment_id"] for each in seen] == told


def _until_the_stream_has_looked(served: Served, newest: int) -> None:
    """Until the hub has seen the higher number, and holds it back."""
    chronicle = served.app.state.hub._chronicle
    wait_for(lambda: chronicle._horizon._candidate == newest, what="the hub has looked")
    assert chronicle.tail.head < newest


def test_a_listener_that_lags_gets_everything(served, lab, sessions):
    experiment = lab.submit()
    with _stream(served) as events:
        opened = next(events)
        for _ in range(4):  # more than the hub remembers, and more than a socket holds
            with sessions() as session, session.begin():
                filler = NewEvent("test.filler", experiment, None, {"text": "x" * 1000})
                publish(session, [filler] * 700)
        expected = [each for each in _stored(sessions) if each[0] > opened.id]
        assert _pairs(list(islice(events, len(expected)))) == expected


def test_who_does_not_ask_for_a_stream_gets_what_there_is(served, lab, sessions):
    assert _pairs(list(received(served.client.get(PATH).iter_lines()))) == [(0, "stream.opened")]
    lab.submit()
    lab.train_all()
    answer = served.client.get(PATH, params={"last_event_id": 0})
    assert _pairs(list(received(answer.iter_lines()))) == _stored(sessions)


def test_silence_is_filled_and_a_client_that_went_away_is_noticed(served):
    headers = {"accept": "text/event-stream"}
    with served.client.stream("GET", PATH, headers=headers) as response:
        lines = [line for line in islice(response.iter_lines(), 7) if line.startswith(":")]
        assert len(lines) >= 2
        assert served.app.state.hub.count_followers() == 1
    wait_for(lambda: served.app.state.hub.count_followers() == 0, what="nobody follows")


def test_types_that_do_not_exist_are_refused(served):
    answer = served.client.get(PATH, params={"type": "run.finnished"})
    assert answer.status_code == 422
    assert "'run.finished'" in answer.json()["errors"][0]["detail"]


def test_the_horizon_waits_for_whoever_was_under_way():
    horizon = Horizon()
    assert horizon.reach(newest=10, oldest_active=5, next_transaction=8) == 0
    assert horizon.reach(newest=12, oldest_active=7, next_transaction=9) == 0
    # Those of the first look have ended; whoever holds a number below 12 may not have.
    assert horizon.reach(newest=12, oldest_active=8, next_transaction=9) == 10
    assert horizon.reach(newest=12, oldest_active=9, next_transaction=10) == 12
    assert horizon.reach(newest=20, oldest_active=11, next_transaction=11) == 20
