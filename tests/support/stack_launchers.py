"""Launchers as processes of their own, and a look at what they leave behind."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.processes import wait_for


def processes_of(home: Path) -> list[int]:
    """Every process that works under a home or names it on its command line, but launchers."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            command = (entry / "cmdline").read_bytes()
            works_there = (entry / "cwd").readlink().is_relative_to(home)
            if works_there or (os.fsencode(home) in command and b"deploy.embedded" not in command):
                found.append(int(entry.name))
    return found


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 10) -> None:
    """Wait as ``wait_for`` does, looking often enough to meet what lasts for milliseconds."""
    wait_for(condition, what=what, seconds=seconds, every=0.005)


class Launcher:
    """One ``python -m deploy.embedded``, the leader of a process group as under a terminal."""

    def __init__(
        self, home: Path, prefix: Sequence[str | Path], preexec_fn: Callable[[], object] | None
    ) -> None:
        self.home = home
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "deploy.embedded", "--home", home],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            preexec_fn=preexec_fn,  # noqa: PLW1509
        )

    def urls(self) -> tuple[str, str]:
        """Wait for the two export lines; return the URL of the database and of Redis."""
        assert self.process.stdout is not None
        lines = [self.process.stdout.readline().strip() for _ in range(2)]
        if not all(lines):
            pytest.fail(f"the launcher said nothing: {self.process.communicate()[1]}")
        database, redis = lines
        assert database.startswith("export ACTINIUM_DATABASE_URL=postgresql://actinium:")
        assert redis.startswith("export ACTINIUM_REDIS_URL=redis://:")
        return database.partition("=")[2], redis.partition("=")[2]

    def ctrl_c(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> tuple[int, str]:
        """Wait for the end; return the exit code and the standard error."""
        _, error = self.process.communicate(timeout=30)
        return self.process.returncode, error


Launch = Callable[..., Launcher]
