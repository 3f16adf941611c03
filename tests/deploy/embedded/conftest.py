"""Launchers of the embedded servers, and an end to whatever they leave."""

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.stack_launchers import Launch, Launcher, processes_of


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Start launchers; whatever is left of them after the test is killed."""
    launchers: list[Launcher] = []

    def start(
        home: Path,
        prefix: Sequence[str | Path] = (),
        preexec_fn: Callable[[], object] | None = None,
    ) -> Launcher:
        launchers.append(Launcher(home, prefix, preexec_fn))
        return launchers[-1]

    yield start
    for launcher in launchers:
        launcher.process.kill()
        launcher.process.communicate()
        for pid in processes_of(launcher.home):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
