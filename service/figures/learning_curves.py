"""Learning curves: a metric by epoch for each configuration, mean and range over its seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from service.figures.style import (
    DASHES,
    PALETTE,
    Format,
    Theme,
    house_style,
    new_figure,
    plain_numbers,
    render,
    share_scale,
    whole_numbers,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Curve:
    """One configuration: for each seed the validation accuracy and loss of epoch 1, 2, ..."""

    label: str
    accuracies: Sequence[Sequence[float]]
    losses: Sequence[Sequence[float]]


def learning_curves(
    curves: Sequence[Curve], *, title: str, kind: Format = "png", theme: Theme = "light"
) -> bytes:
    """Draw validation accuracy and loss by epoch, side by side.

    The line is the mean over seeds, the band their range. Non-finite values (a run that
    diverged) break the line.

    Returns:
        The picture as PNG or SVG.
    """
    with house_style(theme) as ink:
        figure = new_figure(12.0, 4.2)
        accuracy, loss = figure.subplots(1, 2)
        figure.suptitle(title, x=0.01, ha="left", fontweight="bold", color=ink.text)
        for index, curve in enumerate(curves):
            _draw(accuracy, curve.accuracies, index, curve.label)
            _draw(loss, curve.losses, index, curve.label)
        # A straight scale would press all good curves together beside one that fails.
        if any(0 < value < 1 for curve in curves for run in curve.accuracies for value in run):
            share_scale(accuracy)
        _finish(accuracy, "Validation accuracy (logit)")
        _finish(loss, "Validation loss (log)")
        if any(value > 0 for curve in curves for run in curve.losses for value in run):
            loss.set_yscale("log")
            plain_numbers(loss)
        if curves:
            figure.legend(
                *accuracy.get_legend_handles_labels(),
                loc="outside right center",
                labelcolor=ink.text,
                fontsize=9,
            )
        return render(figure, kind)


def _draw(axes: "Axes", runs: Sequence[Sequence[float]], index: int, label: str) -> None:
    longest = max((len(run) for run in runs), default=0)
    epochs = range(1, longest + 1)
    by_epoch = [
        [run[at] for run in runs if at < len(run) and math.isfinite(run[at])]
        for at in range(longest)
    ]
    means = [sum(values) / len(values) if values else math.nan for values in by_epoch]
    colour = PALETTE[index % len(PALETTE)]
    axes.plot(
        epochs,
        means,
        color=colour,
        linestyle=DASHES[index % len(DASHES)],
        marker="o",
        markersize=3.5,
        label=label,
    )
    if len(runs) > 1:
        lowest = [min(values, default=math.nan) for values in by_epoch]
        highest = [max(values, default=math.nan) for values in by_epoch]
        axes.fill_between(epochs, lowest, highest, color=colour, alpha=0.15, linewidth=0)


def _finish(axes: "Axes", title: str) -> None:
    axes.set_title(title)
    axes.set_xlabel("Epoch")
    axes.xaxis.set_major_locator(whole_numbers())
