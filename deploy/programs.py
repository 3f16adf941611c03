"""Programs that are kept running: their output is read, and they are restarted when they end."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from deploy.embedded.process import ends_with_launcher

#: Takes a program's name and one line of its output.
Write = Callable[[str, str], None]

#: Pauses before a restart: the first after a healthy run, else twice the last, up to the longest.
_FIRST_PAUSE_SECONDS = 0.5
_LONGEST_PAUSE_SECONDS = 10.0
_HEALTHY_SECONDS = 30.0


class Program:
    """One long-lived child process with a name.

    A thread starts it, passes its output on and restarts it, after growing pauses, whenever it
    ends without being asked to. It ends with this process, however that ends.
    """

    def __init__(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], write: Write
    ) -> None:
        self.name = name
        self._command = command
        self._environment = {**os.environ, **environment, "PYTHONUNBUFFERED": "1"}
        self._write = write
        #: How many times it has ended without being asked to.
        self.failures = 0
        self._stopping = threading.Event()
        self._child: subprocess.Popen[str] | None = None
        self._keeper = threading.Thread(target=self._keep, name=f"keeper of {name}", daemon=True)

    def start(self) -> None:
        """Start the program and keep it running."""
        self._keeper.start()

    def ask_to_stop(self) -> None:
        """Send SIGTERM; the program is not restarted."""
        self._stopping.set()
        self._signal(signal.SIGTERM)

    def wait(self, seconds: float) -> None:
        """Wait until the program has ended; kill it after ``seconds``."""
        self._keeper.join(seconds)
        if self._keeper.is_alive():
            self._signal(signal.SIGKILL)
            self._keeper.join()

    def _signal(self, number: signal.Signals) -> None:
        child = self._child
        if child is not None and child.poll() is None:
            child.send_signal(number)

    def _keep(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while not self._stopping.is_set():
            started = time.monotonic()
            code = self._run_once()
            if self._stopping.is_set():
                return
            self.failures += 1
            pause = (
                _FIRST_PAUSE_SECONDS
                if time.monotonic() - started > _HEALTHY_SECONDS
                else min(pause * 2, _LONGEST_PAUSE_SECONDS)
            )
            self._write(self.name, f"ended with exit status {code}; restarted in {pause:g} s")
            self._stopping.wait(pause)

    def _run_once(self) -> int:
        child = subprocess.Popen(
            self._command,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # In its own session, Ctrl-C in the terminal does not reach it: this process stops
            # its programs in order.
            start_new_session=True,
            preexec_fn=ends_with_launcher(signal.SIGTERM),
        )
        self._child = child
        if self._stopping.is_set():
            self._signal(signal.SIGTERM)
        if child.stdout is not None:
            for line in child.stdout:
                self._write(self.name, line.rstrip("\n"))
        return child.wait()
