"""A gate: a bounded number is inside at a time, a bounded number waits, and more are refused."""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import AsyncIterator
from typing import ClassVar

from service.errors import UnavailableError


class BusyError(UnavailableError):
    """As much of this kind of work as the service takes on is waiting already."""

    type: ClassVar[str] = "busy"
    title: ClassVar[str] = "Busy"


class Gate:
    """Lets work in, at most so much at a time; whoever waits gets a turn by callers in rotation.

    One event loop uses it.

    Args:
        at_once: the most inside.
        waiting: the most in the line; one caller has at most half of it.
        seconds: the longest wait in the line.
        per_caller: the most of one caller inside; all of it if not given.
    """

    def __init__(
        self, *, at_once: int, waiting: int, seconds: float, per_caller: int | None = None
    ) -> None:
        self._free = at_once
        self._most_waiting = waiting
        self._seconds = seconds
        self._per_caller = per_caller or at_once
        self._inside: Counter[str] = Counter()
        self._line: dict[str, deque[asyncio.Future[None]]] = {}

    @property
    def waiting(self) -> int:
        """How many wait."""
        return sum(map(len, self._line.values()))

    @contextlib.asynccontextmanager
    async def turn(self, caller: str) -> AsyncIterator[None]:
        """Be inside during the block.

        Raises:
            BusyError: the line is full, or no turn came within the longest wait.
        """
        await self.enter(caller)
        try:
            yield
        finally:
            self.leave(caller)

    async def enter(self, caller: str) -> None:
        """Wait for a turn; ``leave`` ends it.

        Raises:
            BusyError: the line is full, or no turn came within the longest wait.
        """
        mine = len(self._line.get(caller, ()))
        if not mine and self._may_enter(caller):
            self._admit(caller)
            return
        if self.waiting >= self._most_waiting or 2 * mine >= self._most_waiting:
            raise BusyError("As many requests of this kind wait as may; try again.")
        try:
            async with asyncio.timeout(self._seconds):
                await self._wait(caller)
        except TimeoutError as error:
            raise BusyError("Others were served first for too long; try again.") from error

    async def enter_again(self, caller: str) -> None:
        """Wait for a turn as long as it takes, to end what was begun in an earlier turn."""
        if caller not in self._line and self._may_enter(caller):
            self._admit(caller)
        else:
            await self._wait(caller)

    def leave(self, caller: str) -> None:
        """End a turn; whoever is next gets it, a caller that was not served for the longest."""
        self._inside[caller] -= 1
        if not self._inside[caller]:
            del self._inside[caller]
        self._free += 1
        while (following := next(filter(self._may_enter, self._line), None)) is not None:
            line = self._line.pop(following)
            admitted = line.popleft()
            if line:
                self._line[following] = line
            if not admitted.done():  # else it was given up a moment ago
                self._admit(following)
                admitted.set_result(None)

    def _may_enter(self, caller: str) -> bool:
        return self._free > 0 and self._inside[caller] < self._per_caller

    def _admit(self, caller: str) -> None:
        self._free -= 1
        self._inside[caller] += 1

    async def _wait(self, caller: str) -> None:
        admitted = asyncio.get_running_loop().create_future()
        self._line.setdefault(caller, deque()).append(admitted)
        try:
            await admitted
        except asyncio.CancelledError:
            if admitted.cancelled():
                self._forget(caller, admitted)
            else:
                self.leave(caller)  # the turn came at the moment of giving up
            raise

    def _forget(self, caller: str, admitted: asyncio.Future[None]) -> None:
        line = self._line.get(caller)
        if line is not None and admitted in line:
            line.remove(admitted)
            if not line:
                del self._line[caller]
