"""Headers that every answer has: the request's id, and what browsers need for security."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    # An answer is data, not a page; the pages bring a policy of their own.
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}


class ResponseHeaders:
    """Middleware that adds headers to whatever answer a request gets.

    Anything below may add more to ``scope["state"]["answer_headers"]``, by name in lower case.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer_headers = {"x-request-id": scope["state"]["request_id"]}
        scope["state"]["answer_headers"] = answer_headers

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                headers.update(answer_headers)
            await send(message)

        await self._app(scope, receive, send_with_headers)
