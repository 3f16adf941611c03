"""Requests that name the whole address in their first line, as they are sent to proxies.

A server takes them too, and the address then counts instead of the header Host (RFC 9112, section
3.2.2).
"""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

_ADDRESS = re.compile(r"https?://([^/?#]*)(/[^?#]*)?", re.IGNORECASE)
_RAW_ADDRESS = re.compile(rb"https?://[^/?#]*(/[^?#]*)?", re.IGNORECASE)


class AbsoluteTargets:
    """Middleware that serves ``GET http://host/path`` as ``GET /path`` to this host."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        address = _ADDRESS.fullmatch(scope["path"]) if scope["type"] == "http" else None
        if address is not None:
            raw = _RAW_ADDRESS.fullmatch(scope["raw_path"])
            others = [(name, value) for name, value in scope["headers"] if name != b"host"]
            scope = {
                **scope,
                "path": address[2] or "/",
                "raw_path": (raw and raw[1]) or b"/",
                "headers": [(b"host", address[1].encode()), *others],
            }
        await self._app(scope, receive, send)
