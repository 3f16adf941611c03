"""Signs of life of a process, which a health check can read without any server.

A process touches a file in ``ACTINIUM_HOME`` on every turn of its loop, also while Postgres or
Redis is away: restarting the process would not end such an outage. ``make up`` writes there, too,
where its parts listen.
"""

import contextlib
import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from service.settings import Settings


def mark_alive(settings: Settings, process: str) -> None:
    """Touch the file that shows that a process is alive."""
    # Where the home cannot be written, the health check fails and the process continues.
    with contextlib.suppress(OSError):
        file = _file(settings, process)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def is_alive(settings: Settings, process: str, *, within: float) -> bool:
    """Whether a process of this home was marked alive in the last ``within`` seconds."""
    try:
        return time.time() - _file(settings, process).stat().st_mtime < within
    except OSError:
        return False


def _file(settings: Settings, process: str) -> Path:
    return settings.home / "alive" / process


@dataclass(frozen=True)
class RunningStack:
    """Where the parts of a service that ``make up`` runs listen.

    Attributes:
        url: of the API.
        pid: of the process that runs it.
        database_url: with the password.
    """

    url: str
    pid: int
    database_url: str


def announce_stack(home: Path, stack: RunningStack) -> None:
    """Write where a service listens, for this account only."""
    file = _stack_file(home)
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        json.dump(asdict(stack), opened)
    new.replace(file)


def announced_stack(home: Path) -> RunningStack | None:
    """Return where the service of a home listens; None if the process that ran it has ended."""
    try:
        stack = RunningStack(**json.loads(_stack_file(home).read_text()))
        os.kill(stack.pid, 0)
    except (OSError, ValueError, TypeError):
        return None
    return stack


def withdraw_stack(home: Path) -> None:
    """Remove what ``announce_stack`` wrote."""
    _stack_file(home).unlink(missing_ok=True)


def _stack_file(home: Path) -> Path:
    return home / "service.json"
