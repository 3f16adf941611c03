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

from workers.process.identity import Station

#: Each of them stops a worker, in the same way.
_STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def prepare_child(parent: int) -> None:
    """Make a forked child ready to train.

    Celery has by now asked the kernel to kill the child when its parent dies, however that dies.
    """
    if os.getppid() != parent:  # it died before that
        os._exit(EX_FAILURE)
    # Sent to the whole process group, these would raise SystemExit wherever the training stands.
    # The parent hears them too and sets the flag.
    for number in _STOPPING:
        signal.signal(number, signal.SIG_IGN)
    # Torch, before the first run waits for it.
    import workers.execution.runner  # noqa: F401, PLC0415
    from workers.process.warmup import warm_up  # noqa: PLC0415

    warm_up()


def heed_signals(station: Station) -> None:
    """Let SIGTERM, Ctrl-C, a closed terminal and Ctrl-Backslash stop the parent: all alike, once.

    Celery would start anew on a closed terminal, without it, and on Ctrl-Backslash wait for its
    child without telling it. And what it does on SIGTERM holds a lock for a moment: struck there by
    a second signal, as when a launcher dies, it would wait for itself for ever.
    """
    warm_shutdown: Any = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: Any) -> None:
        if not station.stop.is_set():
            _begin_stop(station)
            warm_shutdown(number, frame)

    for number in _STOPPING:
        signal.signal(number, stop)


def _begin_stop(station: Station) -> None:
    """Tell the child to give its run back, and end by force when it does not do so in time."""
    station.stop.set()
    signal.signal(signal.SIGALRM, _end_by_force)
    signal.setitimer(signal.ITIMER_REAL, max(station.settings.soft_shutdown_seconds, 0.001))


def _end_by_force(*_: Any) -> None:
    os.write(2, b"The worker did not stop in time; its run is left to its lease.\n")
    os._exit(EX_FAILURE)
