"""Measures: one number of a training, from its history or its layers."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median
from typing import Any, Literal, Protocol

from service.catalog.metrics import METRICS, parts_of
from service.comparison import precision, targets
from service.comparison.guessing import guess
from service.presets.trainings import TrainingRecord
from service.statuses import RunStatus


@dataclass(frozen=True)
class EpochsTo:
    """How many epochs pass until a metric reaches a target (``service.comparison.targets``)."""

    target: float


@dataclass(frozen=True)
class SecondsTo:
    """How many seconds a training takes until a metric reaches a target."""

    target: float


#: An epoch's number, or how a history becomes one number. ``final``: the last epoch's value;
#: ``mean``: the mean over all epochs, lower for a loss that falls faster; ``settled``: the median
#: of the last tenth of the epochs, which one epoch does not decide; ``rises``: the share of epochs
#: after which it is higher than before; ``gap``: of a validation metric, how much worse its last
#: value is than that of the same quantity on the training samples.
At = int | Literal["final", "mean", "settled", "rises", "gap"] | EpochsTo | SecondsTo

#: How steadily a curve moves, or how far a network overfits, says nothing of how good it is.
UNSTEADINESS = ("rises", "gap")

#: How a quantity of the hidden layers becomes one number.
Across = Literal["last", "last_over_first", "smallest", "largest", "median_size"]
Quantity = Literal["mean", "std", "saturated_fraction"]

_NO_HISTORY: Mapping[int, float] = {}
_SECONDS = "epoch_seconds"


class TrainingMeasure(Protocol):
    """One number of a training."""

    def __str__(self) -> str:
        """Return the measure in words."""

    def of(self, training: TrainingRecord) -> float | None:
        """Return the number; None where the training did not record it."""

    def step(self, training: TrainingRecord) -> float:
        """Return the step between neighbouring values; 0 where they lie on no grid."""


@dataclass(frozen=True)
class MetricMeasure:
    """A metric of the history at an epoch or over all of them."""

    name: str
    at: At = "final"

    def __str__(self) -> str:
        """``loss at epoch 1``, ``mean of loss over epochs``."""
        if isinstance(self.at, EpochsTo | SecondsTo):
            return f"{self._unit} until {self.name} reaches {self.at.target:g}"
        if isinstance(self.at, int):
            return f"{self.name} at epoch {self.at}"
        return _AT_WORDS[self.at].format(name=self.name)

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics whose histories it reads."""
        if self.at == "gap":
            return (self.name, self._of_training)
        return (self.name, _SECONDS) if isinstance(self.at, SecondsTo) else (self.name,)

    @property
    def is_timed(self) -> bool:
        """Whether it is in seconds, which only trainings of one engine can be compared by."""
        return _SECONDS in self.metrics

    @property
    def has_target(self) -> bool:
        """Whether it counts until a target is reached."""
        return isinstance(self.at, EpochsTo | SecondsTo)

    def of(self, training: TrainingRecord) -> float | None:
        """Return the number; None where it was not recorded, or the target was never reached."""
        history = training.history.get(self.name, _NO_HISTORY)
        if isinstance(self.at, EpochsTo | SecondsTo):
            return self._pursuit(self.at, training).taken(self._unit)
        if isinstance(self.at, int):
            return history.get(self.at)
        if self.at == "gap":
            return self._gap(history, training.history.get(self._of_training, _NO_HISTORY))
        values = [history[epoch] for epoch in sorted(history)]
        return _SUMMARIES[self.at](values) if values else None

    def censored(self, trainings: Sequence[TrainingRecord]) -> float | None:
        """Return what a training counts as that never reached the target, among these trainings.

        None where none of them has a history, and for a measure without a target.
        """
        if not isinstance(self.at, EpochsTo | SecondsTo):
            return None
        pursuits = [
            self._pursuit(self.at, training)
            for training in trainings
            if training.history.get(self.name)
        ]
        return targets.censored_value(pursuits, self._unit) if pursuits else None

    def of_diverged(self, training: TrainingRecord) -> float | None:
        """Return what a training that diverged counts as; None where no value stands for it.

        It rises after each epoch, and else gets what guessing gets.
        """
        if self.at == "rises":
            return 1.0
        if self.has_target or self.at == "gap" or METRICS[self.name].direction is None:
            return None
        return guess(self.name, training.config, training.recorded)

    @property
    def _of_training(self) -> str:
        return parts_of(METRICS[self.name].quantity)["training"]

    def _gap(self, history: Mapping[int, float], trained: Mapping[int, float]) -> float | None:
        common = history.keys() & trained.keys()
        if not common:
            return None
        behind = history[max(common)] - trained[max(common)]
        return -behind if METRICS[self.name].higher_is_better else behind

    @property
    def _unit(self) -> targets.Unit:
        return "seconds" if isinstance(self.at, SecondsTo) else "epochs"

    def _pursuit(self, at: EpochsTo | SecondsTo, training: TrainingRecord) -> targets.Pursuit:
        history = training.history.get(self.name, _NO_HISTORY)
        seconds = training.history.get(_SECONDS, _NO_HISTORY)
        completed = training.status == RunStatus.COMPLETED
        target = targets.Target(self.name, at.target)
        reached = target.first_epoch(history) if completed else None
        return targets.Pursuit(
            reached,
            training.config["epochs"],
            len(history),
            math.fsum(value for epoch, value in seconds.items() if epoch <= (reached or 0)),
            math.fsum(seconds.values()),
        )

    def step(self, training: TrainingRecord) -> float:
        """Return the metric's own step, or one epoch; 0 for values that lie on no grid."""
        if isinstance(self.at, EpochsTo):
            return 1.0
        one_epoch = self.at == "final" or isinstance(self.at, int)
        return precision.step(self.name, training.config) if one_epoch else 0.0


def _settled(values: Sequence[float]) -> float:
    return median(values[-math.ceil(len(values) / 10) :])


def _rises(values: Sequence[float]) -> float | None:
    rises = [after > before for before, after in pairwise(values)]
    return fmean(rises) if rises else None


_AT_WORDS: Mapping[str, str] = {
    "final": "{name} at the end",
    "mean": "mean of {name} over epochs",
    "settled": "median of {name} over the last tenth of the epochs",
    "rises": "share of epochs after which {name} rises",
    "gap": "{name} at the end against that of the training samples",
}

_SUMMARIES: Mapping[str, Callable[[Sequence[float]], float | None]] = {
    "final": lambda values: values[-1],
    "mean": fmean,
    "settled": _settled,
    "rises": _rises,
}


@dataclass(frozen=True)
class LayerMeasure:
    """A quantity of the hidden layers' statistics, at epoch 0 or over all that were taken.

    Attributes:
        part: the values of a layer that are measured: ``z``, ``activation``, or the loss'
            derivatives by z (``z_gradient``); ignored for ``saturated_fraction``, which is the
            layer's own.
        quantity: their mean, their standard deviation or the share of saturated z-values.
        across: how the layers become one number; ``median_size`` is the median of the layers'
            magnitudes.
        every: the mean over all epochs with statistics, in place of epoch 0.
    """

    part: Literal["z", "activation", "z_gradient"]
    quantity: Quantity
    across: Across
    every: bool = False

    def __str__(self) -> str:
        """``activation std of the last hidden layer over the first's, at epoch 0``."""
        what = (
            "saturated share"
            if self.quantity == "saturated_fraction"
            else f"{self.part} {self.quantity}"
        )
        over = _ACROSS_WORDS[self.across].format(what=what)
        return f"{over}, mean over epochs" if self.every else f"{over}, at epoch 0"

    def of(self, training: TrainingRecord) -> float | None:
        """Return the number; None where no layer statistics were taken."""
        epochs = sorted(training.layers) if self.every else [0]
        found = [self._at(training.layers[epoch]) for epoch in epochs if epoch in training.layers]
        return fmean(found) if found else None

    def step(self, _: TrainingRecord) -> float:
        """Return 0: the values lie on no grid."""
        return 0.0

    def _at(self, layers: Sequence[Mapping[str, Any]]) -> float:
        values = [_number(self._quantity(layer)) for layer in layers[:-1]]
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
    """How far the last hidden layer's z-values move from one epoch to the next.

    A quantile moves by |q(later) - q(earlier)| / (q95(later) - q5(later)). The drift is the mean
    of that over the 5%, 50% and 95% quantiles and over each two consecutive epochs with
    statistics, from epoch 1 on.
    """

    def __str__(self) -> str:
        """``drift of the last hidden layer's z quantiles per epoch``."""
        return "drift of the last hidden layer's z quantiles per epoch"

    def of(self, training: TrainingRecord) -> float | None:
        """Return the drift; None with fewer than two such epochs."""
        quantiles = [
            {name: _number(value) for name, value in layers[-2]["z"]["quantiles"].items()}
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

    def step(self, _: TrainingRecord) -> float:
        """Return 0: the values lie on no grid."""
        return 0.0


_LOW, _MIDDLE, _HIGH = "0.05", "0.5", "0.95"


def _number(value: Any) -> float:
    """Return a number of the JSON; NaN where it has none."""
    return float(value) if value is not None else math.nan
