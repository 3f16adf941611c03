"""What every answer comes in: a request id, security headers, a line in the log, metrics.

Also the last net: whatever a request ends with becomes a problem here.
"""

import re
import secrets
import time
from dataclasses import dataclass, field
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.web.problems import answer, path_of
from service.operations.prometheus import Metrics

_SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    # An answer is data, not a page; the pages bring a policy of their own.
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
_GIVEN_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}")
#: Asked all the time by machines.
_QUIET_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})

_log = structlog.get_logger(__name__)


@dataclass
class _Exchange:
    """One request and what became of it."""

    scope: Scope
    head_only: bool
    began: float = field(default_factory=time.perf_counter)
    status: int | None = None
    seconds_to_answer: float = 0.0
    ended: bool = False


class Envelope:
    """The outermost middleware."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope["state"] = {
            **scope.get("state", {}),
            "request_id": request_id,
            "answer_headers": {"x-request-id": request_id},
        }
        exchange = _Exchange(scope, head_only=scope["method"] == "HEAD")
        if exchange.head_only:
            # HEAD is GET without the body (RFC 9110, section 9.3.2), so the routes need not know.
            exchange.scope = {**scope, "method": "GET"}

        async def send_dressed(message: Message) -> None:
            await self._send(exchange, message, send)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._serve(exchange, receive, send_dressed)
            finally:
                self._note(exchange)

    async def _serve(self, exchange: _Exchange, receive: Receive, send: Send) -> None:
        try:
            await self._app(exchange.scope, receive, send)
        except Exception as error:
            if exchange.status is not None:
                # Too late for another answer: the server cuts the connection, so that the
                # client does not take half an answer for a whole one.
                raise
            response = answer(exchange.scope, error)
            await response(exchange.scope, receive, send)

    async def _send(self, exchange: _Exchange, message: Message, send: Send) -> None:
        if message["type"] == "http.response.start":
            exchange.status = message["status"]
            exchange.seconds_to_answer = time.perf_counter() - exchange.began
            headers = MutableHeaders(scope=message)
            for name, value in _SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            headers.update(exchange.scope["state"]["answer_headers"])
        elif exchange.head_only:
            if exchange.ended:
                return
            message = {"type": "http.response.body", "body": b"", "more_body": False}
            exchange.ended = True
        await send(message)

    def _note(self, exchange: _Exchange) -> None:
        scope = exchange.scope
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", "unknown")
        status = exchange.status
        if status is not None:
            self._metrics.requests.labels(method, route, status).inc()
            self._metrics.latency.labels(method, route).observe(exchange.seconds_to_answer)
        facts: dict[str, Any] = {
            "status": status,
            "milliseconds": round((time.perf_counter() - exchange.began) * 1000, 1),
            "caller": getattr(scope["state"].get("caller"), "name", None),
        }
        tell = _log.debug if scope["path"] in _QUIET_PATHS else _log.info
        tell(f"{scope['method']} {path_of(scope)}", **facts)


_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _GIVEN_ID.fullmatch(given) else secrets.token_hex(8)
