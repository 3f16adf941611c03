"""Server-sent events: their text format, and how to go on after a stream broke off."""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from actinium.calls import Names, Query, Ref, identifier, plain
from actinium.errors import ActiniumError, ApiError
from actinium.readers import read_event_data
from actinium.retries import CONNECT_SECONDS, Outcome, Persistence, Retries, unreachable
from actinium.types import Event

#: The service breaks a silence with a comment well before this many seconds.
_SILENCE_SECONDS = 90.0
_PAUSE_SECONDS = 1.0
_ENDINGS = frozenset({"run.finished", "experiment.finished"})
_LINE_END = re.compile("\r\n|\n|\r")


@dataclass(frozen=True)
class Subject:
    """Which stream is followed, and after which event; None to begin as the stream does."""

    path: str
    query: Query = field(default_factory=dict)
    after: int | None = None


def of_experiment(experiment: Ref, after: int | None) -> Subject:
    """Name an experiment's stream."""
    return Subject(f"/v1/experiments/{identifier(experiment)}/events", after=after)


def of_run(run: Ref, after: int | None) -> Subject:
    """Name a run's stream."""
    return Subject(f"/v1/runs/{identifier(run)}/events", after=after)


def of_all(types: Names | None, after: int | None) -> Subject:
    """Name the stream of all experiments, or that of some types of its events."""
    return Subject("/v1/events", plain({"type": types}), after)


@dataclass
class _Fields:
    """The lines of one event so far."""

    type: str = ""
    data: list[str] = field(default_factory=list)


class EventParser:
    """Reads a stream's bytes, however they are cut (HTML standard, section 9.2.6).

    Args:
        last_id: the last id that was seen before, if any was.

    Attributes:
        last_id: the last id seen; what a client goes on after.
        pause: seconds to wait before connecting again, where the stream said so.
    """

    def __init__(self, last_id: str | None = None) -> None:
        self.last_id = last_id
        self.pause: float | None = None
        self.begin()

    def begin(self) -> None:
        """Read a new connection; what was half read of the last one is forgotten."""
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._id = self.last_id
        self._fields = _Fields()

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Give the events that are complete with this chunk."""
        text = self._rest + self._decoder.decode(chunk)
        # A carriage return that came last may be half of a line's end.
        held = "\r" if text.endswith("\r") else ""
        *lines, rest = _LINE_END.split(text.removesuffix(held))
        self._rest = rest + held
        for line in lines:
            if (event := self._take(line)) is not None:
                yield event

    def _take(self, line: str) -> Event | None:
        if not line:
            return self._complete()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                self._fields.type = value
            case "data":
                self._fields.data.append(value)
            case "id" if "\0" not in value:
                self._id = value
            case "retry" if value.isascii() and value.isdecimal():
                self.pause = int(value) / 1000
        return None

    def _complete(self) -> Event | None:
        told, self._fields = self._fields, _Fields()
        own = self._id if self._id != self.last_id else None
        self.last_id = self._id
        if not told.data:
            return None
        data: Any = json.loads("\n".join(told.data))
        return {
            "id": int(own) if own else None,
            "type": told.type or "message",
            "data": read_event_data(told.type, data),
        }


class Following:
    """One stream followed over as many connections as it takes.

    The first connection is tried as any call; once there was one, a service that is away is
    waited for. What was seen is never given twice: each connection goes on after the last id.

    Args:
        retries: how persistent it is.
        url: where the service is.
        subject: which stream.
    """

    def __init__(self, retries: Retries, url: str, subject: Subject) -> None:
        self._retries = retries
        self._url = url
        self._subject = subject
        self._parser = EventParser(None if subject.after is None else str(subject.after))
        self._persistence = Persistence(retries, repeatable=True, patient=False)
        self._connected = False
        self._at_an_end = False

    def request(self, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """Make the request for the next connection."""
        self._parser.begin()
        headers = {"Accept": "text/event-stream"}
        if self._parser.last_id:
            headers["Last-Event-ID"] = self._parser.last_id
        timeout = httpx.Timeout(_SILENCE_SECONDS, connect=CONNECT_SECONDS)
        return http.build_request(
            "GET", self._subject.path, params=self._subject.query, headers=headers, timeout=timeout
        )

    def has_begun(self, response: httpx.Response) -> bool:
        """Say whether an answer is a stream, to be read piece by piece.

        Raises:
            ActiniumError: something else answers at this address.
        """
        if response.status_code != httpx.codes.OK:
            return False
        told = response.headers.get("content-type", "nothing")
        if not told.startswith("text/event-stream"):
            raise ActiniumError(
                f"{response.url} answered with {told} and not with a stream; is Actinium there?"
            )
        return True

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Give the events that are complete with this chunk."""
        if not self._connected:
            self._connected = True
            self._persistence = Persistence(self._retries, repeatable=True, patient=True)
        self._persistence.begin()
        for event in self._parser.feed(chunk):
            self._at_an_end = event["type"] in _ENDINGS
            yield event

    def pause_after(self, outcome: Outcome) -> float | None:
        """Say how long to wait before the next connection; None where nothing can follow.

        Raises:
            ApiError: the service declines.
            UnreachableError: it has been away for too long.
        """
        if isinstance(outcome, httpx.Response) and outcome.is_success:
            if outcome.status_code == httpx.codes.NO_CONTENT:
                return None
            # Most likely nothing follows: asked at once, the service says so.
            at_once, self._at_an_end = self._at_an_end, False
            return 0.0 if at_once else self._parser.pause or _PAUSE_SECONDS
        pause = self._persistence.pause_after(outcome)
        if pause is not None:
            return pause
        if isinstance(outcome, httpx.Response):
            raise ApiError.of(outcome)
        raise unreachable(self._url, outcome) from outcome
