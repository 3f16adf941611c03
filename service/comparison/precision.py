"""The values that a metric can have: the grid that they lie on, and where they end."""

import math
from collections.abc import Mapping
from typing import Any

from service.catalog.metrics import METRICS, Part
from service.specs.resolution import stored_facts, trained_on, validated_on


def step(metric: str, config: Mapping[str, Any]) -> float:
    """Return the step between neighbouring values of a metric; 0 where they lie on no grid.

    An accuracy counts right answers, one per sample it is measured on: on m samples its step is
    1/m. An element-wise accuracy counts one per output of each sample.

    Args:
        metric: one of ``service.catalog.metrics.METRICS``.
        config: the resolved configuration of a training, as JSON.
    """
    measured = METRICS[metric]
    if measured.counts is None:
        return 0.0
    answers = _samples(measured.part, config["dataset"])
    return 1.0 / (answers * (_outputs(config) if measured.counts == "outputs" else 1))


def possible(interval: tuple[float, float] | None, metric: str) -> tuple[float, float] | None:
    """Return the part of an interval of a mean that the metric can have; None of none.

    The true mean lies there, so that the part holds it as often as the whole does.

    Args:
        interval: around a mean, which is possible.
        metric: one of ``service.catalog.metrics.METRICS``.
    """
    if interval is None:
        return None
    measured = METRICS[metric]
    low = -math.inf if measured.kind == "other" else 0.0
    high = 1.0 if measured.kind == "share" or measured.quantity == "r2" else math.inf
    return max(interval[0], low), min(interval[1], high)


def _samples(part: Part | None, sizes: Mapping[str, Any]) -> int:
    """Return how many samples a part of the data has."""
    match part:
        case "test":
            return int(sizes["test_size"])
        case "validation":
            return validated_on(sizes)
        case _:
            return trained_on(sizes)


def _outputs(config: Mapping[str, Any]) -> int:
    known = stored_facts(config["dataset"])
    binary = config["model"].get("head") == "binary"
    # Of a data set that this version does not have: the coarsest step there can be.
    return 1 if binary or known is None else known.classes
