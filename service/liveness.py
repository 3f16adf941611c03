"""Signs of life of a process, which a health check can read without any server.

A process touches a file in ``ACTINIUM_HOME`` on every turn of its loop, also while Postgres or
Redis is away: restarting the process would not end such an outage.
"""

import contextlib
import time
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
