"""Waiting for something slow without seeming dead."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

PULSE_SECONDS = 0.5

T = TypeVar("T")


class _Work(threading.Thread, Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__(daemon=True)  # one that hangs must not keep the process from ending
        self._work = work
        self.result: T
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self._work()
        except BaseException as error:
            self.error = error


def wait_for(work: Callable[[], T], pulse: Callable[[], None]) -> T:
    """Do something in another thread, and pulse twice a second until it is done.

    Where ``pulse`` raises, the work is left to itself; its result is lost.
    """
    thread = _Work(work)
    thread.start()
    thread.join(PULSE_SECONDS)
    while thread.is_alive():
        pulse()
        thread.join(PULSE_SECONDS)
    if thread.error is not None:
        raise thread.error
    return thread.result
