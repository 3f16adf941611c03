"""The embedded Valkey, which speaks Redis' protocol."""

import signal
from pathlib import Path
from typing import ClassVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.embedded.binaries import valkey_server
from deploy.embedded.ports import LOOPBACK
from deploy.embedded.server import Server

SETTINGS = {
    "bind": LOOPBACK,
    "dir": ".",  # it starts in its data folder
    "pidfile": "valkey.pid",
    "appendonly": "yes",
    "appendfsync": "everysec",
    "save": "",
    "maxmemory-policy": "noeviction",
}


class ValkeyServer(Server):
    """Valkey that writes to its append-only file every second."""

    title: ClassVar[str] = "Valkey"
    name: ClassVar[str] = "valkey"
    process_names: ClassVar[frozenset[str]] = frozenset({"valkey-server", "redis-server"})
    stop_signals: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGTERM,)

    @property
    def url(self) -> str:
        """The URL for clients; known while the server is stopped, too."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def _prepare(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def _complete(self) -> None:
        """Do nothing: Valkey's databases always exist."""

    def _command(self, port: int) -> list[str | Path]:
        settings = [word for name, value in SETTINGS.items() for word in (f"--{name}", value)]
        return [valkey_server(), "--port", str(port), *settings]

    def _answering_pid(self, port: int) -> int | None:
        client = redis.Redis(
            host=LOOPBACK, port=port, socket_timeout=5, retry=Retry(NoBackoff(), 0)
        )
        try:
            state = client.info()
        except redis.RedisError:
            return None
        finally:
            client.close()
        return int(state["process_id"]) if state["loading"] == 0 else None
