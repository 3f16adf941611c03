"""The grid that a metric's values lie on: an accuracy counts right answers."""

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
