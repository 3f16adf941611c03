"""The record of every request: its id, a line in the log, and the counts for Prometheus."""

import re
import secrets
import time
from typing import Any

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.web.scopes import address_of, path_of
from service.operations.prometheus import Metrics

_SENT_ID = re.compile(r"[A-Za-z0-9_.-]{8,64}")
#: Methods that the counts name; any other text counts as ``other``.
_METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
#: Paths that monitoring requests all the time: their lines are for debugging alone.
_QUIET_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})

_log = structlog.get_logger(__name__)


class RequestLog:
    """Middleware that gives each request an id and records how it was answered.

    ``scope["state"]`` gets ``request_id``: what the client sent in ``X-Request-Id`` where that
    can be one, else a random one. Every line logged meanwhile has it too.
    """

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope["state"] = {**scope.get("state", {}), "request_id": request_id}
        started = time.perf_counter()
        status: int | None = None
        seconds_to_answer = 0.0

        async def send_noting(message: Message) -> None:
            nonlocal status, seconds_to_answer
            if message["type"] == "http.response.start":
                status = message["status"]
                seconds_to_answer = time.perf_counter() - started
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_noting)
            finally:
                if status is not None:
                    self._count(scope, status, seconds_to_answer)
                _log_line(scope, status, time.perf_counter() - started)

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "other"
        route = getattr(scope.get("route"), "path", "unknown")
        self._metrics.requests.labels(method, route, status).inc()
        self._metrics.latency.labels(method, route).observe(seconds)


def _log_line(scope: Scope, status: int | None, seconds: float) -> None:
    fields: dict[str, Any] = {
        "status": status,
        "milliseconds": round(seconds * 1000, 1),
        "caller": getattr(scope["state"].get("caller"), "name", None),
        "client": address_of(scope),
    }
    log = _log.debug if scope["path"] in _QUIET_PATHS else _log.info
    log(f"{scope['method']} {path_of(scope)}", **fields)


def _request_id(scope: Scope) -> str:
    sent = Headers(scope=scope).get("x-request-id", "")
    return sent if _SENT_ID.fullmatch(sent) else secrets.token_hex(8)
