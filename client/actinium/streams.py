"""Server-sent events: their text format, and how a broken stream is resumed."""

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

#: The service sends a comment well before a silence is this long.
_SILENCE_SECONDS = 90.0
_RECONNECT_SECONDS = 1.0
_FINAL_TYPES = frozenset({"run.finished", "experiment.finished"})
_LINE_END = re.compile("\r\n|\n|\r")


@dataclass(frozen=True)
class Subject:
    """A stream, and the event to begin after; None to begin where the stream begins."""

    path: str
    query: Query = field(default_factory=dict)
    after: int | None = None


def of_experiment(experiment: Ref, after: int | None) -> Subject:
    """Return the stream of an experiment."""
    return Subject(f"/v1/experiments/{identifier(experiment)}/events", after=after)


def of_run(run: Ref, after: int | None) -> Subject:
    """Return the stream of a run."""
    return Subject(f"/v1/runs/{identifier(run)}/events", after=after)


def of_all(types: Names | None, after: int | None) -> Subject:
    """Return the stream of all experiments, with all events or only some types of them."""
    return Subject("/v1/events", plain({"type": types}), after)


@dataclass
class _Fields:
    """The fields of one event, as far as it has arrived."""

    type: str = ""
    data: list[str] = field(default_factory=list)


class EventParser:
    """Parses a stream from chunks of bytes (HTML standard, section 9.2.6).

    Args:
        last_id: the id of the last event seen before, if any.

    Attributes:
        last_id: the id of the last event; a new connection continues after it.
        pause: seconds to wait before the next connection, if the stream has named them.
    """

    def __init__(self, last_id: str | None = None) -> None:
        self.last_id = last_id
        self.pause: float | None = None
        self.begin()

    def begin(self) -> None:
        """Expect a new connection; an incomplete event of the last one is dropped."""
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest = ""
        self._id = self.last_id
        self._fields = _Fields()

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yield the events that this chunk completes."""
        text = self._rest + self._decoder.decode(chunk)
        # A carriage return at the end may be the first half of a line's end.
        carriage_return = "\r" if text.endswith("\r") else ""
        *lines, rest = _LINE_END.split(text.removesuffix(carriage_return))
        self._rest = rest + carriage_return
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
        fields, self._fields = self._fields, _Fields()
        new_id = self._id if self._id != self.last_id else None
        self.last_id = self._id
        if not fields.data:
            return None
        data: Any = json.loads("\n".join(fields.data))
        return {
            "id": int(new_id) if new_id else None,
            "type": fields.type or "message",
            "data": read_event_data(fields.type, data),
        }


class Following:
    """One stream, followed over several connections.

    The first connection is attempted like any call. Later ones are attempted for
    ``retries.patience`` seconds. No event is yielded twice: each connection continues after the
    last id.

    Args:
        retries: how often and how long connections are attempted.
        url: the service's address.
        subject: the stream.
    """

    def __init__(self, retries: Retries, url: str, subject: Subject) -> None:
        self._retries = retries
        self._url = url
        self._subject = subject
        self._parser = EventParser(None if subject.after is None else str(subject.after))
        self._persistence = Persistence(retries, repeatable=True, patient=False)
        self._connected = False
        self._may_have_ended = False

    def request(self, http: httpx.Client | httpx.AsyncClient) -> httpx.Request:
        """Return the request for the next connection."""
        self._parser.begin()
        headers = {"Accept": "text/event-stream"}
        if self._parser.last_id:
            headers["Last-Event-ID"] = self._parser.last_id
        timeout = httpx.Timeout(_SILENCE_SECONDS, connect=CONNECT_SECONDS)
        return http.build_request(
            "GET", self._subject.path, params=self._subject.query, headers=headers, timeout=timeout
        )

    def has_begun(self, response: httpx.Response) -> bool:
        """Whether an answer is a stream, to be read chunk by chunk.

        Raises:
            ActiniumError: something other than the service answers at this address.
        """
        if response.status_code != httpx.codes.OK:
            return False
        media_type = response.headers.get("content-type", "nothing")
        if not media_type.startswith("text/event-stream"):
            raise ActiniumError(
                f"{response.url} answered with {media_type} and not with a stream; is Actinium "
                "there?"
            )
        return True

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yield the events that this chunk completes."""
        if not self._connected:
            self._connected = True
            self._persistence = Persistence(self._retries, repeatable=True, patient=True)
        self._persistence.begin()
        for event in self._parser.feed(chunk):
            self._may_have_ended = event["type"] in _FINAL_TYPES
            yield event

    def pause_after(self, outcome: Outcome) -> float | None:
        """Return the seconds to wait before the next connection; None if no event can follow.

        Raises:
            ApiError: the service declined the request.
            UnreachableError: the service has been away for too long.
        """
        if isinstance(outcome, httpx.Response) and outcome.is_success:
            if outcome.status_code == httpx.codes.NO_CONTENT:
                return None
            # After a final event, ask at once: most likely the service answers that none follows.
            at_once, self._may_have_ended = self._may_have_ended, False
            return 0.0 if at_once else self._parser.pause or _RECONNECT_SECONDS
        pause = self._persistence.pause_after(outcome)
        if pause is not None:
            return pause
        if isinstance(outcome, httpx.Response):
            raise ApiError.of(outcome)
        raise unreachable(self._url, outcome) from outcome
