"""Live streams in the client: every event once, in order, whatever is cut or restarted."""

import asyncio
import threading
import uuid
from itertools import islice

import httpx
import pytest
from httpx_sse import EventSource
from hypothesis import given
from hypothesis import strategies as st

from actinium import ActiniumError, ApiError, AsyncClient, Client, Retries, UnreachableError
from actinium.streams import EventParser
from actinium.types import Event
from tests.support.http_peers import Answer, Relay, Scripted
from tests.support.processes import wait_for
from tests.support.served_api import serving

QUICK = Retries(first_pause=0.02, longest_pause=0.1)
STREAM = {"Content-Type": "text/event-stream"}

#: The data of an event in lines: all of them together are JSON.
_DATA = st.sampled_from([["data: 1"], ["data:[2]"], ["data: [3,", "data", "data:4]"]])
_LINES = st.sampled_from(
    [": heartbeat", "retry: 1500", "retry: soon", "event: run.started", "event:a", "x: y", ":"]
)
_TEXT = st.just(['data: "\u00e9\u2014\U0001f642"'])


@st.composite
def _streams(draw):
    blocks = draw(st.lists(st.tuples(st.lists(_LINES, max_size=3), _DATA | _TEXT), max_size=6))
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    lines = []
    for number, (about, data) in enumerate(blocks):
        lines += [*about, *data, f"id: {number}", "", *[""] * draw(st.integers(0, 1))]
    unfinished = draw(st.sampled_from([[], ["id: 99"], ["data: 5", "id: 98"]]))
    return "".join(line + ending for line in (*lines, *unfinished)).encode(), len(blocks)


@given(_streams(), st.lists(st.integers(1, 9), max_size=200))
def test_a_stream_is_read_alike_however_it_is_cut(stream, sizes):
    text, count = stream
    response = httpx.Response(200, content=text, headers={"content-type": "text/event-stream"})
    expected = [
        (event.event, event.json(), int(event.id))
        for event in EventSource(response).iter_sse()
        if event.data and event.id not in {"98", "99"}  # those never ended
    ]
    parser, received = EventParser(), []
    for size in [*sizes, len(text)]:
        piece, text = text[:size], text[size:]
        received += [(event["type"], event["data"], event["id"]) for event in parser.feed(piece)]
    assert received == expected
    assert len(received) == count
    assert parser.last_id == (str(count - 1) if count else None)


def test_a_lone_carriage_return_ends_a_line_too():
    parser = EventParser()
    received = [*parser.feed(b"data: 1\rid: 5\r\rdata: 2\r\r"), *parser.feed(b"\ndata: 3\n\n")]
    assert [(event["id"], event["data"]) for event in received] == [(5, 1), (None, 2), (None, 3)]


def _all(lab, experiment):
    return [kind for kind, _ in lab.events(experiment)]


def test_a_stream_begins_with_all_that_happened_and_ends_with_the_experiment(client, lab):
    experiment = lab.submit(seeds=2)
    lab.train_all()
    received = list(client.events(experiment))
    assert [event["type"] for event in received] == _all(lab, experiment)
    ids = [event["id"] for event in received]
    assert ids == sorted(set(ids))
    run = lab.runs(experiment)[1]
    of_run = list(client.run_events(run.id))
    assert [event["type"] for event in of_run] == [
        "run.started",
        "run.epoch",
        "run.epoch",
        "run.finished",
    ]
    assert {event["data"]["run_id"] for event in of_run} == {str(run.id)}


def test_a_stream_goes_on_after_its_connection_was_cut(served, lab):
    experiment = lab.submit(epochs=4)
    with Relay(served.url) as relay, Client(relay.url, retries=QUICK) as client:
        events = client.events(experiment)
        received = [next(events)]
        claim = lab.taken()
        for epoch in range(1, 5):
            relay.cut()
            lab.epoch(claim, epoch, "completed" if epoch == 4 else None)
            received.append(next(events))
        received += events
    assert [event["type"] for event in received] == _all(lab, experiment)
    assert len({event["id"] for event in received}) == len(received)


def test_a_stream_outlives_a_restart_of_the_service(settings, lab):
    experiment = lab.submit(seeds=2)
    received, ended = [], threading.Event()

    def follow(url: str) -> None:
        with Client(url, retries=QUICK) as client:
            for event in client.events(experiment):
                received.append(event)
        ended.set()

    with serving(settings) as first, Relay(first.url) as relay:
        reader = threading.Thread(target=follow, args=(relay.url,), daemon=True)
        reader.start()
        lab.train(lab.taken())
        wait_for(lambda: len(received) == 5, what="the first run was told of")
        relay.target = "http://127.0.0.1:9"  # nobody listens there
        relay.cut()
        lab.train(lab.taken())
        with serving(settings) as second:
            relay.target = second.url
            assert ended.wait(30), "the stream did not come to its end"
    assert [event["type"] for event in received] == _all(lab, experiment)
    ids = [event["id"] for event in received]
    assert ids == sorted(set(ids))


def test_a_stream_of_nothing_is_refused_or_unreachable(client):
    with pytest.raises(ApiError, match="There is no experiment"):
        next(client.events(uuid.uuid4()))
    with (
        Client("http://127.0.0.1:9", retries=QUICK) as nowhere,
        pytest.raises(UnreachableError, match=r"No answer from http://127\.0\.0\.1:9 "),
    ):
        next(nowhere.events(uuid.uuid4()))


def test_a_page_at_the_address_is_no_stream_that_goes_on_for_ever():
    page = Answer(200, b"<html>", {"Content-Type": "text/html"})
    with (
        Scripted([page]) as server,
        Client(server.url, retries=QUICK) as client,
        pytest.raises(ActiniumError, match=r"text/html .* is Actinium there"),
    ):
        next(client.all_events())


def _pairs(received):
    return [(event["data"]["experiment_id"], event["type"]) for event in received]


def _expected(lab, *experiments):
    """What happened in experiments that were trained one after the other."""
    return [(str(experiment), kind) for experiment in experiments for kind in _all(lab, experiment)]


def test_all_experiments_are_followed_from_now_on_over_every_cut(served, lab):
    before = lab.submit()
    lab.train_all()
    made = []
    with Relay(served.url) as relay, Client(relay.url, retries=QUICK) as client:
        events = client.all_events()
        opened = next(events)
        assert (opened["type"], opened["data"]["experiment_id"]) == ("stream.opened", None)
        relay.cut()  # before anything was told: what happens meanwhile is not lost
        received = []
        for activation in ("elu", "tanh"):
            made.append(lab.submit(activation=activation, seeds=2))
            lab.train_all()
            received += [next(events), next(events)]
            relay.cut()
        received += islice(events, len(_expected(lab, *made)) - len(received))
        seen = received[2]["id"]
        again = list(islice(client.all_events(after=seen), len(received) - 3))
        every = list(islice(client.all_events(after=0), len(received) + len(_all(lab, before))))
    assert _pairs(received) == _expected(lab, *made)
    assert len({event["id"] for event in received}) == len(received)
    assert again == received[3:]
    assert _pairs(every) == _expected(lab, before, *made)


def test_types_narrow_what_is_told_of_all_experiments(client, lab):
    made = [lab.submit(activation=activation, seeds=2) for activation in ("relu", "elu")]
    lab.train_all()
    finished = list(islice(client.all_events(type="run.finished", after=0), 4))
    assert [event["type"] for event in finished] == ["run.finished"] * 4
    ends = client.all_events(type=["experiment.created", "experiment.finished"], after=0)
    assert {experiment_id for experiment_id, _ in _pairs(islice(ends, 4))} == set(map(str, made))
    with pytest.raises(ApiError, match=r"'run\.finished'"):
        next(client.all_events(type="run.finnished"))


def test_a_stream_goes_on_in_another_process_after_the_last_event_seen(client, lab):
    experiment = lab.submit(seeds=2)
    lab.train_all()
    received = list(client.events(experiment))
    assert list(client.events(experiment, after=received[3]["id"])) == received[4:]
    assert list(client.events(experiment, after=received[-1]["id"])) == []
    of_run = list(client.run_events(lab.runs(experiment)[0].id))
    assert list(client.run_events(of_run[0]["data"]["run_id"], after=of_run[1]["id"])) == of_run[2:]


def test_the_last_event_is_named_and_a_half_told_one_is_not():
    answers = [
        Answer(200, b'id: 7\ndata: {"a": 1}\n\nid: 8\ndata: {"a"', STREAM),
        Answer(200, b'event: run.progress\ndata: {"a": 2}\n\n', STREAM),
        Answer(200, b'id: 8\nevent: run.started\ndata: {"a": 3}\n\n', STREAM),
        Answer(204, b""),
    ]
    with Scripted(answers) as server, Client(server.url, retries=QUICK) as client:
        received = list(client.events("x"))
    assert [(event["id"], event["type"], event["data"]["a"]) for event in received] == [
        (7, "message", 1),
        (None, "run.progress", 2),
        (8, "run.started", 3),
    ]
    named = [headers.get("last-event-id") for _, _, headers in server.asked]
    assert named == [None, "7", "7", "8"]


def test_the_asynchronous_client_follows_and_goes_on_alike(served, lab):
    experiment = lab.submit(seeds=2)
    lab.train_all()

    async def follow(relay: Relay) -> list[str]:
        received = []
        async with AsyncClient(relay.url, retries=QUICK) as client:
            async for event in client.events(experiment):
                received.append(event["type"])
                if len(received) == 3:
                    relay.cut()
        return received

    with Relay(served.url) as relay:
        assert asyncio.run(follow(relay)) == _all(lab, experiment)


def test_the_asynchronous_client_follows_all_experiments_alike(served, lab):
    made = [lab.submit()]

    async def follow(relay: Relay) -> list[Event]:
        received: list[Event] = []
        async with AsyncClient(relay.url, retries=QUICK) as client:
            events = client.all_events(after=0, type=["run.epoch", "run.finished"])
            while len(received) < 6:
                received.append(await anext(events))
                if len(received) == 2:
                    relay.cut()
                    made.append(lab.submit(activation="elu"))
                    lab.train_all()
        return received

    lab.train_all()
    with Relay(served.url) as relay:
        received = asyncio.run(follow(relay))
    wanted = [pair for pair in _expected(lab, *made) if pair[1] in {"run.epoch", "run.finished"}]
    assert _pairs(received) == wanted
