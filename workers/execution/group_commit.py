"""Group commit: epochs that end shortly after each other are recorded in one transaction.

A transaction takes some milliseconds, whatever it holds, and an epoch of a very small network takes
no longer. Epochs that wait are lost if their worker dies; the next worker retrains them, with the
same bits.
"""

import time
from collections.abc import Sequence

from service.runs.recording import EpochRecord

#: Least time between two transactions, and so the longest that a listener waits for an epoch.
GROUP_SECONDS = 0.2

#: Largest weight of a transaction: its epochs are in memory, and their runs are locked meanwhile.
_LARGEST_WEIGHT = 1_000

#: Weight of an epoch with layer statistics (up to half a megabyte); of one without it is 1.
_STATISTICS_WEIGHT = 20


class CommitGroup:
    """Epochs that wait to be recorded together, in the order in which they ended.

    Epochs wait only if the next one, taking as long as the last one did, would end within
    ``GROUP_SECONDS`` of the last transaction. So longer epochs never wait, nor does the first epoch
    of a training. If the next epoch takes longer than expected, its first pulse records those that
    wait.
    """

    def __init__(self) -> None:
        self._waiting: list[EpochRecord] = []
        self._weight = 0
        self._ended_at = time.monotonic()
        self._next_at = self._ended_at
        self._taken_at = self._recorded_at = float("-inf")

    def add(self, records: Sequence[EpochRecord]) -> None:
        """Add epochs that ended just now, at most one of each run."""
        now = time.monotonic()
        self._next_at = now + (now - self._ended_at)
        self._ended_at = now
        self._waiting += records
        self._weight += sum(_weight(record) for record in records)

    @property
    def due(self) -> bool:
        """Whether the waiting epochs should be recorded now; the last one of a run never waits."""
        return (
            self._next_at >= self._recorded_at + GROUP_SECONDS
            or self._weight >= _LARGEST_WEIGHT
            or any(record.ending is not None for record in self._waiting)
        )

    def take(self) -> list[EpochRecord]:
        """Remove and return the waiting epochs: records that are refused are not tried again."""
        taken, self._waiting, self._weight = self._waiting, [], 0
        self._taken_at = time.monotonic()
        return taken

    def recorded(self) -> None:
        """Note that the taken epochs are recorded now; that time does not count as an epoch's."""
        self._recorded_at = time.monotonic()
        self._ended_at += self._recorded_at - self._taken_at


def _weight(record: EpochRecord) -> int:
    return 1 if record.insight.layers is None else _STATISTICS_WEIGHT
