"""What guessing gets: the value that a run which diverged counts as."""

import math
from collections.abc import Mapping
from typing import Any

from service.catalog.metrics import METRICS
from service.specs.resolution import stored_facts


def guess(metric: str, config: Mapping[str, Any]) -> float | None:
    """Return what guessing gets; None for a measure of time: guessing has no epochs or seconds."""
    return None if METRICS[metric].part is None else guessed(metric, config)


def guessed(metric: str, config: Mapping[str, Any]) -> float:
    """Return the value of a metric for whoever knows the shares of the classes, and no input.

    An accuracy is the share of the largest class. A loss is the entropy of the shares; behind
    several sigmoids, the mean entropy of "this class or another" over the outputs.

    Args:
        metric: a loss or an accuracy.
        config: the resolved configuration of a training, as JSON.
    """
    largest, classes = _shares(config["dataset"])
    measured = METRICS[metric]
    elementwise = classes > 2 and config["model"].get("head") != "binary"
    if measured.higher_is_better:
        outputs = elementwise and measured.counts == "outputs"
        return 1 - 1 / classes if outputs else largest
    if not elementwise:
        return _binary_entropy(largest)
    if config["loss"]["name"] == "binary_crossentropy":
        return _binary_entropy(1 / classes)
    return math.log(classes)


def _shares(dataset: Mapping[str, Any]) -> tuple[float, int]:
    """Return the share of the largest class, and how many classes there are."""
    known = stored_facts(dataset)
    if known is None:  # a data set that this version does not have
        return 0.5, 2
    return known.largest_class, known.classes


def _binary_entropy(share: float) -> float:
    return -sum(part * math.log(part) for part in (share, 1 - share) if part > 0)
