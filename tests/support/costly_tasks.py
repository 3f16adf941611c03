"""What tests have a computing process do."""

import os
import signal
import time

from sqlalchemy import text


def sleep(session, seconds: float) -> int:
    """Sleep in a computing process, and return its id."""
    time.sleep(seconds)
    return os.getpid()


def hold(session) -> None:
    """Hold the interpreter, as a long computation does."""
    while True:
        sum(range(1_000_000))


def query(session) -> None:
    """Have the database work until it is told to stop."""
    session.execute(text("SELECT pg_sleep(3600)"))


def refuse(session, kind: type[Exception], *arguments) -> None:
    """Raise an error."""
    raise kind(*arguments)


def end(session) -> None:
    """End the process as the kernel does where memory is short."""
    os.kill(os.getpid(), signal.SIGKILL)


def leave(session) -> None:
    """End the process as one without work ends."""
    os._exit(0)
