"""The embedded Valkey, which speaks Redis' protocol."""

import signal
from pathlib import Path
from typing import ClassVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from deploy.embedded.binaries import valkey_server
from deploy.embedded.passwords import password
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

_SETTINGS_FILE = "valkey.conf"


class ValkeyServer(Server):
    """Valkey that writes to its append-only file every second, and asks for a password."""

    title: ClassVar[str] = "Valkey"
    name: ClassVar[str] = "valkey"
    process_names: ClassVar[frozenset[str]] = frozenset({"valkey-server", "redis-server"})
    stop_signals: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGTERM,)

    @property
    def url(self) -> str:
        """The URL for clients; known while the server is stopped, too."""
        return f"redis://:{self._password}@{LOOPBACK}:{self.port}/0"

    @property
    def _password(self) -> str:
        return password(self.home, "valkey")

    def _prepare(self) -> None:
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.folder.chmod(0o700)
        # In a file: other users can read the words of a command.
        settings = self.folder / _SETTINGS_FILE
        settings.unlink(missing_ok=True)
        settings.touch(mode=0o600)
        settings.write_text(f"requirepass {self._password}\n")

    def _complete(self) -> None:
        """Do nothing: Valkey's databases always exist."""

    def _command(self, port: int) -> list[str | Path]:
        settings = [word for name, value in SETTINGS.items() for word in (f"--{name}", value)]
        return [valkey_server(), self.folder / _SETTINGS_FILE, "--port", str(port), *settings]

    def _answering_pid(self, port: int) -> int | None:
        client = redis.Redis(
            host=LOOPBACK,
            port=port,
            password=self._password,
            socket_timeout=5,
            retry=Retry(NoBackoff(), 0),
        )
        try:
            state = client.info()
        except redis.RedisError:
            return None
        finally:
            client.close()
        return int(state["process_id"]) if state["loading"] == 0 else None
