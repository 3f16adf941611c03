"""Timing HTTP calls from outside, with as little of a client's own time as can be."""

import http.client
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Call:
    """A request to be made many times, or several that only together give what is wanted."""

    url: str
    method: str
    paths: Sequence[str]
    body: Any = None


class Caller:
    """Makes calls to one server, over one kept connection or a fresh one each time."""

    def __init__(self, url: str, *, fresh: bool) -> None:
        parts = urlsplit(url)
        self._place = (parts.hostname or "", parts.port)
        self._fresh = fresh
        self._connection = http.client.HTTPConnection(*self._place, timeout=60)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Make a call and give its answer, read as JSON.

        Raises:
            RuntimeError: it was not answered with success.
        """
        if self._fresh:
            self._connection = http.client.HTTPConnection(*self._place, timeout=60)
        headers = {"Content-Type": "application/json"} if body is not None else {}
        sent = json.dumps(body) if body is not None else None
        self._connection.request(method, path, sent, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        if self._fresh:
            self._connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return json.loads(content) if content else None

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()


def in_turns(calls: Sequence[Call], times: int, *, fresh: bool) -> list[list[float]]:
    """Make calls in turns, so that a busy machine disturbs all alike; a first turn is not counted.

    Returns:
        For each call its milliseconds.
    """
    callers = [Caller(each.url, fresh=fresh) for each in calls]
    taken: list[list[float]] = [[] for _ in calls]
    for turn in range(times + 1):
        for caller, call, milliseconds in zip(callers, calls, taken, strict=True):
            began = time.perf_counter()
            for path in call.paths:
                caller.ask(call.method, path, call.body)
            if turn:
                milliseconds.append(1000 * (time.perf_counter() - began))
    for caller in callers:
        caller.close()
    return taken
