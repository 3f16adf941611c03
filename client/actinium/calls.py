"""Descriptions of requests: what to send, and how to read the answer. Nothing is sent here."""

import reprlib
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import quote

import httpx

from actinium.errors import ActiniumError

T = TypeVar("T")

#: An experiment or a run: its id, or any answer that has one.
Ref = str | uuid.UUID | Mapping[str, Any]
#: One name, or several.
Names = str | Collection[str]
Query = Mapping[str, Any]


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request.

    Attributes:
        read: turns the answer into the result.
        repeatable: whether the request may be sent again after its answer was lost.
        seconds: time that the service may take in addition to the usual timeout.
        patient: whether to wait for minutes if the service is away.
        save_as: the file that the answer's body is streamed to.
        upload: the body as it is sent, in place of ``body``: a file, or its content.
    """

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    query: Query = field(default_factory=dict)
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True
    seconds: float = 0.0
    patient: bool = False
    save_as: Path | None = None
    upload: Path | bytes | None = None


@dataclass(frozen=True)
class Pages(Generic[T]):
    """A list that comes in pages, one call per page."""

    call: Call[dict[str, Any]]
    read: Callable[[Any], T]

    def items(self, page: Mapping[str, Any]) -> list[T]:
        """Return a page's items."""
        return [self.read(item) for item in page["items"]]

    def after(self, page: Mapping[str, Any]) -> Call[dict[str, Any]] | None:
        """Return the call for the next page; None after the last."""
        cursor = page["next_cursor"]
        return replace(self.call, query={**self.call.query, "cursor": cursor}) if cursor else None


def get(path: str, read: Callable[[Any], T], query: Query | None = None, **more: Any) -> Call[T]:
    """Return a GET; ``read`` turns its JSON answer into the result."""
    return Call("GET", path, lambda answer: read(json_of(answer)), plain(query or {}), **more)


def post(path: str, read: Callable[[Any], T], **more: Any) -> Call[T]:
    """Return a POST; ``read`` turns its JSON answer into the result."""
    return Call("POST", path, lambda answer: read(json_of(answer)), **more)


def patch(path: str, read: Callable[[Any], T], **more: Any) -> Call[T]:
    """Return a PATCH; ``read`` turns its JSON answer into the result."""
    return Call("PATCH", path, lambda answer: read(json_of(answer)), **more)


def pages(path: str, read: Callable[[Any], T], query: Query) -> Pages[T]:
    """Return the pages of a list; ``read`` turns each item into a result."""
    return Pages(get(path, as_is, query), read)


def as_is(answer: Any) -> Any:
    """Return the answer unchanged."""
    return answer


def json_of(response: httpx.Response) -> Any:
    """Return an answer's JSON.

    Raises:
        ActiniumError: the answer is not JSON, so it is not from the service.
    """
    try:
        return response.json()
    except ValueError as error:
        raise ActiniumError(
            f"{response.url} answered with something that is not JSON; is Actinium there?"
        ) from error


def plain(query: Query) -> dict[str, Any]:
    """Return a query with ids in the place of answers, without the values that are None."""
    written: dict[str, Any] = {}
    for name, value in query.items():
        if value is None:
            continue
        if isinstance(value, Collection) and not isinstance(value, str | Mapping):
            written[name] = [_word(item) for item in value]
        else:
            written[name] = _word(value)
    return written


def identifier(ref: Ref) -> str:
    """Return the id of an experiment or a run, quoted for a path.

    Raises:
        TypeError: ``ref`` is not an id and has none.
    """
    found = ref.get("id") if isinstance(ref, Mapping) else ref
    if not isinstance(found, str | uuid.UUID) or not str(found):
        raise TypeError(f"An id, or an answer with an id, is needed, not {reprlib.repr(ref)}.")
    return part(str(found))


def part(text: str) -> str:
    """Return a text quoted as one part of a path."""
    return quote(text, safe="")


def _word(value: Any) -> Any:
    return identifier(value) if isinstance(value, uuid.UUID | Mapping) else value
