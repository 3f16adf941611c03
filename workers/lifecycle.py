"""How a worker's two processes begin and end.

Told to stop (SIGTERM, Ctrl-C, a closed terminal), the parent sets the stop flag and does
Celery's warm shutdown: it takes no more messages and waits for its child, which sees the flag
between two steps, gives its run back and is done within a second or two. (Celery's soft shutdown
sleeps for the whole of its timeout while anything runs, and then ends the child by an exception
that can strike in the middle of a commit.) A child that does not see the flag in time dies with
its parent; its run is then found by its lease.
"""

import os
import signal
from typing import Any

from celery.platforms import EX_FAILURE

from workers.station import Station

_LIKE_SIGTERM = (signal.SIGHUP, signal.SIGQUIT)


def prepare_child(parent: int) -> None:
    """Make a forked child ready to train.

    Celery has by now asked the kernel to kill the child when its parent dies, however that dies.
    """
    if os.getppid() != parent:  # it died before that
        os._exit(EX_FAILURE)
    # Sent to the whole process group, these would raise SystemExit wherever the training stands.
    # The parent hears them too and sets the flag.
    for number in (signal.SIGTERM, *_LIKE_SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # Torch, before the first run waits for it.
    import workers.runner  # noqa: F401, PLC0415
    from workers.warmup import warm_up  # noqa: PLC0415

    warm_up()


def begin_stop(station: Station) -> None:
    """Tell the child to give its run back, and end by force when it does not do so in time."""
    if station.stop.is_set():  # told before: its time runs already
        return
    station.stop.set()
    signal.signal(signal.SIGALRM, _end_by_force)
    signal.setitimer(signal.ITIMER_REAL, max(station.settings.soft_shutdown_seconds, 0.001))


def stop_likewise() -> None:
    """Let a closed terminal and Ctrl-Backslash stop the parent as SIGTERM does.

    Celery would start anew on the one, without the terminal, and on the other wait for its child
    without telling it.
    """
    for number in _LIKE_SIGTERM:
        signal.signal(number, signal.getsignal(signal.SIGTERM))


def _end_by_force(*_: Any) -> None:
    os.write(2, b"The worker did not stop in time; its run is left to its lease.\n")
    os._exit(EX_FAILURE)
