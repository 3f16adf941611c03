"""Requests as descriptions: what to ask, and how to read the answer. Nothing is sent here."""

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

#: Something the service knows by an id: the id, or any answer that has one.
Ref = str | uuid.UUID | Mapping[str, Any]
#: One name, or several.
Names = str | Collection[str]
Query = Mapping[str, Any]


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request.

    Attributes:
        read: makes the result of the answer.
        repeatable: whether asking again after an answer that was lost changes nothing more.
        seconds: how long the service may take beyond the usual before it answers.
        patient: whether to wait for a service that is away for minutes.
        save_as: a file to write the answer's body to, as it comes.
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


@dataclass(frozen=True)
class Pages(Generic[T]):
    """A list that comes in pages, each asked for by a call."""

    call: Call[dict[str, Any]]
    read: Callable[[Any], T]

    def items(self, page: Mapping[str, Any]) -> list[T]:
        """Give a page's items."""
        return [self.read(each) for each in page["items"]]

    def after(self, page: Mapping[str, Any]) -> Call[dict[str, Any]] | None:
        """Describe the call for the next page; None after the last."""
        cursor = page["next_cursor"]
        return replace(self.call, query={**self.call.query, "cursor": cursor}) if cursor else None


def get(path: str, read: Callable[[Any], T], query: Query | None = None, **more: Any) -> Call[T]:
    """Describe a GET whose JSON answer ``read`` makes the result of."""
    return Call("GET", path, lambda answer: read(json_of(answer)), plain(query or {}), **more)


def post(path: str, read: Callable[[Any], T], **more: Any) -> Call[T]:
    """Describe a POST whose JSON answer ``read`` makes the result of."""
    return Call("POST", path, lambda answer: read(json_of(answer)), **more)


def pages(path: str, read: Callable[[Any], T], query: Query) -> Pages[T]:
    """Describe a list."""
    return Pages(get(path, as_is, query), read)


def as_is(answer: Any) -> Any:
    """Read an answer that is the result already."""
    return answer


def json_of(response: httpx.Response) -> Any:
    """Read an answer's JSON.

    Raises:
        ActiniumError: it has none, so something else answers at this address.
    """
    try:
        return response.json()
    except ValueError as error:
        raise ActiniumError(
            f"{response.url} answered with something that is no JSON; is Actinium there?"
        ) from error


def plain(query: Query) -> dict[str, Any]:
    """Write a query's values: None is left out, a list is repeated, ids stand for what has them."""
    written: dict[str, Any] = {}
    for name, value in query.items():
        if value is None:
            continue
        if isinstance(value, Collection) and not isinstance(value, str | Mapping):
            written[name] = [_word(each) for each in value]
        else:
            written[name] = _word(value)
    return written


def identifier(ref: Ref) -> str:
    """Give the id of what is meant, ready to stand in a path.

    Raises:
        TypeError: it is no id and has none.
    """
    found = ref.get("id") if isinstance(ref, Mapping) else ref
    if not isinstance(found, str | uuid.UUID) or not str(found):
        raise TypeError(f"An id, or an answer that has one, is wanted, not {reprlib.repr(ref)}.")
    return part(str(found))


def part(text: str) -> str:
    """Write a text as one part of a path."""
    return quote(text, safe="")


def _word(value: Any) -> Any:
    return identifier(value) if isinstance(value, uuid.UUID | Mapping) else value
