"""Request bodies: a limit on their size, JSON alone, and parsed once.

A body is refused before anything is parsed from it or waits for it: by its announced length
where it has one, else as soon as it grows too long. So a large upload costs no memory.
"""

import asyncio
import codecs
from collections.abc import Callable, Coroutine
from typing import Any

import anyio
import orjson
from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.web.dependencies import Requires
from service.api.web.field_errors import MAX_ERRORS
from service.api.web.places import Held, Room
from service.api.web.scopes import caller_of
from service.api.web.turns import away, inside
from service.fields import shortened

_METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_NOT_JSON = ("NaN", "Infinity")

#: Longest body that is validated in the event loop, in bytes; in it, a millisecond's work.
_SHORT_BYTES = 4_096
#: Longest body that is validated here without looking for errors elsewhere, in bytes.
_LONG_BYTES = 65_536
_FIND_ERRORS = "service.api.computing.tasks:find_errors"
#: Most longer bodies that are validated at a time. Up to 64 KiB each may make thousands of errors.
MOST_VALIDATED_AT_ONCE = 2
#: What bodies take in all, from their first byte until they are parsed.
_MOST_RECEIVED_BYTES = 64_000_000


class RequestBodies:
    """Middleware that reads, checks and parses the bodies of POST, PUT and PATCH.

    The parsed body is kept in ``scope["state"]["body"]``: routes of the class ``JsonRoute``
    validate it, and problems point into it. Paths in ``streamed`` read their bodies themselves.
    """

    def __init__(
        self, app: ASGIApp, *, max_bytes: int, seconds: float, streamed: frozenset[str]
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._streamed = streamed
        self._room = Room(most=_MOST_RECEIVED_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            HTTPException: 400, 408, 413 or 415.
            UnavailableError: as much as may be is being received already.
        """
        takes_body = scope["type"] == "http" and scope["method"] in _METHODS_WITH_BODY
        if not takes_body or scope["path"] in self._streamed:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        with self._room.held(caller_of(scope)) as held:
            async with away():
                body = await self._read_in_time(headers, receive, held)
            if body is None:
                return
            if body:
                _check_media_type(headers.get("content-type", ""), scope["method"])
                _check_encoding(headers.get("content-encoding", ""))
                scope["state"]["body"] = _parse(body)
        await self._app(scope, _replay(body, receive), send)

    async def _read_in_time(self, headers: Headers, receive: Receive, held: Held) -> bytes | None:
        try:
            async with asyncio.timeout(self._seconds):
                return await self._read(headers, receive, held)
        except TimeoutError as error:
            detail = f"The body was not complete within {self._seconds:g} s."
            raise HTTPException(408, detail) from error

    async def _read(self, headers: Headers, receive: Receive, held: Held) -> bytes | None:
        """Return the whole body; None where the client disconnected."""
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            raise self._too_large()
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            part = message.get("body", b"")
            if len(body) + len(part) > self._max_bytes:
                raise self._too_large()
            held.add(len(part))
            body += part
            if not message.get("more_body", False):
                return bytes(body)

    def _too_large(self) -> HTTPException:
        return HTTPException(
            413, f"The body is over the limit max_body_bytes = {self._max_bytes:,}."
        )


class JsonRoute(APIRoute):
    """A route whose body is what ``RequestBodies`` parsed.

    A longer body is validated in a thread, so that the event loop goes on meanwhile. One that may
    have thousands of errors is first checked in a computing process: telling them holds the
    interpreter and takes a kilobyte for each.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return FastAPI's handler of the route, given a request that parses nothing again."""
        handle = super().get_route_handler()
        field = self.body_field

        async def handle_parsed(request: Request) -> Response:
            parsed = _ParsedRequest(request.scope, request.receive)
            if field is not None and len(await parsed.body()) > _SHORT_BYTES:
                parsed.content = await self._validated(parsed, field, await parsed.body())
            return await handle(parsed)

        return handle_parsed

    async def _validated(self, request: Request, field: Any, body: bytes) -> Any:
        """Return the validated body; FastAPI takes it as it is.

        Raises:
            BusyError: it is long, and too much is being computed.
            ForbiddenError: the caller's key lacks the scope of the route.
            RequestValidationError: the body cannot be used.
        """
        for needed in self.dependencies:
            if isinstance(needed.dependency, Requires):
                await needed.dependency(request.state.caller)
        if len(body) > _LONG_BYTES:
            await _check_apart(request, field.field_info.annotation, body)
        value, errors = await anyio.to_thread.run_sync(
            lambda: field.validate(request.state.body, {}, loc=("body",)),
            limiter=request.app.state.validating,
        )
        if errors:
            raise RequestValidationError(errors)
        return value


async def _check_apart(request: Request, body_type: Any, body: bytes) -> None:
    """Have a computing process look for errors.

    Raises:
        BusyError: too much is being computed.
        RequestValidationError: there are some.
    """
    state, caller = request.app.state, caller_of(request.scope)
    async with inside(state.checking, caller):
        errors = await state.computing.run(caller, _FIND_ERRORS, body_type, body, MAX_ERRORS)
    if errors:
        located = [{**error, "loc": ("body", *error["loc"])} for error in errors]
        raise RequestValidationError(located)


class _ParsedRequest(Request):
    #: The validated body, where it was validated already.
    content: Any = None

    async def json(self) -> Any:
        return self.state.body if self.content is None else self.content


def _parse(body: bytes) -> object:
    """Parse JSON as RFC 8259 defines it; a byte order mark before it is ignored (section 8.1).

    Raises:
        HTTPException: 400, with line and column.
    """
    try:
        return orjson.loads(body.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError as error:
        _check_utf8(body)
        reason = error.msg.partition(": line")[0]
        rest = error.doc[error.pos :]
        for literal in _NOT_JSON:
            if rest.startswith(literal):
                reason = f"{literal} is not a JSON number, and no number here may be non-finite"
        raise HTTPException(
            400,
            f"The body is not valid JSON, at line {error.lineno}, column {error.colno}: {reason}.",
        ) from error


def _check_media_type(content_type: str, method: str) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "application/json":
        return
    if method == "PATCH" and media_type == "application/merge-patch+json":
        return
    sent = (
        f"not {shortened(media_type)!r}" if media_type else "and name it in the header Content-Type"
    )
    raise HTTPException(415, f"Send the body as application/json, {sent}.")


def _check_encoding(encoding: str) -> None:
    if encoding.strip().lower() not in {"", "identity"}:
        raise HTTPException(
            415,
            f"Send the body as it is, without Content-Encoding: {shortened(encoding)!r} is not "
            "read here.",
            headers={"Accept-Encoding": "identity"},
        )


def _check_utf8(body: bytes) -> None:
    try:
        body.decode()
    except UnicodeDecodeError as error:
        detail = (
            "The body is not valid JSON, which is written in UTF-8: byte "
            f"{error.start + 1:,} begins no character of it."
        )
        raise HTTPException(400, detail) from error


def _replay(body: bytes, receive: Receive) -> Receive:
    """Return a ``receive`` that yields the body once more, then what the client does next."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return messages.pop() if messages else await receive()

    return next_message
