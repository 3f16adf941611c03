"""Bodies that are refused unread: a bounded rest is taken in before the answer is sent.

A server that answers and closes while the client still sends makes the client's system drop the
answer ("connection reset"). Ordinary clients send all of a body before they read.
"""

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: What is taken in, at most; of longer bodies the rest is not awaited.
_MOST_BYTES = 64_000_000
_MOST_SECONDS = 10.0
#: A client that sends nothing for so long waits for the answer before it sends the body.
_SILENCE_SECONDS = 0.5
#: So many rests are taken in at a time; beside them answers are sent at once.
_MOST_AT_ONCE = 16


class UnreadBodies:
    """Middleware that takes in, and drops, what the application has not read of a body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._taking_in = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not _has_body(scope):
            await self._app(scope, receive, send)
            return
        # A client that expects "100 Continue" sends nothing before it; reading asks for the body.
        waits = Headers(scope=scope).get("expect", "").lower() == "100-continue"
        complete = started = False

        async def receive_noting() -> Message:
            nonlocal complete, waits
            waits = False
            message = await receive()
            complete = complete or not message.get("more_body", False)
            return message

        async def send_after_body(message: Message) -> None:
            nonlocal started
            if not started and not complete and not waits:
                await self._take_in(receive_noting)
            started = True
            await send(message)

        await self._app(scope, receive_noting, send_after_body)

    async def _take_in(self, receive: Receive) -> None:
        if self._taking_in >= _MOST_AT_ONCE:
            return
        self._taking_in += 1
        try:
            await asyncio.wait_for(_drop(receive), _MOST_SECONDS)
        except TimeoutError:
            pass
        finally:
            self._taking_in -= 1


async def _drop(receive: Receive) -> None:
    left = _MOST_BYTES
    while left > 0:
        message = await asyncio.wait_for(receive(), _SILENCE_SECONDS)
        left -= len(message.get("body", b""))
        if not message.get("more_body", False):
            return


def _has_body(scope: Scope) -> bool:
    headers = Headers(scope=scope)
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
