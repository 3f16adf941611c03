"""Running the application under uvicorn."""

import gc
import socket
import sys

import uvicorn
from fastapi import FastAPI

from service.api.app import create_app
from service.logs import configure_logging
from service.settings import Settings


class Server(uvicorn.Server):
    """A server that ends its live streams when told to stop, instead of waiting for clients."""

    def __init__(self, app: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let streams and waiting requests end, then everything else."""
        self._app.state.hub.close_streams()
        await super().shutdown(sockets)


def make_server(settings: Settings, *, grace_seconds: int) -> Server:
    """Make a server on the host and port of the settings.

    Args:
        settings: the service's settings.
        grace_seconds: how long answers under way may still take once it is told to stop.
    """
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,  # the application writes a line of its own
        log_config=None,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=grace_seconds,
    )
    return Server(app, config)


def serve(settings: Settings, *, grace_seconds: int) -> None:
    """Serve until SIGTERM or SIGINT; exits with 3 where the application cannot start."""
    configure_logging(settings)
    server = make_server(settings, grace_seconds=grace_seconds)
    # What the application is made of is never garbage: not looking through it again and again
    # takes a fifth off the processor time of a search.
    gc.collect()
    gc.freeze()
    server.run()
    if not server.started:
        sys.exit(3)
