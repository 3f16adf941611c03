"""A real Valkey of our own, which speaks Redis' protocol."""

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
    """Valkey with every write in its append-only file within a second."""

    title: ClassVar[str] = "Valkey"
    name: ClassVar[str] = "valkey"
    process_names: ClassVar[frozenset[str]] = frozenset({"valkey-server", "redis-server"})
    stop_signals: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGTERM,)

    @property
    def url(self) -> str:
        """The URL for clients, also while the server is stopped."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def _prepare(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)

    def _complete(self) -> None:
        """Nothing: its databases are always there."""

    def _command(self, port: int) -> list[str | Path]:
        settings = [word for name, value in SETTINGS.items() for word in (f"--{name}", value)]
        return [valkey_server(), "--port", str(port), *settings]

    def _answering_pid(self, port: int) -> int | None:
        client = redis.Redis(
            host=LOOPBACK, port=port, socket_timeout=5, retry=Retry(NoBackoff(), 0)
        )
        try:
            facts = client.info()
        except redis.RedisError:
            return None
        finally:
            client.close()
        return int(facts["process_id"]) if facts["loading"] == 0 else None
