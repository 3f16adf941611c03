"""What guessing gets: the value that a run which diverged counts as.

Guessing gives one answer for every sample, without its input: the best one for the targets of the
part that a metric is measured on. ``comparison.recorded_targets`` reads these from runs.
"""

import math
from collections.abc import Mapping
from statistics import fmean
from typing import Any

from service.catalog.metrics import METRICS, Metric
from service.comparison.known_targets import (
    FIRST_LOSS,
    NOTHING_RECORDED,
    ClassShares,
    RecordedTargets,
    Spread,
    expected,
)

#: Significant digits: what is computed from other runs of the same data is then the same.
_DIGITS = 6


def guess(
    metric: str, config: Mapping[str, Any], recorded: RecordedTargets = NOTHING_RECORDED
) -> float | None:
    """Return what guessing gets; None for a measure of time: guessing has no epochs or seconds."""
    return None if METRICS[metric].part is None else guessed(metric, config, recorded)


def guessed(
    metric: str, config: Mapping[str, Any], recorded: RecordedTargets = NOTHING_RECORDED
) -> float:
    """Return the value of a metric for the best answer that is the same for every sample.

    Where targets are classes, it is the shares of the classes. An accuracy is the share of the
    largest class. A loss is the entropy of the shares; behind several sigmoids, the mean entropy of
    "this class or another" over the outputs.

    Where targets are numbers, it is their mean. An RMSE is their standard deviation, an MAE their
    mean absolute deviation, and R² is 0. A loss is that of standardized targets.

    Args:
        metric: a loss, an accuracy, an error or R².
        config: the resolved configuration of a training, as JSON.
        recorded: what runs on the same data have recorded of the targets; what they have not is
            as the catalog tells (``known_targets.expected``).
    """
    measured = METRICS[metric]
    if measured.part is None:
        raise ValueError(f"Guessing has no {metric}.")
    if metric == "loss" and recorded.training_loss is not None:
        return recorded.training_loss
    loss = config.get("loss", FIRST_LOSS)
    targets = recorded.of(measured.part, expected(measured.part, config))
    if isinstance(targets, ClassShares):
        return _of_shares(measured, targets.shares, loss)
    return float(f"{_of_mean(measured.quantity, loss, targets):.{_DIGITS}g}")


def _of_shares(measured: Metric, shares: tuple[float, ...], loss: Mapping[str, Any]) -> float:
    """Return the value of a metric for predicting the shares of the classes."""
    if measured.higher_is_better:
        elementwise = measured.counts == "outputs"
        return fmean(max(share, 1 - share) for share in shares) if elementwise else max(shares)
    smoothing = loss.get("label_smoothing", 0.0)
    # Each output of two, or a single one, tells its class from the other.
    elementwise = loss["name"] == "binary_crossentropy"
    even = 1 / 2 if elementwise else 1 / len(shares)
    smoothed = [share * (1 - smoothing) + smoothing * even for share in shares]
    if elementwise:
        return fmean(_entropy(share, 1 - share) for share in smoothed)
    return _entropy(*smoothed)


def _of_mean(quantity: str, loss: Mapping[str, Any], targets: Spread) -> float:
    """Return the value of a quantity for predicting the mean of targets that are numbers."""
    match quantity:
        case "rmse":
            return targets.deviation
        case "mae":
            return targets.absolute_deviation
        case "loss":
            return _standardized_loss(loss, targets)
        case _:
            return 0.0


def _standardized_loss(loss: Mapping[str, Any], targets: Spread) -> float:
    if not targets.scale:
        return 0.0  # the targets do not vary
    match loss["name"]:
        case "mean_absolute_error":
            return targets.absolute_deviation / targets.scale
        case "huber":
            delta = float(loss["delta"])
            return math.fsum(
                share * _huber_of_normal(delta, deviation / targets.scale)
                for share, deviation in targets.parts
            )
        case _:
            return (targets.deviation / targets.scale) ** 2


def _huber_of_normal(delta: float, deviation: float) -> float:
    """Return the mean of Huber's loss of a normal variable of mean 0.

    Of deviation 1, with the density f and the distribution function F: half of
    2 F(d) - 1 - 2 d f(d) up to delta, and 2 d f(d) - d^2 (1 - F(d)) beyond.
    """
    if not deviation:
        return 0.0
    at = delta / deviation
    density = math.exp(-(at**2) / 2) / math.sqrt(2 * math.pi)
    above = math.erfc(at / math.sqrt(2)) / 2
    return deviation**2 * ((1 - 2 * above) / 2 + at * density - at**2 * above)


def _entropy(*shares: float) -> float:
    return -math.fsum(share * math.log(share) for share in shares if share > 0)
