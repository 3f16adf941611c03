"""Signs of life that a container's health check can look at without any server.

A process touches a file in ``ACTINIUM_HOME`` each time its loop turns. Restarting it would not
heal an outage of Postgres or Redis, so the sign goes on while one of them is away.
"""

import contextlib
import time
from pathlib import Path

from service.settings import Settings


def mark_alive(settings: Settings, process: str) -> None:
    """Leave a sign of life of this process."""
    # Where the home cannot be written the check fails and says so; the work goes on.
    with contextlib.suppress(OSError):
        sign = _sign(settings, process)
        sign.parent.mkdir(parents=True, exist_ok=True)
        sign.touch()


def is_alive(settings: Settings, process: str, *, within: float) -> bool:
    """Say whether a process of this home left a sign of life in the last seconds."""
    try:
        return time.time() - _sign(settings, process).stat().st_mtime < within
    except OSError:
        return False


def _sign(settings: Settings, process: str) -> Path:
    return settings.home / "alive" / process
