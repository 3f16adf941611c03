"""Outputs: histograms of the true class's probability and of the losses, class by class."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.figures.plots.style import (
    AxisScale,
    Format,
    Theme,
    add_title,
    house_style,
    log_scale,
    new_figure,
    percent_ticks,
    render,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Most classes that are drawn.
MOST_CLASSES = 12
#: A probability above this decides for a class, where there are two.
_HALF = 0.5
#: Powers of ten down to the smallest share of the largest data set.
_POWERS = (0.00001, 0.0001, 0.001, 0.01, 0.1, 1.0)


@dataclass(frozen=True)
class DrawnClass:
    """The samples of one class.

    Attributes:
        label: of the class.
        count: number of samples.
        non_finite: how many have an output that is not finite; they are in no bin.
        right: how many are predicted as this class.
        probabilities: samples in each bin of this class's probability.
        losses: samples in each bin of the loss.
    """

    label: int
    count: int
    non_finite: int
    right: int
    probabilities: Sequence[int]
    losses: Sequence[int]


def draw_outputs(
    classes: Sequence[DrawnClass],
    *,
    probability_edges: Sequence[float],
    loss_edges: Sequence[float],
    title: str,
    note: str = "",
    y: AxisScale | None = None,
    kind: Format = "png",
    theme: Theme = "light",
) -> bytes:
    """Return histograms of probabilities (left) and losses (right), a row per class, as PNG or SVG.

    Bars are shares of the class's samples; all rows have the same scale.

    Args:
        classes: at most ``MOST_CLASSES`` are drawn.
        probability_edges: edges of the bins of probabilities.
        loss_edges: edges of the bins of losses, evenly spaced by their logarithm.
        title: text above the picture.
        note: text below the picture.
        y: the scale of the shares; None for a linear one.
        kind: format of the picture.
        theme: light or dark background.
    """
    shown = classes[:MOST_CLASSES]
    hidden = len(classes) - len(shown)
    with house_style(theme, kind) as ink:
        figure = new_figure(9.6, 1.8 + 0.95 * max(2, len(shown)))
        more = f"{hidden:,} more classes are not drawn." if hidden else ""
        add_title(figure, ink, title, " ".join(filter(None, (_explanation(shown), note, more))))
        grid = figure.subplots(len(shown), 2, sharex="col", sharey="col", squeeze=False)
        for column, (kept, edges) in enumerate(
            (("probabilities", probability_edges), ("losses", loss_edges))
        ):
            shares = [[count / found.count for count in getattr(found, kept)] for found in shown]
            scale = _ShareScale.of([share for row in shares for share in row], y)
            for found, row, axes in zip(shown, shares, grid[:, column], strict=True):
                _draw(axes, edges, row, scale, ink.palette[found.label % len(ink.palette)])
        for found, axes in zip(shown, grid[:, 0], strict=True):
            axes.set_ylabel(f"class {found.label}", rotation=0, ha="right", va="center")
            axes.set_title(_summary(found), fontsize=8.5, fontweight="normal", loc="left")
        _finish(grid[-1, 0], grid[-1, 1], shown, probability_edges, loss_edges)
        return render(figure, kind)


@dataclass(frozen=True)
class _ShareScale:
    """The axis of shares that all rows of a column have."""

    logarithmic: bool
    low: float
    high: float
    ticks: Sequence[float]

    @classmethod
    def of(cls, shares: Sequence[float], wanted: AxisScale | None) -> "_ShareScale":
        positive = [share for share in shares if share > 0]
        highest = max(positive, default=1.0)
        if wanted == "log" and positive:
            low, high = min(positive) / 2, 1.4 * highest
            return cls(True, low, high, [tick for tick in _POWERS if low <= tick <= high])
        rounds = [step * power for step in (1, 2, 5) for power in _POWERS]
        # A row is low: few ticks fit.
        top = max((tick for tick in rounds if tick <= highest), default=highest)
        return cls(False, 0.0, 1.06 * highest, [0.0, top])


def _draw(
    axes: "Axes",
    edges: Sequence[float],
    shares: Sequence[float],
    scale: _ShareScale,
    colour: str,
) -> None:
    from matplotlib.ticker import NullLocator  # noqa: PLC0415 - see house_style

    if scale.logarithmic:
        axes.set_yscale("log")
    tops = [max(share, scale.low) for share in shares]
    axes.stairs(tops, edges, baseline=scale.low, fill=True, color=colour, alpha=0.55)
    axes.stairs(tops, edges, baseline=scale.low, color=colour, linewidth=0.9)
    axes.set_yticks(scale.ticks, [f"{100 * tick:g}%" for tick in scale.ticks])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(scale.low, scale.high)


def _summary(found: DrawnClass) -> str:
    spoilt = f", {found.non_finite:,} not finite" if found.non_finite else ""
    return f"{found.count:,} samples, {found.right / found.count:.1%} right{spoilt}"


def _finish(
    left: "Axes",
    right: "Axes",
    classes: Sequence[DrawnClass],
    probability_edges: Sequence[float],
    loss_edges: Sequence[float],
) -> None:
    left.set_xlim(probability_edges[0], probability_edges[-1])
    left.set_xlabel("Probability of the true class")
    percent_ticks(left, "x", (0, 0.25, 0.5, 0.75, 1))
    used = [place for found in classes for place, count in enumerate(found.losses) if count] or [
        0,
        len(loss_edges) - 2,
    ]
    right.set_xlim(loss_edges[min(used)], loss_edges[max(used) + 1])
    log_scale(right, "x")
    right.set_xlabel("Loss of a sample (log scale)")


def _explanation(classes: Sequence[DrawnClass]) -> str:
    sentences = ["A bar is a share of its class's samples."]
    if len(classes) == 2 and {found.label for found in classes} == {0, 1}:
        sentences.append(f"Samples left of {_HALF:.0%} are predicted wrongly.")
    smallest = any(found.losses and found.losses[0] for found in classes)
    if smallest:
        sentences.append("The first bar of the losses has the smaller ones too, 0 among them.")
    return " ".join(sentences)
