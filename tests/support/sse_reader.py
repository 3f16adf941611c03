"""Server-sent events as a client gets them, read as the HTML standard has it.

Apart from what no stream of ours has: an event over several lines of data.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Received:
    """One event; ``id`` is None for what is told and never stored."""

    id: int | None
    type: str
    data: dict[str, Any]


def received(lines: Iterable[str]) -> Iterator[Received]:
    """Read the events of a stream; one that is cut in its middle is not told."""
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
            yield Received(int(number) if number else None, fields["event"], data)
        fields = {}
