"""Receivers of webhooks for tests: real HTTP servers that answer as they are told to."""

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
    """A message as it came in, and when (s since 1970); the names of headers in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes
    came_at: float

    @property
    def id(self) -> str:
        """The message's id."""
        return self.headers["webhook-id"]


#: What a receiver answers that has nothing to complain of: status and headers.
GOOD: tuple[int, dict[str, str]] = (204, {})


class Receiver:
    """Answers the next messages with ``answers`` (status, headers), then each with ``usual``.

    Those it answered with 2xx are also in ``accepted``. While ``held`` is set it reads messages
    and keeps silent; with ``dripping`` it answers then a byte at a time, which no time-out of a
    single read ever notices.
    """

    def __init__(self, *answers: tuple[int, dict[str, str]], tls: ssl.SSLContext | None = None):
        self.answers = deque(answers)
        self.usual = GOOD
        self.received: list[Received] = []
        self.accepted: list[Received] = []
        self.held = threading.Event()
        self.dripping = False
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._scheme = "http" if tls is None else "https"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return self._server.server_port

    @property
    def url(self) -> str:
        """Where messages are posted."""
        return f"{self._scheme}://localhost:{self.port}/hook?of=test"

    def waits_for(self, count: int, seconds: float = 15) -> list[Received]:
        """Wait until so many messages have come, and give them."""
        wait_for(
            lambda: len(self.received) >= count, what=f"{count} messages came", seconds=seconds
        )
        return self.received

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
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
                if receiver.held.is_set():
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
                        while not receiver._released.wait(0.1):
                            self.connection.sendall(b"x")
                    receiver._released.wait(30)
                    self.connection.shutdown(socket.SHUT_RDWR)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
