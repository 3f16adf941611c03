"""Places for requests that last, and room for what they send: by caller and in all."""

import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from service.errors import DomainError, UnavailableError


class TooManyError(DomainError):
    """The caller has as many of these open as one caller may have."""

    status: ClassVar[int] = 429
    type: ClassVar[str] = "too-many-open"
    title: ClassVar[str] = "Too many open at once"


class Places:
    """So many places for requests of one kind.

    Args:
        kind: what they are, in the plural.
        in_all: the most of all callers together.
        per_caller: the most of one caller.
    """

    def __init__(self, kind: str, *, in_all: int, per_caller: int) -> None:
        self._kind = kind
        self._in_all = in_all
        self._per_caller = per_caller
        self._taken: Counter[str] = Counter()

    @contextlib.contextmanager
    def place(self, caller: str) -> Iterator[None]:
        """Have a place during the block.

        Raises:
            TooManyError: the caller has as many as one may have.
            UnavailableError: all places are taken.
        """
        if self._taken[caller] >= self._per_caller:
            raise TooManyError(
                f"You have {self._per_caller} {self._kind} open, which is the most of one caller. "
                "End one first."
            )
        if self._taken.total() >= self._in_all:
            raise UnavailableError(f"All {self._in_all} {self._kind} are taken; try again.")
        self._taken[caller] += 1
        try:
            yield
        finally:
            self._taken[caller] -= 1
            if not self._taken[caller]:
                del self._taken[caller]


class Room:
    """Memory for the bodies that are being received; one caller has at most half of it.

    Args:
        most: bytes.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._taken: Counter[str] = Counter()

    @contextlib.contextmanager
    def held(self, caller: str) -> Iterator["Held"]:
        """Give back at the end what the block has taken."""
        held = Held(self, caller)
        try:
            yield held
        finally:
            self._taken[caller] -= held.number
            if not self._taken[caller]:
                del self._taken[caller]

    def take(self, caller: str, number: int) -> None:
        """Take so many bytes more.

        Raises:
            UnavailableError: there are not so many left.
        """
        if self._taken.total() + number > self._most or self._taken[caller] + number > (
            self._most // 2
        ):
            raise UnavailableError("Too many long bodies are being received; try again.")
        self._taken[caller] += number


class Held:
    """What the body of one request takes."""

    def __init__(self, room: Room, caller: str) -> None:
        self._room = room
        self._caller = caller
        self.number = 0

    def add(self, number: int) -> None:
        """Take so many bytes more.

        Raises:
            UnavailableError: there are not so many left.
        """
        self._room.take(self._caller, number)
        self.number += number
