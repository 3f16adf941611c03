"""Measures: one number of a training, from its history or its layers."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median
from typing import Any, Literal, Protocol

from service.comparison import precision
from service.presets.trainings import Training

#: An epoch's number, or how a history becomes one number. ``final``: the last epoch's value;
#: ``mean``: over all epochs, so that what falls faster is lower; ``roughness``: mean size of the
#: second differences, how unsteadily it moves from epoch to epoch.
At = int | Literal["final", "mean", "roughness"]

#: How a quantity of the hidden layers becomes one number.
Across = Literal["last", "last_over_first", "smallest", "largest", "median_size"]
Quantity = Literal["mean", "std", "saturated_fraction"]

_NO_HISTORY: Mapping[int, float] = {}


class Measure(Protocol):
    """One number of a training."""

    def __str__(self) -> str:
        """Say in words what is measured."""

    def of(self, training: Training) -> float | None:
        """Give the number; None where the training did not record it."""

    def step(self, training: Training) -> float:
        """Give the step between neighbouring values; 0 where they lie on no grid."""


@dataclass(frozen=True)
class Metric:
    """A metric of the history at an epoch or over all of them."""

    name: str
    at: At = "final"

    def __str__(self) -> str:
        """``loss at epoch 1``, ``mean of loss over epochs``."""
        match self.at:
            case "final":
                return f"{self.name} at the end"
            case "mean":
                return f"mean of {self.name} over epochs"
            case "roughness":
                return f"roughness of {self.name} over epochs"
            case epoch:
                return f"{self.name} at epoch {epoch}"

    def of(self, training: Training) -> float | None:
        """Give the metric."""
        history = training.history.get(self.name, _NO_HISTORY)
        if isinstance(self.at, int):
            return history.get(self.at)
        values = [history[epoch] for epoch in sorted(history)]
        return _SUMMARIES[self.at](values) if values else None

    def step(self, training: Training) -> float:
        """Give the metric's own step; over epochs there are many values between its grid's."""
        one = self.at == "final" or isinstance(self.at, int)
        return precision.step(self.name, training.config) if one else 0.0


def _roughness(values: Sequence[float]) -> float | None:
    bends = [
        abs(after - 2 * value + before)
        for before, value, after in zip(values, values[1:], values[2:], strict=False)
    ]
    return fmean(bends) if bends else None


_SUMMARIES: Mapping[str, Callable[[Sequence[float]], float | None]] = {
    "final": lambda values: values[-1],
    "mean": fmean,
    "roughness": _roughness,
}


@dataclass(frozen=True)
class LayerMeasure:
    """A quantity of the hidden layers' statistics, at epoch 0 or over all that were taken.

    Attributes:
        part: what of a layer: ``z`` or ``activation``; nothing for ``saturated_fraction``.
        quantity: its mean, its standard deviation or its share of saturated z-values.
        across: how the layers become one number; ``median_size`` is the median over layers of
            the magnitude.
        every: over all epochs with statistics (their mean) in place of epoch 0.
    """

    part: Literal["z", "activation"]
    quantity: Quantity
    across: Across
    every: bool = False

    def __str__(self) -> str:
        """``last_over_first of the layers' activation std at epoch 0``."""
        what = (
            "saturated share"
            if self.quantity == "saturated_fraction"
            else f"{self.part} {self.quantity}"
        )
        over = _ACROSS_WORDS[self.across].format(what=what)
        return f"{over}, mean over epochs" if self.every else f"{over}, at epoch 0"

    def of(self, training: Training) -> float | None:
        """Give the quantity."""
        epochs = sorted(training.layers) if self.every else [0]
        found = [self._at(training.layers[epoch]) for epoch in epochs if epoch in training.layers]
        return fmean(found) if found else None

    def step(self, _: Training) -> float:
        """Lie on no grid."""
        return 0.0

    def _at(self, layers: Sequence[Mapping[str, Any]]) -> float:
        values = [_number(self._quantity(each)) for each in layers[:-1]]
        match self.across:
            case "last":
                return values[-1]
            case "last_over_first":
                return values[-1] / values[0] if values[0] else math.nan
            case "smallest":
                return min(values)
            case "largest":
                return max(values)
            case "median_size":
                return median(map(abs, values))

    def _quantity(self, layer: Mapping[str, Any]) -> Any:
        if self.quantity == "saturated_fraction":
            return layer[self.quantity]
        return layer[self.part][self.quantity]


_ACROSS_WORDS = {
    "last": "{what} of the last hidden layer",
    "last_over_first": "{what} of the last hidden layer over the first's",
    "smallest": "smallest {what} of the hidden layers",
    "largest": "largest {what} of the hidden layers",
    "median_size": "median size of the hidden layers' {what}",
}


@dataclass(frozen=True)
class Drift:
    """How far the last hidden layer's z-values wander: of their 5%, 50% and 95% quantiles.

    The mean over these and over each two consecutive epochs with statistics, from epoch 1 on,
    of the quantile's change, in units of the distance of the 5% from the 95% quantile at the
    later of the two.
    """

    def __str__(self) -> str:
        """Say in words what is measured."""
        return "drift of the last hidden layer's z quantiles an epoch"

    def of(self, training: Training) -> float | None:
        """Give the drift."""
        quantiles = [
            {name: _number(each) for name, each in layers[-2]["z"]["quantiles"].items()}
            for epoch, layers in sorted(training.layers.items())
            if epoch > 0
        ]
        changes = [
            abs(after[at] - before[at]) / width if width else math.nan
            for before, after in pairwise(quantiles)
            for width in [after[_HIGH] - after[_LOW]]
            for at in (_LOW, _MIDDLE, _HIGH)
        ]
        return fmean(changes) if changes else None

    def step(self, _: Training) -> float:
        """Lie on no grid."""
        return 0.0


_LOW, _MIDDLE, _HIGH = "0.05", "0.5", "0.95"


def _number(value: Any) -> float:
    """Read a number as JSON holds it."""
    return float(value) if value is not None else math.nan
