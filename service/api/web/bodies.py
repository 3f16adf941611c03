"""The door for request bodies: JSON of a bearable size, or a problem that says why not.

A body is refused before anything is parsed from it or waits for it: by its announced length
at once, else as soon as it has grown too long, so a large upload costs no memory.
"""

import orjson
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_NOT_JSON = ("NaN", "Infinity")


class BodyDoor:
    """Middleware that reads, checks and hands on the bodies of POST, PUT and PATCH.

    What was parsed stands in ``scope["state"]["body"]``, for pointers into it.
    """

    def __init__(self, app: ASGIApp, *, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request.

        Raises:
            HTTPException: 400, 413 or 415.
        """
        if scope["type"] != "http" or scope["method"] not in {"POST", "PUT", "PATCH"}:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        body = await self._read(headers, receive)
        if body is None:  # the client went away
            return
        if body:
            _check_media_type(headers.get("content-type", ""))
            scope["state"]["body"] = parse(body)
        await self._app(scope, _replay(body, receive), send)

    async def _read(self, headers: Headers, receive: Receive) -> bytes | None:
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            raise self._too_large()
        body = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            body += message.get("body", b"")
            if len(body) > self._max_bytes:
                raise self._too_large()
            if not message.get("more_body", False):
                return bytes(body)

    def _too_large(self) -> HTTPException:
        return HTTPException(
            413, f"The body is over the limit max_body_bytes = {self._max_bytes:,}."
        )


def parse(body: bytes) -> object:
    """Read JSON as RFC 8259 has it.

    Raises:
        HTTPException: 400, with line and column.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        reason = error.msg.partition(": line")[0]
        rest = error.doc[error.pos :]
        for literal in _NOT_JSON:
            if rest.startswith(literal):
                reason = f"{literal} is not a JSON number, and no number here may be non-finite"
        raise HTTPException(
            400,
            f"The body is not valid JSON, at line {error.lineno}, column {error.colno}: {reason}.",
        ) from error


def _check_media_type(content_type: str) -> None:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type == "application/json":
        return
    given = f"not {media_type!r}" if media_type else "and say so in Content-Type"
    raise HTTPException(415, f"Send the body as application/json, {given}.")


def _replay(body: bytes, receive: Receive) -> Receive:
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return messages.pop() if messages else await receive()

    return next_message
