"""Turns: this process works on a few requests at a time, by callers in rotation.

The event loop and all threads share one interpreter. With a thousand requests under way each step
of the next one waits for a step of all of them, so that a burst of one caller would keep everybody
waiting until it is over. Here it keeps that caller waiting. docs/decisions/0028-bursts.md has the
figures.
"""

import contextlib
import hashlib
from collections.abc import AsyncIterator
from contextvars import ContextVar

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.web.gate import Gate
from service.api.web.scopes import address_of

#: What supervisors ask for. It must be answered while all turns are taken.
_WITHOUT_TURN = frozenset({"/healthz", "/readyz"})


class RequestTurn:
    """The turn of one request."""

    def __init__(self, gate: Gate, caller: str) -> None:
        self._gate = gate
        self._caller = caller
        self._has_ended = True

    async def begin(self) -> None:
        """Wait for the turn.

        Raises:
            BusyError: too many wait, or none came for too long.
        """
        await self._gate.enter(self._caller)
        self._has_ended = False

    async def resume(self) -> None:
        """Wait for another turn, however long it takes."""
        await self._gate.enter_again(self._caller)
        self._has_ended = False

    def end(self) -> None:
        """Let the next one have it; once more does nothing."""
        if not self._has_ended:
            self._has_ended = True
            self._gate.leave(self._caller)


_current: ContextVar[RequestTurn | None] = ContextVar("turn", default=None)


@contextlib.asynccontextmanager
async def away() -> AsyncIterator[None]:
    """Let others have the request's turn while the block waits for another process or a client.

    After it the request waits for another turn; after an error it does not, since what is left is
    to say so.
    """
    turn = _current.get()
    if turn is None:
        yield
        return
    turn.end()
    yield
    await turn.resume()


@contextlib.asynccontextmanager
async def inside(gate: Gate, caller: str) -> AsyncIterator[None]:
    """Be inside another gate during the block; who waits in its line has no turn meanwhile.

    Raises:
        BusyError: the line is full, or nobody let it in for too long.
    """
    with contextlib.ExitStack() as entered:
        async with away():
            await gate.enter(caller)
            entered.callback(gate.leave, caller)
        yield


class Turns:
    """Middleware that works on a request when its turn comes, until its answer begins."""

    def __init__(self, app: ASGIApp, *, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            BusyError: too many wait, or no turn came for too long.
        """
        if scope["type"] != "http" or scope["path"] in _WITHOUT_TURN:
            await self._app(scope, receive, send)
            return
        turn = RequestTurn(self._gate, _who_asks(scope))
        await turn.begin()
        _current.set(turn)

        async def send_after_turn(message: Message) -> None:
            turn.end()
            await send(message)

        try:
            await self._app(scope, receive, send_after_turn)
        finally:
            turn.end()


def _who_asks(scope: Scope) -> str:
    """Return what tells callers apart before they are identified."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return hashlib.sha256(value).hexdigest()
    return address_of(scope)
