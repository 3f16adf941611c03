"""Steering: what the validation of each epoch changes in a training.

The schedule ``reduce_on_plateau`` lowers the learning rate, and ``early_stopping`` ends the run,
once a metric of the validation part has not improved for some epochs. An epoch improves a metric if
it is better than the best before by more than ``min_delta``; ``patience`` is the number of epochs
since that have an effect. Keras counts so (``wait >= patience``), torch needs one epoch more.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from service.catalog.metrics import METRICS
from service.specs.spec import RunConfig

#: Prefix of what is steered in a training's state.
_STATE = "steering."


class Waiting:
    """Counts the epochs since a metric last improved.

    Args:
        metric: by its name in a history.
        min_delta: the least change that is an improvement.

    Attributes:
        best: the best value; NaN before the first.
        epochs: since then.
    """

    def __init__(self, metric: str, min_delta: float) -> None:
        self._metric = metric
        self._min_delta = min_delta
        self._higher = METRICS[metric].higher_is_better
        self.best = math.nan
        self.epochs = 0

    def after(self, metrics: Mapping[str, float]) -> int:
        """Return how many epochs there are without improvement after one with these metrics."""
        return 0 if self._improves(metrics[self._metric]) else self.epochs + 1

    def see(self, metrics: Mapping[str, float]) -> None:
        """Count an epoch."""
        self.epochs = self.after(metrics)
        if self.epochs == 0:
            self.best = metrics[self._metric]

    def _improves(self, value: float) -> bool:
        if math.isnan(self.best):
            return not math.isnan(value)
        if self._higher:
            return value > self.best + self._min_delta
        return value < self.best - self._min_delta


class Reduction:
    """The factor on the learning rate that falls on a plateau.

    Args:
        metric, min_delta: see ``Waiting``.
        factor: of each drop.
        patience: epochs without improvement before one.
        cooldown: epochs after one that are not counted.
        least: below which the factor does not fall.

    References:
        torch.optim.lr_scheduler.ReduceLROnPlateau, with ``threshold_mode="abs"``.
    """

    def __init__(
        self,
        *,
        metric: str,
        factor: float,
        patience: int,
        min_delta: float,
        cooldown: int,
        least: float,
    ) -> None:
        self._drop, self._patience, self._least = factor, patience, least
        self._cooldown = cooldown
        self.waiting = Waiting(metric, min_delta)
        self.cooling = 0
        self.factor = 1.0

    def see(self, metrics: Mapping[str, float]) -> None:
        """Take in the metrics of an epoch."""
        self.waiting.see(metrics)
        if self.cooling:
            self.cooling -= 1
            self.waiting.epochs = 0
        if self.waiting.epochs >= self._patience:
            self.factor = max(self.factor * self._drop, self._least)
            self.cooling, self.waiting.epochs = self._cooldown, 0


class Steering:
    """What validation has changed in a run so far.

    Args:
        config: of the run.
    """

    def __init__(self, config: RunConfig) -> None:
        schedule = config.optimizer.parameters["schedule"]
        self._reduction: Reduction | None = None
        if schedule.name == "reduce_on_plateau":
            self._reduction = Reduction(**schedule.parameters)
        stopping = config.early_stopping
        self._stopping: Waiting | None = None
        if stopping is not None:
            self._stopping = Waiting(stopping.metric, stopping.min_delta)
            self._patience = stopping.patience

    @property
    def rate_factor(self) -> float:
        """The factor on the scheduled learning rate."""
        return self._reduction.factor if self._reduction else 1.0

    @property
    def stopped(self) -> bool:
        """Whether the run has ended early."""
        return self._stopping is not None and self._stopping.epochs >= self._patience

    def stops(self, metrics: Mapping[str, float]) -> bool:
        """Whether the run ends early with an epoch of these metrics, which are not yet seen."""
        return self._stopping is not None and self._stopping.after(metrics) >= self._patience

    def see(self, metrics: Mapping[str, float]) -> None:
        """Take in the metrics of an epoch."""
        if self._reduction is not None:
            self._reduction.see(metrics)
        if self._stopping is not None:
            self._stopping.see(metrics)

    def state(self) -> dict[str, Tensor]:
        """Return the state as named tensors; empty where nothing is steered."""
        found: dict[str, list[float]] = {}
        if self._reduction is not None:
            waiting = self._reduction.waiting
            reduced = [self._reduction.factor, self._reduction.cooling]
            found["reduction"] = [waiting.best, waiting.epochs, *reduced]
        if self._stopping is not None:
            found["stopping"] = [self._stopping.best, self._stopping.epochs]
        return {
            f"{_STATE}{name}": torch.tensor(values, dtype=torch.float64)
            for name, values in found.items()
        }

    def restore(self, state: Mapping[str, Tensor]) -> None:
        """Set the state to what ``state`` returned, among other tensors."""
        if self._reduction is not None:
            reduced: list[Any] = state[f"{_STATE}reduction"].tolist()
            self._reduction.waiting.best, epochs, self._reduction.factor, cooling = reduced
            self._reduction.waiting.epochs, self._reduction.cooling = int(epochs), int(cooling)
        if self._stopping is not None:
            self._stopping.best, epochs = state[f"{_STATE}stopping"].tolist()
            self._stopping.epochs = int(epochs)
