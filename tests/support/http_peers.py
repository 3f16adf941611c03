"""Peers for tests of the client: a relay that cuts connections, a server with a script."""

import contextlib
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import urlsplit


class Relay:
    """Passes connections on to a server, and cuts them when told to.

    ``swallow``: of so many connections the server's next answer is read and thrown away, and the
    connection cut: the request was served, and its client cannot know. ``away``: every connection
    is cut before it has said anything.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.swallow = 0
        self.away = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._open: list[socket.socket] = []

    def cut(self) -> None:
        """Cut whatever is open."""
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near: socket.socket) -> None:
        if self.away:
            near.close()
            return
        where = urlsplit(self.target)
        with (
            near,
            contextlib.suppress(OSError),
            socket.create_connection((where.hostname, where.port)) as far,
        ):
            self._open += [near, far]
            back = threading.Thread(target=self._answer, args=(far, near), daemon=True)
            back.start()
            _pump(near, far)
            back.join()

    def _answer(self, far: socket.socket, near: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := far.recv(65_536):
                if self.swallow:
                    self.swallow -= 1
                    break
                near.sendall(piece)
        for each in (near, far):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    while piece := source.recv(65_536):
        sink.sendall(piece)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@dataclass
class Answer:
    """What a scripted server answers."""

    status: int
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)


class Scripted:
    """A server that gives one answer after the other, the last one from then on.

    ``asked``: the requests it got, as (method, path, headers).
    """

    def __init__(self, answers: Sequence[Answer]) -> None:
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        left = list(answers)
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked.append((self.command, self.path, headers))
                given = left.pop(0) if len(left) > 1 else left[0]
                self.send_response(given.status)
                for name, value in given.headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in given.headers:
                    self.send_header("Content-Length", str(len(given.body)))
                self.end_headers()
                self.wfile.write(given.body)

            do_GET = do_POST = do_DELETE = answer  # noqa: N815 - names of the standard library

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
