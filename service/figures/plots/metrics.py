"""How each metric of a history is shown: its name, its scale, and what of it there can be."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from service.figures.plots.style import Direction, log_scale, percent_ticks, share_scale

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Scale = Literal["logit", "log", "linear"]

_NAMES = {
    "loss": "Training loss",
    "accuracy": "Training accuracy",
    "val_loss": "Validation loss",
    "val_accuracy": "Validation accuracy",
    "binary_accuracy": "Training accuracy, element-wise",
    "val_binary_accuracy": "Validation accuracy, element-wise",
    "test_loss": "Test loss",
    "test_accuracy": "Test accuracy",
    "learning_rate": "Learning rate",
    "gradient_norm": "Gradient norm",
    "clipped_fraction": "Share of steps clipped",
    "epoch_seconds": "Seconds an epoch",
}
#: A share above this is worth a scale that spreads what lies near 1.
_NEAR_ONE = 0.9
#: What lies beyond is out of the picture; so is, of logarithms, what is smaller than its inverse.
_LARGEST = 1e100


def metric_name(metric: str) -> str:
    """Name a metric for readers."""
    return _NAMES.get(metric, metric.replace("_", " ").capitalize())


def is_share(metric: str) -> bool:
    """Say whether a metric lies between 0 and 1 and is read in percent."""
    return metric.endswith(("accuracy", "fraction"))


def within_range(metric: str, edges: Iterable[float]) -> list[float]:
    """Cut the edges of bands and intervals off where the metric ends: a share's at 0 and 1."""
    return [min(max(each, 0.0), 1.0) for each in edges] if is_share(metric) else list(edges)


def show_value(metric: str, value: float) -> str:
    """Write one value of a metric: ``98.51%``, ``0.0482``."""
    return f"{value:.2%}" if is_share(metric) else f"{value:.3g}"


@dataclass(frozen=True)
class Values:
    """What is to be seen on an axis: lines, and the edges of bands around them."""

    lines: list[float]
    edges: list[float]

    @classmethod
    def of(cls, metric: str, lines: Iterable[float], edges: Iterable[float]) -> "Values":
        """Keep what can be drawn."""
        drawn = lines, within_range(metric, edges)
        return cls(*([each for each in some if abs(each) < _LARGEST] for some in drawn))


def scale_of(metric: str, values: Values) -> Scale:
    """Choose the scale on which the values of a metric are told apart best.

    A straight scale presses all good curves together beside one that fails, so accuracies that
    come near 1 are drawn by their logit and losses by their logarithm, wherever that exists.
    """
    lines = values.lines
    if not lines or metric in {"clipped_fraction", "epoch_seconds"}:
        return "linear"
    if is_share(metric):
        return "logit" if min(lines) > 0 and _NEAR_ONE < max(lines) < 1 else "linear"
    return "log" if max(lines) > 1 / _LARGEST else "linear"


def show_metric(axes: "Axes", metric: str, values: Values, direction: Direction = "y") -> str:
    """Scale and limit an axis of a metric; give what is to be said of its scale."""
    scale = scale_of(metric, values)
    if values.lines:
        axes.set(**{f"{direction}lim": _limits(values, scale)})
    if scale == "logit":
        share_scale(axes, direction)
    elif scale == "log":
        log_scale(axes, direction)
    elif is_share(metric) and values.lines:
        percent_ticks(axes, direction)
    return "" if scale == "linear" else f" ({scale} scale)"


def _limits(values: Values, scale: Scale) -> tuple[float, float]:
    """Give the ends of an axis: all lines, and bands as far as the scale can show them."""
    lines, edges = values.lines, values.edges
    if scale == "log":
        lines = [each for each in lines if each > 1 / _LARGEST]
    low, high = min(lines), max(lines)
    if scale != "linear":
        # A band may reach 0 or 1, which lie infinitely far out.
        lowest = low / 3
        highest = 1 - (1 - high) / 3 if scale == "logit" else math.inf
        edges = [min(max(each, lowest), highest) for each in edges]
    low, high = (_forward(each, scale) for each in (min([low, *edges]), max([high, *edges])))
    margin = 0.06 * (high - low) or 0.1 * (abs(high) or 1.0)
    return _back(low - margin, scale), _back(high + margin, scale)


def _forward(value: float, scale: Scale) -> float:
    match scale:
        case "linear":
            return value
        case "log":
            return math.log(value)
        case "logit":
            return math.log(value / (1 - value))


def _back(value: float, scale: Scale) -> float:
    match scale:
        case "linear":
            return value
        case "log":
            return math.exp(value)
        case "logit":
            return 1 / (1 + math.exp(-value))
