"""Processes that end with their launcher, and handles that cannot mistake one for another."""

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

# Loaded here because the child between fork and exec must load nothing.
_libc = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


class Process:
    """A running process, ours or adopted, held by a pidfd: its number is never mistaken."""

    def __init__(self, pid: int) -> None:
        """Take hold of a process.

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
        """Send a signal; nothing happens if the process has ended."""
        if self.running:
            signal.pidfd_send_signal(self._handle, number)


def ends_with_launcher(number: signal.Signals = signal.SIGINT) -> Callable[[], None]:
    """Return a ``preexec_fn`` that signals the child when its launcher ends, however it ends.

    The kernel sends the signal when the *thread* that forked the child ends, so fork from a thread
    that outlives the child. It holds through ``unshare --user``.
    """
    return partial(_end_with, os.getpid(), number)


def _end_with(launcher: int, number: signal.Signals) -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)
    if os.getppid() != launcher:  # it died before the line above
        os._exit(1)
    # A launcher that waits for its signals blocks them, and in a shell's background it ignores
    # SIGINT: the child would inherit both.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(number, signal.SIG_DFL)


def spawn(command: Sequence[str | Path], *, folder: Path, log: Path) -> Process:
    """Start a server in a session of its own, with its output added to a log.

    A terminal's Ctrl-C does not reach it, so the launcher decides when it stops; the launcher's
    death does. May be called from any thread: a thread of its own forks the child and stays until
    it has ended.

    Args:
        command: the executable and its arguments.
        folder: the child's working directory, from before its first instruction.
        log: the file for its output.

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
            # Before the wait below: until then an ended child keeps its number.
            started.set_result(Process(child.pid))
        except BaseException as error:  # the caller's to handle
            started.set_exception(error)
            return
        child.wait()

    threading.Thread(target=keep, name=f"keeper of {folder.name}", daemon=True).start()
    return started.result()


def processes_in(folder: Path, names: Collection[str]) -> list[int]:
    """Return the processes with one of these names whose working directory is this folder.

    Both servers work in their data folder, so this finds what still runs on it, whoever started
    it and whatever a file with a process number says.
    """
    if not folder.exists():
        return []
    place = folder.stat()
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if (entry / "comm").read_text().strip() in names and os.path.samestat(
                (entry / "cwd").stat(), place
            ):
                found.append(int(entry.name))
        except OSError:  # ended meanwhile, or another user's
            continue
    return found
