"""Background: something slow runs in a thread of its own while the caller goes on pulsing."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

#: Time between two pulses.
PULSE_SECONDS = 0.5

T = TypeVar("T")


class _BackgroundThread(threading.Thread, Generic[T]):
    def __init__(self, work: Callable[[], T]) -> None:
        super().__init__(daemon=True)  # work that hangs must not keep the process from ending
        self._work = work
        self.result: T
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self._work()
        except BaseException as error:
            self.error = error


def wait_for(work: Callable[[], T], pulse: Callable[[], None]) -> T:
    """Run ``work`` in another thread, call ``pulse`` twice a second, and return the result.

    If ``pulse`` raises, the thread goes on and its result is discarded.

    Raises:
        BaseException: what ``work`` raised.
    """
    thread = _BackgroundThread(work)
    thread.start()
    thread.join(PULSE_SECONDS)
    while thread.is_alive():
        pulse()
        thread.join(PULSE_SECONDS)
    if thread.error is not None:
        raise thread.error
    return thread.result
