"""The API under a real server in this process, for tests of what only a server shows."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
from fastapi import FastAPI

from service.api.server import make_server
from service.config import Settings
from tests.processes import wait_for


@dataclass(frozen=True)
class Served:
    """A running API."""

    url: str
    app: FastAPI
    client: httpx.Client


@contextlib.contextmanager
def serving(settings: Settings) -> Iterator[Served]:
    """Serve the API on a free port until the block ends."""
    server = make_server(settings.model_copy(update={"port": 0}), grace_seconds=5)
    thread = threading.Thread(target=server.run, name="api", daemon=True)
    thread.start()
    try:
        wait_for(lambda: server.started or not thread.is_alive(), what="the API has started")
        port = server.servers[0].sockets[0].getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        with httpx.Client(base_url=url, timeout=30) as client:
            yield Served(url, server.config.app, client)
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive(), "the API did not stop"
