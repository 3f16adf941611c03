"""The API for tests: under a real server in this process, or asked without any."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import FastAPI

from service.api.server import make_server
from service.settings import Settings
from tests.support.processes import wait_for


@dataclass(frozen=True)
class Served:
    """A running API."""

    url: str
    app: FastAPI
    client: httpx.Client


@contextlib.contextmanager
def serving(settings: Settings, *, grace_seconds: int = 5) -> Iterator[Served]:
    """Serve the API on a free port until the block ends."""
    server = make_server(settings.model_copy(update={"port": 0}), grace_seconds=grace_seconds)
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


def ask(
    app: FastAPI, method: str, path: str, *, address: str = "127.0.0.1", **request: Any
) -> httpx.Response:
    """Ask an application that was not started, as a client at an address.

    Without a start it checks no schema and listens to no events; streams are no use here.
    """

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False, client=(address, 50_000))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(method, path, **request)

    return asyncio.run(send())
