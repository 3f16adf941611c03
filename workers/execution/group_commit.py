"""Group commit: epochs that end shortly after one another are recorded in one transaction.

A transaction takes some milliseconds, whatever it holds; an epoch of a very small network takes
no more. What waits is lost with its worker, and lived again with the same bits by the next.
"""

import time
from collections.abc import Sequence

from service.runs.recording import EpochRecord

#: How soon after a transaction another one is worth while: what a listener may wait.
GROUP_SECONDS = 0.2

#: Most epochs of one transaction: they are in memory, and their runs are locked meanwhile.
_MOST = 1_000

#: An epoch with layer statistics weighs as much as so many without: up to half a megabyte.
_WEIGHT_OF_STATISTICS = 20


class Group:
    """Epochs that wait to be recorded together, in the order in which they ended.

    They wait only where the next is expected within ``GROUP_SECONDS`` of the last transaction, by
    how long the last one took. So longer epochs never wait, nor does the first of a training. Where
    one takes longer than that after all, those before it wait for its first pulse at the latest.
    """

    def __init__(self) -> None:
        self._waiting: list[EpochRecord] = []
        self._weight = 0
        self._ended_at = time.monotonic()
        self._next_at = self._ended_at
        self._taken_at = self._recorded_at = float("-inf")

    def add(self, records: Sequence[EpochRecord]) -> None:
        """Put in epochs of several runs that ended just now, at most one a run."""
        now = time.monotonic()
        self._next_at = now + (now - self._ended_at)
        self._ended_at = now
        self._waiting += records
        self._weight += sum(_weight(each) for each in records)

    @property
    def due(self) -> bool:
        """Whether what waits should wait no longer; the last epoch of a run never waits."""
        return (
            self._next_at >= self._recorded_at + GROUP_SECONDS
            or self._weight >= _MOST
            or any(each.ending is not None for each in self._waiting)
        )

    def take(self) -> list[EpochRecord]:
        """Take out what waits, for good: what cannot be recorded must not be tried for ever."""
        taken, self._waiting, self._weight = self._waiting, [], 0
        self._taken_at = time.monotonic()
        return taken

    def recorded(self) -> None:
        """Note that what was taken is recorded now, in time that is not the next epoch's."""
        self._recorded_at = time.monotonic()
        self._ended_at += self._recorded_at - self._taken_at


def _weight(record: EpochRecord) -> int:
    return 1 if record.insight.layers is None else _WEIGHT_OF_STATISTICS
