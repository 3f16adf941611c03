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
    tick_text,
)
from service.specs.written_values import rounded_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Scale = Literal["logit", "log", "linear"]

#: Shares with a value above this are drawn on a logit scale, which spreads values near 1.
_NEAR_ONE = 0.9
#: Times the worst value that has to be seen: losses and errors beyond are drawn at the edge.
_FAR = 10.0
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
    return f"{value:.2%}" if is_share(metric) else rounded_text(value, 3)


def failures(metric: str) -> str:
    """Return what a failed run counts as, a sentence; empty where each keeps its own value."""
    shown = METRICS[metric]
    if shown.when == "target":
        return "A run that never reached the target counts as one epoch more than the longest."
    if shown.part is None:
        return ""
    own = "" if shown.higher_is_better else ", its own last value"
    return f"A run that diverged counts as the worst of guessing{own} and all that completed."


@dataclass(frozen=True)
class Bounds:
    """What of a metric is worth its place on an axis: nothing is read from how far beyond it is."""

    low: float = -math.inf
    high: float = math.inf

    @classmethod
    def of(cls, metric: str, good: Iterable[float], guess: float | None) -> "Bounds":
        """Return the bounds of a metric's values.

        Args:
            metric: name of the metric.
            good: the values that have to be seen.
            guess: what guessing gets; None where that is not known.
        """
        shown = METRICS[metric]
        seen = [*_drawable(good), *([] if guess is None else [guess])]
        if not seen or shown.part is None or shown.kind == "share" or shown.direction is None:
            return cls()
        if shown.higher_is_better:  # R², which is 0 for guessing and has no least value
            return cls(low=min(seen) - 1)
        return cls(high=_FAR * max(seen)) if max(seen) > 0 else cls()

    def has(self, value: float) -> bool:
        """Whether a value is drawn in its place."""
        return self.low <= value <= self.high

    def edge(self, value: float) -> float:
        """Return where a value is drawn: beyond a bound there."""
        return min(max(value, self.low), self.high)

    def note(self, metric: str, values: Iterable[float]) -> str:
        """Return how far values go that are drawn as arrows, a sentence; empty without any."""
        beyond = sorted(value for value in values if not self.has(value))
        if not beyond:
            return ""
        last = f"down to {format_value(metric, beyond[0])}"
        if beyond[-1] > self.high:
            last = f"up to {format_value(metric, beyond[-1])}"
        return f"An arrow: beyond the axis ({last})."


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
    if shown.kind == "other" and shown.direction is not None:
        return "linear"  # R², which may be negative
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
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415 - see house_style

    scale = scale_of(metric, values, wanted)
    if values.lines:
        axes.set(**{f"{direction}lim": _limits(values, scale)})
    if scale == "logit":
        share_scale(axes, direction)
    elif scale == "log":
        log_scale(axes, direction, percent=is_share(metric))
    elif is_share(metric) and values.lines:
        percent_ticks(axes, direction)
    elif values.lines:
        getattr(axes, f"{direction}axis").set_major_formatter(FuncFormatter(tick_text))
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
