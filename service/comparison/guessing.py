"""What guessing gets: the value that a run which diverged counts as."""

import math
from collections.abc import Mapping
from typing import Any

from service.catalog.entry import DatasetEntry
from service.catalog.losses import task_of
from service.catalog.metrics import METRICS
from service.specs.resolution import stored_facts


def guess(metric: str, config: Mapping[str, Any]) -> float | None:
    """Return what guessing gets; None for a measure of time: guessing has no epochs or seconds."""
    return None if METRICS[metric].part is None else guessed(metric, config)


#: Of configurations that were stored before there was a choice.
_FIRST_LOSS = {"name": "categorical_crossentropy"}


def guessed(metric: str, config: Mapping[str, Any]) -> float:
    """Return the value of a metric for whoever knows the targets of the training part, no input.

    Where targets are classes, it is the shares of the classes that are known. An accuracy is the
    share of the largest class. A loss is the entropy of the shares; behind several sigmoids, the
    mean entropy of "this class or another" over the outputs.

    Where targets are numbers, their mean is predicted. An error is that of the mean on the test
    part, and R² is 0. A loss is that of standardized targets, of Huber's for a normal distribution.

    Args:
        metric: a loss, an accuracy, an error or R².
        config: the resolved configuration of a training, as JSON.
    """
    measured = METRICS[metric]
    known = stored_facts(config["dataset"])
    loss = config.get("loss", _FIRST_LOSS)
    if task_of(loss["name"]) == "regression":
        return _of_mean(measured.quantity, loss, known)
    # Of a data set that this version does not have, as of two equal classes.
    largest, classes = (0.5, 2) if known is None else (known.largest_class, known.classes)
    elementwise = classes > 2 and config["model"].get("head") != "binary"
    if measured.higher_is_better:
        outputs = elementwise and measured.counts == "outputs"
        return 1 - 1 / classes if outputs else largest
    if not elementwise:
        return _binary_entropy(largest)
    if loss["name"] == "binary_crossentropy":
        return _binary_entropy(1 / classes)
    return math.log(classes)


def _of_mean(quantity: str, loss: Mapping[str, Any], known: DatasetEntry | None) -> float:
    """Return the value of a quantity for predicting the mean of targets that are numbers."""
    deviation = known.target_deviation if known is not None else 1.0
    absolute = known.target_absolute_deviation if known is not None else 1.0
    match quantity:
        case "rmse":
            return deviation
        case "mae":
            return absolute
        case "loss" if loss["name"] == "mean_absolute_error":
            return absolute / deviation if deviation else 0.0
        case "loss" if loss["name"] == "huber":
            return _huber_of_normal(float(loss["delta"]))
        case "loss":
            return 1.0
        case _:
            return 0.0


def _huber_of_normal(delta: float) -> float:
    """Return the mean of Huber's loss of a standard normal variable.

    With the density f and the distribution function F: half of 2 F(d) - 1 - 2 d f(d) up to delta,
    and 2 d f(d) - d^2 (1 - F(d)) beyond.
    """
    density = math.exp(-(delta**2) / 2) / math.sqrt(2 * math.pi)
    above = math.erfc(delta / math.sqrt(2)) / 2
    return (1 - 2 * above) / 2 + delta * density - delta**2 * above


def _binary_entropy(share: float) -> float:
    return -sum(part * math.log(part) for part in (share, 1 - share) if part > 0)
