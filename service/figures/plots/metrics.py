"""How the values of a metric are drawn: their scale, limits and text."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from service.catalog.metrics import METRICS
from service.figures.plots.style import (
    AxisScale,
    Direction,
    log_scale,
    percent_ticks,
    share_scale,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Scale = Literal["logit", "log", "linear"]

#: Shares with a value above this are drawn on a logit scale, which spreads values near 1.
_NEAR_ONE = 0.9
#: Values above this, and on a log axis values below 1/this, are not drawn.
_LARGEST = 1e100


def is_share(metric: str) -> bool:
    """Whether a metric lies between 0 and 1 and is shown in percent."""
    return METRICS[metric].kind == "share"


def within_range(metric: str, edges: Iterable[float]) -> list[float]:
    """Return the edges of bands and intervals, those of a share limited to 0 and 1."""
    return [min(max(edge, 0.0), 1.0) for edge in edges] if is_share(metric) else list(edges)


def format_value(metric: str, value: float) -> str:
    """Return one value of a metric as text: ``98.51%``, ``0.0482``."""
    return f"{value:.2%}" if is_share(metric) else f"{value:.3g}"


@dataclass(frozen=True)
class DrawnValues:
    """Values on one axis: those of lines, and the edges of bands around them."""

    lines: list[float]
    edges: list[float]

    @classmethod
    def of(cls, metric: str, lines: Iterable[float], edges: Iterable[float]) -> "DrawnValues":
        """Return the values that can be drawn: finite, and not too large."""
        return cls(_drawable(lines), _drawable(within_range(metric, edges)))


def _drawable(values: Iterable[float]) -> list[float]:
    return [value for value in values if abs(value) < _LARGEST]


def scale_of(metric: str, values: DrawnValues, wanted: AxisScale | None = None) -> Scale:
    """Return the scale of a metric's axis: the wanted one, or that which separates values best.

    On a linear scale one failing curve presses all good ones together. Accuracies that come near 1
    are therefore drawn on a logit scale and losses on a logarithmic one, where their values allow
    it. Without a positive value there is no logarithm, and the scale is linear.
    """
    lines, shown = values.lines, METRICS[metric]
    if wanted == "log" and lines and max(lines) > 1 / _LARGEST:
        return "log"
    if wanted is not None or not lines or shown.kind in {"seconds", "epochs"}:
        return "linear"
    if shown.kind == "share":
        spread = shown.direction is not None and min(lines) > 0 and _NEAR_ONE < max(lines) < 1
        return "logit" if spread else "linear"
    return "log" if max(lines) > 1 / _LARGEST else "linear"


def scale_axis(
    axes: "Axes",
    metric: str,
    values: DrawnValues,
    direction: Direction = "y",
    wanted: AxisScale | None = None,
) -> str:
    """Set the scale, limits and ticks of a metric's axis.

    Returns:
        A note on the scale, to follow the axis' title: `` (log scale)``, or nothing.
    """
    scale = scale_of(metric, values, wanted)
    if values.lines:
        axes.set(**{f"{direction}lim": _limits(values, scale)})
    if scale == "logit":
        share_scale(axes, direction)
    elif scale == "log":
        log_scale(axes, direction, percent=is_share(metric))
    elif is_share(metric) and values.lines:
        percent_ticks(axes, direction)
    return "" if scale == "linear" else f" ({scale} scale)"


def _limits(values: DrawnValues, scale: Scale) -> tuple[float, float]:
    """Return the ends of an axis that shows all lines, and bands as far as its scale can."""
    lines, edges = values.lines, values.edges
    if scale == "log":
        lines = [value for value in lines if value > 1 / _LARGEST]
    low, high = min(lines), max(lines)
    if scale != "linear":
        # A band may reach 0 or 1, which are infinitely far away on these scales.
        lowest = low / 3
        highest = 1 - (1 - high) / 3 if scale == "logit" else math.inf
        edges = [min(max(edge, lowest), highest) for edge in edges]
    low, high = (_forward(end, scale) for end in (min([low, *edges]), max([high, *edges])))
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
