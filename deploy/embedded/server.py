"""A server of a launcher: the base of PostgreSQL and Valkey."""

import signal
import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from deploy.embedded.errors import EmbeddedServerError
from deploy.embedded.lock import Lock
from deploy.embedded.ports import free_port, is_free
from deploy.embedded.process import Process, processes_in, spawn

READY_SECONDS = 120.0  # recovery after a crash may replay a gigabyte of log
STOP_SECONDS = 30.0
#: How long the server of an earlier launcher may take to end before it is adopted.
LEFTOVER_SECONDS = 5.0
PORT_ATTEMPTS = 5


class Server(ABC):
    """One server with its data in ``home/<name>`` and its log in ``home/logs/<name>.log``.

    It listens on the loopback only. Its port stays the same when this object stops and restarts
    it. Another launcher of the same home uses the last port if it is free. One thread at a time may
    use an object. The server ends with the launching process.
    """

    title: ClassVar[str]
    name: ClassVar[str]
    process_names: ClassVar[frozenset[str]]
    stop_signals: ClassVar[tuple[signal.Signals, ...]]
    """From the gentlest to the most forceful; SIGKILL follows them."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.folder = self.home / self.name
        self.log = self.home / "logs" / f"{self.name}.log"
        self._port_file = self.home / f"{self.name}.port"
        self._lock = Lock(self.home / f"{self.name}.lock")
        self._process: Process | None = None
        self._port: int | None = None

    @property
    def running(self) -> bool:
        """Whether the server's process runs."""
        return self._process is not None and self._process.running

    @property
    def pid(self) -> int:
        """The process id of the running server.

        Raises:
            EmbeddedServerError: the server is not running.
        """
        if self._process is None or not self._process.running:
            raise EmbeddedServerError(f"{self.title} in {self.home} is not running: start it.")
        return self._process.pid

    @property
    def port(self) -> int:
        """The port; known while the server is stopped, too.

        Raises:
            EmbeddedServerError: this object has not started it yet.
        """
        if self._port is None:
            raise EmbeddedServerError(f"{self.title} in {self.home} has no port yet: start it.")
        return self._port

    @property
    @abstractmethod
    def url(self) -> str:
        """The URL for clients; known while the server is stopped, too."""

    def start(self) -> str:
        """Start the server if it does not run, wait until it answers and return its URL.

        Raises:
            EmbeddedServerError: another launcher runs it, its binaries are missing, another program
                took its port while it was stopped, or it ended instead of answering.
        """
        if self.running:
            return self.url
        if sys.platform != "linux":
            raise EmbeddedServerError(
                "The embedded servers run on Linux only. Elsewhere, name running servers in "
                "ACTINIUM_DATABASE_URL and ACTINIUM_REDIS_URL."
            )
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock.acquire()
        try:
            self.log.parent.mkdir(mode=0o700, exist_ok=True)
            self.log.parent.chmod(0o700)
            self._handle_leftover()
            if self._process is None:
                self._prepare()
                self._launch()
            self._complete()
        except BaseException:
            self.stop()
            raise
        return self.url

    def stop(self) -> None:
        """Stop the server, wait until it has ended, and release its lock."""
        if self._process is not None:
            for number in (*self.stop_signals, signal.SIGKILL):
                self._process.send(number)
                if self._process.wait(STOP_SECONDS):
                    break
            self._process = None
        self._lock.release()

    def kill(self) -> None:
        """End the server by SIGKILL, as a crash would; :meth:`start` restarts it."""
        if self._process is not None:
            self._process.send(signal.SIGKILL)
            self._process.wait(STOP_SECONDS)
            self._process = None

    @abstractmethod
    def _prepare(self) -> None:
        """Prepare the data folder for a start; no process uses it."""

    @abstractmethod
    def _command(self, port: int) -> list[str | Path]:
        """Return the command that runs the server in the foreground on this port."""

    @abstractmethod
    def _answering_pid(self, port: int) -> int | None:
        """Return the id of the process that serves this data folder on this port, if ready."""

    @abstractmethod
    def _complete(self) -> None:
        """Create what the ready server needs and does not have yet."""

    def _handle_leftover(self) -> None:
        """Wait until an earlier launcher's server has ended; adopt it if it does not end."""
        deadline = time.monotonic() + LEFTOVER_SECONDS
        # A server whose launcher has just died may still answer before it ends. It is adopted only
        # after it had the time to end.
        while leftovers := processes_in(self.folder, self.process_names):
            if time.monotonic() < deadline:
                time.sleep(0.02)
                continue
            port = self._recorded_port()
            pid = self._answering_pid(port) if port else None
            if pid not in leftovers:
                raise EmbeddedServerError(
                    f"{self.title} still runs on {self.folder} without answering, as process "
                    f"{', '.join(map(str, leftovers))}: end that process, then start again."
                )
            self._process, self._port = Process(pid), port
            return

    def _launch(self) -> None:
        for _ in range(PORT_ATTEMPTS):
            port = self._choose_port()
            self._port_file.write_text(f"{port}\n")
            log_start = self.log.stat().st_size if self.log.exists() else 0
            self._process = spawn(self._command(port), folder=self.folder, log=self.log)
            if self._becomes_ready(self._process, port):
                self._port = port
                return
            # Another program may have taken the port between the check and the start.
            if self._port is not None or is_free(port):
                break
        with self.log.open("rb") as log:
            log.seek(log_start)
            lines = log.read().decode(errors="replace").splitlines()
        raise EmbeddedServerError(
            f"{self.title} ended or did not answer while starting; the end of {self.log} says: "
            + " | ".join(lines[-5:])
        )

    def _choose_port(self) -> int:
        if self._port is not None:
            if is_free(self._port):
                return self._port
            raise EmbeddedServerError(
                f"Port {self._port} of {self.title} was taken by another program while the server "
                "was stopped: end that program, or start a new launcher, which uses another port."
            )
        recorded = self._recorded_port()
        return recorded if recorded and is_free(recorded) else free_port()

    def _recorded_port(self) -> int | None:
        try:
            return int(self._port_file.read_text())
        except (FileNotFoundError, ValueError):
            return None

    def _becomes_ready(self, process: Process, port: int) -> bool:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self._answering_pid(port) == process.pid:
                return True
            if process.wait(0.01):
                return False
        return False
