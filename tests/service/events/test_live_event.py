"""Frames of events: what FastAPI's own writer of server-sent events would send, written once."""

import json
import uuid
from datetime import UTC, datetime

import pytest
from fastapi.sse import format_sse_event

from service.events.live_event import LiveEvent, StoredEvent
from service.events.recent import Follower, RecentEvents

EXPERIMENT, RUN = uuid.uuid4(), uuid.uuid4()
STORED = LiveEvent.stored(
    StoredEvent(
        7,
        EXPERIMENT,
        RUN,
        "run.epoch",
        {"epoch": 3, "note": "one\ntwo\r\u2028 °"},
        datetime(2026, 11, 28, 9, 30, tzinfo=UTC),
    )
)


@pytest.mark.parametrize(
    ("event", "content"),
    [
        (
            STORED,
            {
                "experiment_id": str(EXPERIMENT),
                "run_id": str(RUN),
                "created_at": "2026-11-28T09:30:00Z",
                "epoch": 3,
                "note": "one\ntwo\r\u2028 °",
            },
        ),
        (LiveEvent.opened(12), {"experiment_id": None, "run_id": None}),
        (
            LiveEvent.progress(EXPERIMENT, RUN, {"fraction": 0.25}),
            {"experiment_id": str(EXPERIMENT), "run_id": str(RUN), "fraction": 0.25},
        ),
    ],
)
def test_a_frame_is_a_server_sent_event(event, content):
    (data,) = [line for line in event.frame.decode().split("\n") if line.startswith("data: ")]
    written = data.removeprefix("data: ")
    assert json.loads(written) == content
    expected = format_sse_event(
        data_str=written, event=event.type, id=None if event.id is None else str(event.id)
    )
    assert event.frame == expected


def test_all_listeners_get_the_same_frame():
    recent = RecentEvents()
    recent.start(6)
    recent.add(STORED)
    frames = [
        event.frame
        for follower in (Follower(recent), Follower(recent))
        for event in follower.since(6)
    ]
    assert len(frames) == 2
    assert frames[0] is frames[1]


def test_an_event_that_cannot_be_written_is_sent_without_its_fields():
    created_at = datetime(2026, 11, 28, 9, 30, tzinfo=UTC)
    row = StoredEvent(8, EXPERIMENT, RUN, "run.epoch", {"metrics": {"loss": 2**64}}, created_at)
    event = LiveEvent.stored(row)
    content = {
        "experiment_id": str(EXPERIMENT),
        "run_id": str(RUN),
        "created_at": "2026-11-28T09:30:00Z",
    }
    written = json.dumps(content, separators=(",", ":"))
    assert event.frame == f"event: run.epoch\ndata: {written}\nid: 8\n\n".encode()
