"""Targets that are numbers: standardized for training, and their errors in their own units."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.catalog.metrics import Part


@dataclass(frozen=True)
class TargetScale:
    """What standardizes targets, y -> (y - mean) / deviation, fitted on the training part.

    Attributes:
        mean: of the training targets.
        deviation: their standard deviation (divided by n); 1 where they do not vary.
        variances: of the standardized targets of each part, about its own mean.
    """

    mean: float
    deviation: float
    variances: Mapping[Part, float]

    def standardized(self, targets: NDArray[Any]) -> NDArray[np.float32]:
        """Return targets as a network is to predict them, (samples,)."""
        return ((targets - self.mean) / self.deviation).astype(np.float32)

    def errors(self, part: Part, absolute: float, squared: float) -> dict[str, float]:
        """Return the errors on a part, by the quantities of the registry of metrics.

        ``mae`` and ``rmse`` are in the target's own units. ``r2`` is the coefficient of
        determination about the part's own mean, as scikit-learn's ``r2_score``: 0 for targets that
        do not vary, unless they are met exactly.

        Args:
            part: where the errors were measured.
            absolute: the mean absolute error of standardized targets.
            squared: their mean squared error.
        """
        variance = self.variances[part]
        of_constants = 1.0 if squared == 0 else 0.0
        explained = 1 - squared / variance if variance > 0 else of_constants
        return {
            "mae": self.deviation * absolute,
            "rmse": self.deviation * math.sqrt(squared),
            "r2": explained,
        }


def target_scale(parts: Mapping[Part, NDArray[Any]]) -> TargetScale:
    """Return the scale of targets, fitted on the training part.

    Args:
        parts: the targets of each part, (samples,).
    """
    trained = parts["training"]
    mean = float(np.mean(trained))
    deviation = float(np.std(trained)) if (trained != trained[0]).any() else 0.0
    deviation = deviation or 1.0  # equal targets, or a deviation that underflows
    variances: dict[Part, float] = {
        part: float(np.var((targets - mean) / deviation)) for part, targets in parts.items()
    }
    return TargetScale(mean, deviation, variances)
