"""Receivers of HTTP requests for tests: real servers that listen while a block runs."""

import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self


class QuietHandler(BaseHTTPRequestHandler):
    """Reads the body of each POST, and writes no log."""

    def do_POST(self) -> None:
        """Read the body, and answer."""
        self.answer(self.rfile.read(int(self.headers["content-length"])))

    def answer(self, body: bytes) -> None:
        """Answer a request with this body."""
        raise NotImplementedError

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class HttpReceiver:
    """A server on a free port of 127.0.0.1; a subclass's ``handler`` makes its answers."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def handler(self) -> type[QuietHandler]:
        """Return the class that answers each request."""
        raise NotImplementedError

    @property
    def port(self) -> int:
        """The port it listens on, on 127.0.0.1."""
        return self._server.server_port

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
