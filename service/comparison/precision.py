"""The grid that a metric's values lie on: an accuracy counts right answers."""

from collections.abc import Mapping
from typing import Any

from service.catalog.axes import AXES
from service.catalog.entry import DatasetEntry
from service.specs.resolution import trained_on


def step(metric: str, config: Mapping[str, Any]) -> float:
    """Give the step between neighbouring values of a metric; 0 for a loss, which has none.

    An accuracy counts right answers of the samples it is measured on, one a sample: its step is
    1/m. An element-wise accuracy counts one an output.

    Args:
        metric: one of ``service.catalog.metrics.METRICS``, or ``test_accuracy``.
        config: the resolved configuration of a training, as JSON.
    """
    if not metric.endswith("accuracy"):
        return 0.0
    answers = _samples(metric, config["dataset"])
    return 1.0 / (answers * (_outputs(config) if "binary" in metric else 1))


def _samples(metric: str, sizes: Mapping[str, Any]) -> int:
    """Count the samples that a metric is measured on."""
    train, test, split = (sizes[each] for each in ("train_size", "test_size", "validation_split"))
    if metric.startswith("test_"):
        return int(test)
    if metric.startswith("val_"):
        return int(train - trained_on(sizes) if split else test)
    return trained_on(sizes)


def _outputs(config: Mapping[str, Any]) -> int:
    entry = AXES["dataset"].get(config["dataset"]["name"])
    binary = config["model"].get("head") == "binary"
    # A data set that this version does not know: the coarsest that it can be.
    return 1 if binary or not isinstance(entry, DatasetEntry) else entry.classes
