"""Real processes of the service, started by tests as an operator would start them.

Each runs in a process group of its own with its settings in the environment and its output in a
file. ``Processes`` ends whatever a test leaves behind; ``tests/conftest.py`` adds the logs to the
report of a test that fails.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from pydantic import SecretStr

from service.settings import Settings
from tests.support.paths import ROOT

#: Lines of a log that are shown of a process of a failed test.
_LAST_LINES = 150

T = TypeVar("T")


def wait_for(
    condition: Callable[[], T],
    *,
    what: str | Callable[[], str],
    seconds: float = 30.0,
    every: float = 0.05,
) -> T:
    """Wait until a condition gives something true, and return that.

    Args:
        condition: asked again and again.
        what: what is waited for; called where it did not come, to say how things stand then.
        seconds: the longest time to wait.
        every: the pause between two looks.

    Raises:
        AssertionError: it did not within the time.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            told = what if isinstance(what, str) else what()
            raise AssertionError(f"Not within {seconds:g} s: {told}")
        time.sleep(every)
    return found


def environment(settings: Settings) -> dict[str, str]:
    """The environment of a process with these settings, and no other setting."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("ACTINIUM_") and name not in {"DATABASE_URL", "REDIS_URL"}
    }
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if value is not None:
            text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            kept[f"ACTINIUM_{name.upper()}"] = text
    return kept


@dataclass(frozen=True)
class Started:
    """A process a test has started."""

    name: str
    popen: "subprocess.Popen[bytes]"
    log: Path

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.popen.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.popen.poll() is None

    @property
    def output(self) -> str:
        """What it has said so far."""
        return self.log.read_text(errors="replace")

    def last_words(self) -> tuple[str, str]:
        """A title that tells how it stands, and the end of its log."""
        status = self.popen.poll()
        stands = "still running" if status is None else f"exit status {status}"
        lines = self.output.splitlines(keepends=True)
        shown = lines[-_LAST_LINES:]
        title = f"log of {self.name} (process {self.pid}, {stands})"
        if len(shown) < len(lines):
            title += f", the last {len(shown)} of {len(lines)} lines"
        return title, "".join(shown)

    def children(self) -> list[int]:
        """The process ids of its children."""
        listed = subprocess.run(
            ["pgrep", "--parent", str(self.pid)], check=False, capture_output=True, text=True
        )
        return [int(each) for each in listed.stdout.split()]

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, as an operator would."""
        self.popen.send_signal(number)

    def send_group(self, number: signal.Signals) -> None:
        """Send a signal to it and to whatever it started, as a terminal would."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def wait(self, seconds: float = 30.0) -> int:
        """Wait until it has ended and return its exit status."""
        return self.popen.wait(seconds)

    def says(self, text: str, seconds: float = 30.0) -> None:
        """Wait until it has said something."""
        wait_for(lambda: text in self.output, what=f"{self.name} says {text!r}", seconds=seconds)


class Processes:
    """The processes of one test. Leaving its block kills those that still run.

    Args:
        settings: of each process that is started; may be replaced between two.
        folder: where logs are written.
        extra: what else a process of a name has in its environment.

    Example:
        >>> with Processes(settings, tmp_path) as processes:  # doctest: +SKIP
        ...     worker = processes.worker("one")
        ...     scheduler = processes.scheduler()
    """

    def __init__(
        self,
        settings: Settings,
        folder: Path,
        extra: Callable[[str], Mapping[str, str]] = lambda _: {},
    ) -> None:
        self.settings = settings
        self.started: list[Started] = []
        self.is_open = False
        self._folder, self._extra = folder, extra

    def worker(self, name: str, *arguments: str, ready: bool = True) -> Started:
        """Start a CPU worker; by default wait until it listens."""
        command = ("workers", "--device", "cpu", "--name", name, *arguments)
        started = self.start(f"worker {name}", *command)
        if ready:
            started.says("ready.")
        return started

    def scheduler(self, name: str = "scheduler", *, ready: bool = True) -> Started:
        """Start a scheduler; by default wait until it runs."""
        started = self.start(name, "service.operations.scheduler")
        if ready:
            started.says("The scheduler runs")
        return started

    def start(self, name: str, module: str, *arguments: str) -> Started:
        """Start ``python -m module arguments`` with the settings in its environment."""
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder / f"{len(self.started):02}-{name.replace(' ', '-')}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env={**environment(self.settings), **self._extra(name)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        started = Started(name, popen, log)
        self.started.append(started)
        return started

    def __enter__(self) -> Self:
        _of_this_test.append(self)
        self.is_open = True
        return self

    def __exit__(self, *_: object) -> None:
        self.is_open = False
        for each in self.started:
            each.send_group(signal.SIGKILL)
            each.popen.wait(10)


#: Those entered since the last test was over, and those whose block outlasts a test.
_of_this_test: list[Processes] = []


def logs() -> list[tuple[str, str]]:
    """The end of each log of the processes of the test that runs, each with a title."""
    return [each.last_words() for some in _of_this_test for each in some.started]


def forget_ended() -> None:
    """Let the next test's logs be its own."""
    _of_this_test[:] = [each for each in _of_this_test if each.is_open]
