"""The embedded PostgreSQL."""

import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, ClassVar

import psycopg

from deploy.embedded.account import unprivileged
from deploy.embedded.binaries import postgres_bin
from deploy.embedded.errors import EmbeddedServerError
from deploy.embedded.ports import LOOPBACK
from deploy.embedded.process import ends_with_launcher, processes_in
from deploy.embedded.server import LEFTOVER_SECONDS, Server

USER = "postgres"
DATABASE = "actinium"

_INITDB_NAMES = frozenset({"initdb", "postgres", "unshare"})

# Sized for two cores that also train. The settings of durability (fsync, synchronous_commit) stay
# at PostgreSQL's defaults: committed data is never lost.
SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # a socket's path is limited to 107 bytes; a home's is not
    "max_connections": "200",
    "shared_buffers": "128MB",
    "jit": "off",
    "timezone": "UTC",
}


def _discard(incomplete: Path) -> None:
    """Remove the files of an interrupted initdb, after its processes have ended."""
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while processes_in(incomplete, _INITDB_NAMES) and time.monotonic() < deadline:
        time.sleep(0.02)
    shutil.rmtree(incomplete, ignore_errors=True)


class PostgresServer(Server):
    """PostgreSQL with one database, ``actinium``, and no password, on the loopback only.

    Every user of this machine can read and change it. Where that matters, name a server with a
    password in ``ACTINIUM_DATABASE_URL``.
    """

    title: ClassVar[str] = "PostgreSQL"
    name: ClassVar[str] = "postgres"
    process_names: ClassVar[frozenset[str]] = frozenset({"postgres", "unshare"})
    # A fast shutdown, then an immediate one, from which the next start recovers.
    stop_signals: ClassVar[tuple[signal.Signals, ...]] = (signal.SIGINT, signal.SIGQUIT)

    @property
    def url(self) -> str:
        """The URL for clients; known while the server is stopped, too."""
        return f"postgresql://{USER}@{LOOPBACK}:{self.port}/{DATABASE}"

    @property
    def _pid_file(self) -> Path:
        return self.folder / "postmaster.pid"

    def _prepare(self) -> None:
        if not (self.folder / "PG_VERSION").exists():
            self._initialize()
        # A crash leaves this file. PostgreSQL refuses to start if another program has the process
        # number in it by now. The lock and the list of processes show that no server runs here.
        self._pid_file.unlink(missing_ok=True)

    def _initialize(self) -> None:
        """Create the data folder under another name and rename it when it is complete."""
        if self.folder.exists() and any(self.folder.iterdir()):
            raise EmbeddedServerError(
                f"{self.folder} holds files but no PostgreSQL data: move them away, or choose "
                "another folder with ACTINIUM_HOME."
            )
        for incomplete in self.home.glob(f"{self.name}.new-*"):
            _discard(incomplete)
        folder = Path(tempfile.mkdtemp(prefix=f"{self.name}.new-", dir=self.home))
        try:
            self._run_initdb(folder)
            folder.rename(self.folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    @staticmethod
    def _run_initdb(folder: Path) -> None:
        result = subprocess.run(
            [
                *unprivileged(),
                postgres_bin() / "initdb",
                *("-D", folder, "-U", USER, "--auth=trust", "-E", "UTF8"),
                *("--locale=C.UTF-8", "--no-sync"),
            ],
            check=False,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=ends_with_launcher(),
        )
        if result.returncode != 0:
            raise EmbeddedServerError(
                "initdb could not create PostgreSQL's data folder; it says: "
                + " | ".join(result.stdout.splitlines()[-3:])
            )

    def _command(self, port: int) -> list[str | Path]:
        settings = [f"--{name}={value}" for name, value in SETTINGS.items()]
        server = postgres_bin() / "postgres"
        return [*unprivileged(), server, "-D", self.folder, "-p", str(port), *settings]

    def _answering_pid(self, port: int) -> int | None:
        # Lines of postmaster.pid: process, folder, start, port, socket, address, memory, status.
        try:
            lines = self._pid_file.read_text().split("\n")
        except FileNotFoundError:
            return None
        if len(lines) < 8 or lines[3] != str(port) or lines[7].strip() != "ready":
            return None
        try:
            self._connect(port).close()
        except psycopg.OperationalError:
            return None
        return int(lines[0])

    def _complete(self) -> None:
        with self._connect(self.port) as connection:
            found = connection.execute("SELECT FROM pg_database WHERE datname = %s", (DATABASE,))
            if found.rowcount == 0:
                connection.execute(f"CREATE DATABASE {DATABASE}")

    @staticmethod
    def _connect(port: int) -> psycopg.Connection[Any]:
        return psycopg.connect(
            host=LOOPBACK,
            port=port,
            user=USER,
            dbname="postgres",
            sslmode="disable",
            connect_timeout=5,
            autocommit=True,
        )
