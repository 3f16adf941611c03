"""The stream of all experiments: one order, whatever order transactions commit in."""

from itertools import islice

import pytest
from sqlalchemy import select

from service.database.tables import Event
from service.events.event_types import EventType, NewEvent
from service.events.global_order import Watermark
from service.events.publishing import publish
from tests.support.processes import wait_for
from tests.support.sse_reader import open_stream, read_events

PATH = "/v1/events"


def _finished(experiment_id):
    return NewEvent(EventType.EXPERIMENT_FINISHED, experiment_id, data={"runs": {}})


def _stored(sessions):
    """Return the number and type of every stored event, in order."""
    with sessions() as session, session.begin():
        rows = session.execute(select(Event.id, Event.type).order_by(Event.id))
        return [(number, kind) for number, kind in rows]


def _experiments(events):
    return {event.data["experiment_id"] for event in events}


def _pairs(events):
    return [(event.id, event.type) for event in events]


def test_it_begins_now_and_reports_on_every_experiment(served, lab, sessions):
    lab.submit()
    lab.train_all()
    before = _stored(sessions)
    with open_stream(served, PATH) as events:
        opened = next(events)
        assert (opened.id, opened.type) == (before[-1][0], "stream.opened")
        submitted = [lab.submit(activation=name, epochs=1) for name in ("elu", "tanh")]
        lab.train_all()
        expected = _stored(sessions)[len(before) :]
        seen = list(islice(events, len(expected)))
    assert _pairs(seen) == expected
    assert _experiments(seen) == set(map(str, submitted))
    assert [event.type for event in seen].count("experiment.finished") == 2


def test_a_deletion_is_reported_and_is_all_that_is_left(served, lab, sessions):
    gone, kept = lab.submit(), lab.submit(activation="elu")
    lab.train_all()
    with open_stream(served, PATH) as events:
        next(events)
        assert served.client.delete(f"/v1/experiments/{gone}").status_code == 204
        deleted = next(events)
    assert (deleted.type, deleted.data["experiment_id"]) == ("experiment.deleted", str(gone))
    with open_stream(served, PATH, 0) as events:
        stored = list(islice(events, len(_stored(sessions))))
    assert [event for event in stored if event.data["experiment_id"] == str(gone)] == [deleted]
    assert _experiments(stored) == {str(gone), str(kept)}
    assert served.client.get(f"/v1/experiments/{gone}/events").status_code == 404


def test_it_goes_on_after_the_last_event_seen(served, lab, sessions):
    for name in ("relu", "elu", "tanh"):
        lab.submit(activation=name)
    lab.train_all()
    stored = _stored(sessions)
    for after in (0, stored[0][0], stored[7][0]):
        with open_stream(served, PATH, after) as events:
            expected = [(number, kind) for number, kind in stored if number > after]
            assert _pairs(list(islice(events, len(expected)))) == expected
    types = ["experiment.created", "run.finished"]
    with open_stream(served, PATH, 0, type=types) as events:
        expected = [pair for pair in stored if pair[1] in types]
        assert _pairs(list(islice(events, len(expected)))) == expected


@pytest.mark.parametrize("ending", ["commit", "rollback"])
def test_no_event_is_missed_because_it_was_committed_late(served, lab, sessions, ending):
    one, other = lab.submit(), lab.submit(activation="elu")
    with open_stream(served, PATH) as events, sessions() as late:
        next(events)
        transaction = late.begin()
        publish(late, [_finished(one)])  # has its number, and cannot be seen yet
        with sessions() as quick, quick.begin():
            publish(quick, [_finished(other)])
        numbers = [number for number, _ in _stored(sessions)]
        _wait_until_held_back(served, numbers[-1])
        getattr(transaction, ending)()
        expected = [pair for pair in _stored(sessions) if pair[0] >= numbers[-1] - 1][-2:]
        if ending == "rollback":
            expected = expected[-1:]
        seen = list(islice(events, len(expected)))
    assert _pairs(seen) == expected
    reported = [str(one), str(other)] if ending == "commit" else [str(other)]
    assert [event.data["experiment_id"] for event in seen] == reported


def _wait_until_held_back(served, newest):
    """Wait until the hub has seen the higher number, and holds it back."""
    order = served.app.state.hub.global_order
    wait_for(lambda: order.watermark.candidate == newest, what="the hub has looked")
    assert order.recent.head < newest


def test_a_listener_that_lags_gets_everything(served, lab, sessions):
    experiment = lab.submit()
    with open_stream(served, PATH) as events:
        opened = next(events)
        for _ in range(4):  # more than the hub remembers, and more than a socket holds
            with sessions() as session, session.begin():
                filler = NewEvent("test.filler", experiment, None, {"text": "x" * 1000})
                publish(session, [filler] * 700)
        expected = [pair for pair in _stored(sessions) if pair[0] > opened.id]
        assert _pairs(list(islice(events, len(expected)))) == expected


def test_a_client_that_accepts_no_stream_gets_what_is_stored(served, lab, sessions):
    assert _pairs(list(read_events(served.client.get(PATH).iter_lines()))) == [(0, "stream.opened")]
    lab.submit()
    lab.train_all()
    answer = served.client.get(PATH, params={"last_event_id": 0})
    assert _pairs(list(read_events(answer.iter_lines()))) == _stored(sessions)


def test_a_stream_goes_on_only_where_its_media_type_is_named(served):
    for accept, follows in (
        ("text/event-stream;q=0", False),
        ("application/json;x=text/event-stream, */*", False),
        ("Text/Event-Stream", True),
    ):
        with served.client.stream("GET", PATH, headers={"accept": accept}) as response:
            lines = response.iter_lines()
            if follows:
                assert ": heartbeat" in islice(lines, 20), accept
            else:
                assert ": heartbeat" not in lines, accept


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


def test_the_watermark_waits_for_transactions_in_progress():
    watermark = Watermark()
    assert watermark.advance(newest=10, oldest_active=5, next_transaction=8) == 0
    assert watermark.advance(newest=12, oldest_active=7, next_transaction=9) == 0
    # Those in progress at first have ended; one that took a number below 12 may not have.
    assert watermark.advance(newest=12, oldest_active=8, next_transaction=9) == 10
    assert watermark.advance(newest=12, oldest_active=9, next_transaction=10) == 12
    assert watermark.advance(newest=20, oldest_active=11, next_transaction=11) == 20
