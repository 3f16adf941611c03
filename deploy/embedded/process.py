"""Processes that end with their launcher, and handles that always mean the same process."""

import ctypes
import os
import select
import signal
import subprocess
import threading
import weakref
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path

# Loaded here, since nothing may be loaded in the child between fork and exec.
_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


class Process:
    """A running process, ours or adopted; its pidfd never means another process."""

    def __init__(self, pid: int) -> None:
        """Open the process with this id.

        Raises:
            ProcessLookupError: there is no such process.
        """
        self.pid = pid
        self._handle = os.pidfd_open(pid)
        weakref.finalize(self, os.close, self._handle)

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return not self.wait(0)

    def wait(self, seconds: float) -> bool:
        """Wait until the process has ended; return whether it has."""
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        return bool(poll.poll(seconds * 1000))

    def send(self, number: signal.Signals) -> None:
        """Send a signal; does nothing if the process has ended."""
        if self.running:
            signal.pidfd_send_signal(self._handle, number)


def ends_with_launcher(number: signal.Signals = signal.SIGINT) -> Callable[[], None]:
    """Return a ``preexec_fn`` that signals the child when its launcher ends, however it ends.

    The kernel sends the signal when the *thread* that forked the child ends, so fork from a thread
    that outlives the child. This also works through ``unshare --user``.
    """
    return partial(_end_with, os.getpid(), number)


def _end_with(launcher: int, number: signal.Signals) -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != launcher:  # it died before the line above
        os._exit(1)
    # The child inherits signals that the launcher blocks, and SIGINT ignored in the background.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(number, signal.SIG_DFL)


def spawn(command: Sequence[str | Path], *, folder: Path, log: Path) -> Process:
    """Start a server in its own session and append its output to a log.

    Ctrl-C in the terminal does not reach it: the launcher decides when it stops. It also stops when
    the launcher ends. Any thread may call this: a separate thread forks the child and lives until
    the child has ended.

    Args:
        command: the executable and its arguments.
        folder: the child's working directory.
        log: the file of its output.

    Raises:
        OSError: the executable cannot be started.
    """
    started: Future[Process] = Future()

    def keep() -> None:
        try:
            with log.open("ab") as output:
                child = subprocess.Popen(
                    command,
                    cwd=folder,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    preexec_fn=ends_with_launcher(),
                )
            # Before the wait below: until then, the id of an ended child stays its own.
            started.set_result(Process(child.pid))
        except BaseException as error:  # for the caller
            started.set_exception(error)
            return
        child.wait()

    threading.Thread(target=keep, name=f"keeper of {folder.name}", daemon=True).start()
    return started.result()


def processes_in(folder: Path, names: Collection[str]) -> list[int]:
    """Return the ids of processes with one of these names that work in this folder.

    Both servers work in their data folder. This finds the processes that still use it, whoever
    started them and whatever a file with a process id says.
    """
    if not folder.exists():
        return []
    status = folder.stat()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if (entry / "comm").read_text().strip() in names and os.path.samestat(
                (entry / "cwd").stat(), status
            ):
                found.append(int(entry.name))
        except OSError:  # it has ended, or belongs to another user
            continue
    return found
