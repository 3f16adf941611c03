"""Connections: how many there may be, how long a client may take, and what is answered below HTTP.

h11 reads requests strictly and keeps at most ``MAX_HEAD_BYTES`` of one that is incomplete: request
lines, headers, chunk sizes and trailers alike. It reads the body of a request that offers HTTP/2
(``Upgrade: h2c``, as Java's client does), where httptools loses it. docs/reliability.md has the
price, measured.
"""

import asyncio
import time
from typing import Any, ClassVar

import h11
import orjson
import structlog
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from service.api.web.problems import MEDIA_TYPE, make_problem
from service.settings import Settings

#: Most bytes of a request line with its headers. Nginx allows 8 KiB a line; a query names ids.
MAX_HEAD_BYTES = 65_536
#: Most bytes that are read from one connection before others get their turn.
_READ_BYTES = 65_536
#: A client that takes less than this of an answer within ``stalled_seconds`` has stopped reading.
_LEAST_READ_BYTES = 16_384
#: What is taken in from a client that was refused, and for how long, so that it sees the answer.
_LAST_BYTES = 4_000_000
_LAST_SECONDS = 2.0

#: Lines about refused connections come at most this often, each with how many there were.
_LOG_EVERY_SECONDS = 10.0

_log = structlog.get_logger(__name__)


class LimitedProtocol(H11Protocol):
    """HTTP/1 with limits; ``limited_protocol`` sets them.

    A connection is closed where the head of a request is not complete in time, and where a client
    takes nothing of an answer for so long.
    """

    max_connections: ClassVar[int] = 1_000
    head_seconds: ClassVar[float] = 10.0
    stalled_seconds: ClassVar[float] = 30.0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None
        self._unsent_bytes = 0
        self._refused = False
        self._dropped_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection, or refuse one too many."""
        # A transport of asyncio reads so many bytes at a time; by itself 256 KiB.
        transport.max_size = _READ_BYTES  # type: ignore[attr-defined]
        super().connection_made(transport)
        if len(self.connections) > self.max_connections:
            _refused.count("Refused connections: as many are open as may be")
            self._refuse(503, f"All {self.max_connections:,} connections are taken; try again.")
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timers."""
        self._cancel_head_timer()
        self._cancel_stall_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read a part of a request; of what follows a refusal, nothing."""
        if self._refused:
            self._dropped_bytes += len(data)
            if self._dropped_bytes > _LAST_BYTES:
                self.transport.abort()
            return
        super().data_received(data)
        if not self._awaits_request():
            self._cancel_head_timer()
        elif self._head_timer is None and self.timeout_keep_alive_task is None:
            self._await_head()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - ours say what to do
        """Answer a request that is no HTTP, or whose head is too long."""
        if len(self.conn.trailing_data[0]) > MAX_HEAD_BYTES:
            _refused.count("Refused requests whose headers are too long")
            detail = f"The request line and the headers have more than {MAX_HEAD_BYTES:,} bytes."
            self._refuse(431, detail)
        else:
            self._refuse(400, "This is not a request of HTTP/1.1 or HTTP/1.0.")

    def pause_writing(self) -> None:
        """Watch that the client goes on reading."""
        super().pause_writing()
        self._unsent_bytes = self.transport.get_write_buffer_size()
        self._cancel_stall_timer()
        self._stall_timer = self.loop.call_later(self.stalled_seconds, self._check_progress)

    def resume_writing(self) -> None:
        """The client has read."""
        self._cancel_stall_timer()
        super().resume_writing()

    def _unsupported_upgrade_warning(self) -> None:
        """Log nothing: a client may offer another protocol, and is answered in this one."""

    def _await_head(self) -> None:
        self._cancel_head_timer()
        self._head_timer = self.loop.call_later(self.head_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_timer = None
        if not self.transport.is_closing() and self._awaits_request():
            _refused.count("Closed connections whose requests did not come")
            self._refuse(408, f"No request came within {self.head_seconds:g} s.")

    def _awaits_request(self) -> bool:
        """Whether the next thing to come is the head of a request, or a rest that nobody reads."""
        answered = self.cycle is not None and self.cycle.response_complete
        return self.conn.their_state is h11.IDLE or answered

    def _check_progress(self) -> None:
        """End a connection whose client has read next to nothing since the last look."""
        unsent = self.transport.get_write_buffer_size()
        if unsent > self._unsent_bytes - _LEAST_READ_BYTES:
            _refused.count("Closed connections whose clients read nothing")
            self.transport.abort()
            return
        self._unsent_bytes = unsent
        self._stall_timer = self.loop.call_later(self.stalled_seconds, self._check_progress)

    def _refuse(self, status: int, detail: str) -> None:
        """Send a problem and close, where the application has not begun to answer."""
        self._cancel_head_timer()
        self._refused = True
        if self.conn.our_state not in {h11.IDLE, h11.SEND_RESPONSE}:
            self.transport.close()
            return
        self.transport.write(refusal(status, detail))
        # Closing at once would make the client's system drop the answer while it still sends.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(_LAST_SECONDS, self.transport.close)

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _cancel_stall_timer(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None


def limited_protocol(settings: Settings) -> type[LimitedProtocol]:
    """Return the protocol with the limits of the settings."""

    class Limited(LimitedProtocol):
        max_connections = settings.max_connections
        head_seconds = settings.head_seconds
        stalled_seconds = settings.stalled_seconds

    return Limited


def refusal(status: int, detail: str) -> bytes:
    """Return an answer to a request that does not reach the application, byte by byte."""
    problem = make_problem(status, detail, "", "")
    members = problem.model_dump(exclude_none=True, exclude={"instance", "request_id"})
    body = orjson.dumps(members)
    retry = "retry-after: 2\r\n" if status == 503 else ""
    head = (
        f"HTTP/1.1 {status} {problem.title}\r\ncontent-type: {MEDIA_TYPE}\r\n{retry}"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode("ascii") + body


class _Refused:
    """Logs what was refused: at once, and then at most every ten seconds, with the number."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._logged_at: dict[str, float] = {}

    def count(self, what: str) -> None:
        """Count one refusal, and log it in time."""
        self._counts[what] = self._counts.get(what, 0) + 1
        now = time.monotonic()
        if now - self._logged_at.get(what, -_LOG_EVERY_SECONDS) >= _LOG_EVERY_SECONDS:
            _log.warning(what, number=self._counts.pop(what))
            self._logged_at[what] = now


_refused = _Refused()
