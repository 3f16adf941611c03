"""A gate: a bounded number is inside at a time, a bounded number waits, and more are refused."""

import asyncio
import contextlib
from collections import deque
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
    """

    def __init__(self, *, at_once: int, waiting: int, seconds: float) -> None:
        self._free = at_once
        self._most_waiting = waiting
        self._seconds = seconds
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
        if self._free > 0:
            self._free -= 1
        else:
            await self._wait(caller)
        try:
            yield
        finally:
            self._leave()

    async def _wait(self, caller: str) -> None:
        mine = len(self._line.get(caller, ()))
        if self.waiting >= self._most_waiting or 2 * mine >= self._most_waiting:
            raise BusyError("As many requests of this kind wait as may; try again.")
        admitted = asyncio.get_running_loop().create_future()
        self._line.setdefault(caller, deque()).append(admitted)
        try:
            async with asyncio.timeout(self._seconds):
                await admitted
        except BaseException as error:
            if admitted.done() and not admitted.cancelled():
                self._leave()  # the turn came at the moment of giving up
            else:
                self._forget(caller, admitted)
            if isinstance(error, TimeoutError):
                raise BusyError("Others were served first for too long; try again.") from error
            raise

    def _forget(self, caller: str, admitted: asyncio.Future[None]) -> None:
        line = self._line.get(caller)
        if line is not None and admitted in line:
            line.remove(admitted)
            if not line:
                del self._line[caller]

    def _leave(self) -> None:
        """Give the place to whoever is next, a caller that was not served for the longest time."""
        while self._line:
            caller = next(iter(self._line))
            line = self._line.pop(caller)
            admitted = line.popleft()
            if line:
                self._line[caller] = line
            if not admitted.done():
                admitted.set_result(None)
                return
        self._free += 1
