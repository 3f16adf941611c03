"""Real processes of the service, started by tests as an operator would start them.

Each runs in a process group of its own with its settings in the environment and its output in a
file. ``Processes`` ends whatever a test leaves behind and shows the logs of a failed test.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from pydantic import SecretStr

from service.config import Settings

ROOT = Path(__file__).resolve().parent.parent

T = TypeVar("T")


def wait_for(
    condition: Callable[[], T], *, what: str, seconds: float = 30.0, every: float = 0.05
) -> T:
    """Wait until a condition gives something true, and return that.

    Raises:
        AssertionError: it did not within the time.
    """
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"Not within {seconds:g} s: {what}")
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

    Example:
        >>> with Processes(settings, tmp_path) as processes:  # doctest: +SKIP
        ...     worker = processes.worker("one")
        ...     scheduler = processes.scheduler()
    """

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.settings = settings
        self._folder = folder
        self._started: list[Started] = []

    def worker(self, name: str, *arguments: str, ready: bool = True) -> Started:
        """Start a CPU worker; by default wait until it listens."""
        command = ("workers", "--device", "cpu", "--name", name, *arguments)
        started = self.start(f"worker {name}", *command)
        if ready:
            started.says("ready.")
        return started

    def scheduler(self, name: str = "scheduler", *, ready: bool = True) -> Started:
        """Start a scheduler; by default wait until it runs."""
        started = self.start(name, "service.scheduler")
        if ready:
            started.says("The scheduler runs")
        return started

    def start(self, name: str, module: str, *arguments: str) -> Started:
        """Start ``python -m module arguments`` with the settings in its environment."""
        self._folder.mkdir(parents=True, exist_ok=True)
        log = self._folder / f"{len(self._started):02}-{name.replace(' ', '-')}.log"
        with log.open("wb") as output:
            popen = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env=environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        started = Started(name, popen, log)
        self._started.append(started)
        return started

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for each in self._started:
            each.send_group(signal.SIGKILL)
            each.popen.wait(10)
            if kind is not None:
                print(f"--- {each.name}, exit status {each.popen.returncode}\n{each.output}")
