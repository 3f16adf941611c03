"""Signals: how the two processes of a worker start and stop.

SIGTERM, Ctrl-C or a closed terminal makes the parent set the stop flag and begin Celery's warm
shutdown: it receives no more messages and waits for its child. The child reads the flag between
two steps, gives its runs back and ends within a second or two. (Celery's soft shutdown is of no
use here: it sleeps for the whole of its timeout while a task runs, and then ends the child by an
exception that can strike in the middle of a commit.) A child that does not read the flag in time
is killed with its parent; its runs are taken back when their leases expire.
"""

import os
import signal
from typing import Any

from celery.apps import worker as celery_worker
from celery.platforms import EX_FAILURE

from service.logs import write_line
from service.tracing import start_tracing
from workers.process.identity import WorkerIdentity

#: Each of these signals stops a worker, in the same way.
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


def prepare_child(identity: WorkerIdentity, parent_pid: int) -> None:
    """Make a forked child ready to train, and say so.

    Celery has already asked the kernel to kill the child when its parent dies, for any reason.
    """
    if os.getppid() != parent_pid:  # the parent died before that
        os._exit(EX_FAILURE)
    # A signal sent to the whole process group would raise SystemExit anywhere in the training.
    # The parent receives it too and sets the flag.
    for number in _STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    start_tracing("worker")  # here and not in the parent, which forks
    # Import torch now so that the first run does not pay for it.
    import workers.execution.runner  # noqa: F401, PLC0415
    from workers.process.warmup import warm_up  # noqa: PLC0415

    warm_up()
    identity.ready.set()


def install_stop_handlers(identity: WorkerIdentity) -> None:
    """Let each stop signal stop the parent in the same way, once.

    Without this Celery would restart when its terminal closes, and on Ctrl-Backslash wait for its
    child without telling it to stop. Only the first signal counts: Celery's own handler takes a
    lock for a moment, and a second signal in that moment (a dying launcher sends several) would
    wait for that lock for ever.
    """
    warm_shutdown: Any = signal.getsignal(signal.SIGTERM)
    if identity.settings.log_json:  # Celery would write a line of text past the log
        celery_worker.safe_say = lambda message, _file=None: write_line("info", message)

    def stop(number: int, frame: Any) -> None:
        if not identity.stop.is_set():
            _begin_stop(identity)
            warm_shutdown(number, frame)

    for number in _STOP_SIGNALS:
        signal.signal(number, stop)


def _begin_stop(identity: WorkerIdentity) -> None:
    """Ask the child to give its runs back, and end by force if it does not do so in time."""
    identity.stop.set()
    signal.signal(signal.SIGALRM, lambda *_: _end_by_force(identity))
    signal.setitimer(signal.ITIMER_REAL, max(identity.settings.soft_shutdown_seconds, 0.001))


def _end_by_force(identity: WorkerIdentity) -> None:
    sentence = "The worker did not stop in time; its runs go on when their leases expire."
    if identity.settings.log_json:
        write_line("critical", sentence)
    else:
        os.write(2, f"{sentence}\n".encode())
    os._exit(EX_FAILURE)
