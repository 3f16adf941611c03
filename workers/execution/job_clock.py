"""Job clock: what a job takes beside its epochs, and in them."""

import time
from collections.abc import Iterable

from service.runs.paces import JobTimes


class JobClock:
    """Runs from the moment a job was claimed."""

    def __init__(self) -> None:
        self._claimed_at = time.monotonic()
        self._epochs_began_at = self._recorded_at = self._claimed_at
        self._epochs = 0

    def epoch_ended(self, seconds: Iterable[float]) -> None:
        """Note that an epoch ended just now, which took its members so many seconds."""
        if not self._epochs:
            self._epochs_began_at = time.monotonic() - sum(seconds)
        self._epochs += 1

    def epoch_recorded(self) -> None:
        """Note that this epoch is recorded, or waits with others to be."""
        self._recorded_at = time.monotonic()

    def times(self) -> JobTimes:
        """Return what the job took, which has just ended."""
        return JobTimes(
            seconds=time.monotonic() - self._claimed_at,
            epoch_seconds=max(0.0, self._recorded_at - self._epochs_began_at),
            epochs=self._epochs,
        )
