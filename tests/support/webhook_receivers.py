"""Receivers of webhooks for tests: real HTTP servers with answers that a test chooses."""

import contextlib
import socket
import ssl
import threading
import time
from collections import deque
from dataclasses import dataclass

from tests.support.http_receivers import HttpReceiver, QuietHandler
from tests.support.processes import wait_for


@dataclass(frozen=True)
class Received:
    """A message as received, and when (seconds since 1970); the names of headers in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes
    received_at: float

    @property
    def id(self) -> str:
        """The message's id."""
        return self.headers["webhook-id"]


#: A public address at which no test ever asks.
PUBLIC_URL = "https://192.88.98.7/hook"

Answer = tuple[int, dict[str, str]]

#: The answer that accepts a message: status and headers.
ACCEPTED: Answer = (204, {})


class Receiver(HttpReceiver):
    """Answers the next messages with ``answers`` (status, headers), then every one with ``usual``.

    Messages answered with 2xx are also in ``accepted``. While ``silent`` is set it reads messages
    and does not answer; with ``dripping`` it then answers a byte at a time, which no time-out of
    a single read notices.
    """

    def __init__(self, *answers: Answer, tls: ssl.SSLContext | None = None):
        self.answers = deque(answers)
        self.usual = ACCEPTED
        self.received: list[Received] = []
        self.accepted: list[Received] = []
        self.silent = threading.Event()
        self.dripping = False
        self._closing = threading.Event()
        self._scheme = "http" if tls is None else "https"
        super().__init__(tls)

    @property
    def url(self) -> str:
        """The URL that messages are posted to."""
        return f"{self._scheme}://localhost:{self.port}/hook?of=test"

    def wait_for(self, count: int, seconds: float = 15) -> list[Received]:
        """Wait until ``count`` messages have been received, and return them."""
        wait_for(
            lambda: len(self.received) >= count,
            what=f"{count} messages are received",
            seconds=seconds,
        )
        return self.received

    def __exit__(self, *problem: object) -> None:
        self._closing.set()
        super().__exit__(*problem)

    def handler(self) -> type[QuietHandler]:
        """Return the class that keeps messages and answers them."""
        receiver = self

        class Handler(QuietHandler):
            def answer(self, body: bytes) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                message = Received(self.path, headers, body, time.time())
                receiver.received.append(message)
                if receiver.silent.is_set():
                    self._keep_waiting()
                    return
                status, sent = receiver.answers.popleft() if receiver.answers else receiver.usual
                if 200 <= status < 300:
                    receiver.accepted.append(message)
                self.send_response(status)
                for name, value in sent.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def _keep_waiting(self) -> None:
                self.close_connection = True
                with contextlib.suppress(OSError):
                    if receiver.dripping:
                        self.connection.sendall(b"HTTP/1.1 200 OK\r\nx-slow: ")
                        while not receiver._closing.wait(0.1):
                            self.connection.sendall(b"x")
                    receiver._closing.wait(30)
                    self.connection.shutdown(socket.SHUT_RDWR)

        return Handler
