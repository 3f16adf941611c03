"""Receivers of webhooks for tests: real HTTP servers with answers that a test chooses."""

import contextlib
import socket
import ssl
import threading
import time
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

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


class Receiver:
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
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "http" if tls is None else "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def port(self) -> int:
        """The port it listens on, on 127.0.0.1."""
        return self._server.server_port

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

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
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

            def log_message(self, *_: object) -> None:
                pass

        return Handler
