"""Server-sent events as a client gets them, read as the HTML standard defines it.

Except for an event over several lines of data, which no stream of this service has.
"""

import contextlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tests.support.served_api import Served


@dataclass(frozen=True)
class StreamEvent:
    """One event of a stream; ``id`` is None where the event is not stored."""

    id: int | None
    type: str
    data: dict[str, Any]


def read_events(lines: Iterable[str]) -> Iterator[StreamEvent]:
    """Yield the complete events of a stream."""
    fields: dict[str, str] = {}
    for line in lines:
        if line.startswith(":"):
            continue
        if line:
            name, _, value = line.partition(": ")
            fields[name] = value
            continue
        if "data" in fields:
            number = fields.get("id")
            data = json.loads(fields["data"])
            yield StreamEvent(int(number) if number else None, fields["event"], data)
        fields = {}


@contextlib.contextmanager
def open_stream(
    served: Served, path: str, after: int | None = None, **query: Any
) -> Iterator[Iterator[StreamEvent]]:
    """Follow a stream until the block ends, from the event after a number where one is named."""
    headers = {"accept": "text/event-stream"}
    if after is not None:
        headers["Last-Event-ID"] = str(after)
    with (
        httpx.Client(base_url=served.url, timeout=20) as client,
        client.stream("GET", path, headers=headers, params=query or None) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        yield read_events(response.iter_lines())


def collect(served: Served, path: str, after: int | None = None) -> list[StreamEvent]:
    """Return all events of a stream, which has to end by itself."""
    with open_stream(served, path, after) as events:
        return list(events)
