"""Running the application under uvicorn."""

import gc
import os
import resource
import socket
import sys

import uvicorn
from fastapi import FastAPI

from service.api.app import create_app
from service.api.web.connections import MAX_HEAD_BYTES, limited_protocol
from service.api.web.traced import check_api_tracing, start_api_tracing
from service.api.web.watchdog import watched_loop
from service.logs import configure_logging
from service.settings import Settings
from service.weights.location import check_location_apart

#: Files that are open beside clients' connections: the database, pipes, exports of weights.
_OTHER_FILES = 512


class Server(uvicorn.Server):
    """A server that ends its live streams when it stops, instead of waiting for the clients."""

    def __init__(self, app: FastAPI, config: uvicorn.Config, *, hang_seconds: float = 0) -> None:
        super().__init__(config)
        self._app = app
        self._hang_seconds = hang_seconds

    async def main_loop(self) -> None:
        """Serve until asked to stop; end the process where its event loop hangs."""
        if not self._hang_seconds:
            await super().main_loop()
            return
        async with watched_loop(self._hang_seconds):
            await super().main_loop()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End streams and waiting requests, then everything else."""
        self._app.state.hub.close_streams()
        await super().shutdown(sockets)
        # uvicorn would send itself the signal again, and a clean stop would look like a crash.
        self._captured_signals.clear()


def make_server(settings: Settings, *, grace_seconds: int, hang_seconds: float = 0) -> Server:
    """Return a server on the host and port of the settings.

    Args:
        settings: the service's settings.
        grace_seconds: how long a stopping server waits for answers that are under way.
        hang_seconds: how long the event loop may hang before the process ends; with 0 for ever.
    """
    app = create_app(settings)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        access_log=False,  # service.api.web.request_log writes the lines
        log_config=None,
        server_header=False,
        # uvicorn would believe whoever asks from 127.0.0.1 whom he asks for.
        forwarded_allow_ips=os.environ.get("FORWARDED_ALLOW_IPS", ""),
        ws="none",
        # uvloop takes in one new connection per round: a burst would keep the next one outside.
        loop="asyncio",
        http=limited_protocol(settings),
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        timeout_graceful_shutdown=grace_seconds,
    )
    return Server(app, config, hang_seconds=hang_seconds)


def serve(settings: Settings, *, grace_seconds: int) -> None:
    """Serve until SIGTERM or SIGINT; exit with 3 where the application cannot start.

    Raises:
        LocationError: checkpoints are to be at a URL that cannot be used.
        TracingError: traces are wanted and cannot be sent.
    """
    configure_logging(settings)
    check_location_apart(settings)
    check_api_tracing()
    start_api_tracing()
    _allow_connections(settings)
    server = make_server(settings, grace_seconds=grace_seconds, hang_seconds=settings.hang_seconds)
    # Freeze the objects made at start-up so that the garbage collector skips them: a search takes
    # a fifth less processor time.
    gc.collect()
    gc.freeze()
    server.run()
    if not server.started:
        sys.exit(3)


def _allow_connections(settings: Settings) -> None:
    """Raise the limit on open files, as far as this process may, to the connections and a rest."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = settings.max_connections + _OTHER_FILES
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
