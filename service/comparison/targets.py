"""Targets: how many epochs or seconds a training takes until a metric reaches a value.

A training that never reaches it is censored: it needs more than it had, and no more is known. It
counts as worse than every training that reached it (a worst-rank score: Lachin 1999): as one epoch
more than the longest of those that are compared. It is never left out, which would reward a
configuration for failing with its bad seeds.
"""

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from service.catalog.metrics import METRICS

#: What is counted until the target is reached.
Unit = Literal["epochs", "seconds"]

UNITS: Mapping[str, Unit] = {"epochs_to": "epochs", "seconds_to": "seconds"}


@dataclass(frozen=True)
class Target:
    """A value that a metric shall reach: at least that of an accuracy, at most that of a loss."""

    metric: str
    value: float

    def __str__(self) -> str:
        """``val_accuracy 0.97``."""
        return f"{self.metric} {self.value:g}"

    def is_reached(self, value: Any) -> Any:
        """Return whether a number reaches it; of a column of a table, the condition on it."""
        reaches = operator.ge if METRICS[self.metric].higher_is_better else operator.le
        return reaches(value, self.value)

    def first_epoch(self, history: Mapping[int, float]) -> int | None:
        """Return the first epoch of a history that reaches it; None where none does."""
        return min(
            (epoch for epoch, value in history.items() if self.is_reached(value)), default=None
        )


@dataclass(frozen=True)
class Pursuit:
    """How a training came along to a target.

    Attributes:
        reached: the first epoch that reached it; None where none did, or the training diverged.
        budget: how many epochs the training was to have.
        recorded: how many it had.
        seconds: of the epochs up to the one that reached it.
        total: of all epochs that it had.
    """

    reached: int | None
    budget: int
    recorded: int
    seconds: float = 0.0
    total: float = 0.0

    def taken(self, unit: Unit) -> float | None:
        """Return what it took to reach the target; None where it did not."""
        if self.reached is None:
            return None
        return float(self.reached) if unit == "epochs" else self.seconds

    def one_epoch_more(self, unit: Unit) -> float:
        """Return its epochs and one more; its seconds and those of one more epoch."""
        if unit == "epochs":
            return self.budget + 1.0
        return self.total * (1 + 1 / max(1, self.recorded))


def censored_value(pursuits: Sequence[Pursuit], unit: Unit) -> float:
    """Return what a training counts as that never reaches the target.

    Args:
        pursuits: of all trainings that are compared with one another.
        unit: what is counted.
    """
    return max((pursuit.one_epoch_more(unit) for pursuit in pursuits), default=0.0)
