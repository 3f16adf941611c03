"""Activation curves: an activation and its derivative, side by side.

Drawn from samples, since the API has no torch: ``activation_curves.json`` holds what the
functions of ``workers.nn.activations`` give at their default parameters. `make catalog`
writes it, and a test holds it to them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.figures.plots.style import (
    Format,
    Theme,
    entitle,
    house_style,
    new_figure,
    render,
    series_style,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: The samples, beside this module so that they travel with it.
SAMPLES = Path(__file__).with_name("activation_curves.json")


_SIGNS = {1.0: "", -1.0: "-"}


@dataclass(frozen=True)
class ActivationCurve:
    """One activation, sampled.

    ``slopes`` are those of the z-values a unit reads, as lines through zero: (1,) where it
    reads x itself, several for maxout, which is no function of a single z-value.
    ``values`` and ``derivatives`` stand at the points ``x``.
    """

    name: str
    parameters: Mapping[str, Any]
    slopes: Sequence[float]
    x: Sequence[float]
    values: Sequence[float]
    derivatives: Sequence[float]

    @property
    def label(self) -> str:
        """``leaky_relu(negative_slope=0.01)``: the name and all parameters."""
        given = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{self.name}({given})" if given else self.name

    @property
    def note(self) -> str:
        """Say what a unit reads where that is not x itself; else nothing."""
        if len(self.slopes) == 1:
            return ""
        lines = ", ".join(_SIGNS.get(each, f"{each:g}") + "x" for each in self.slopes)
        return f"The z-values of the unit are {lines}."


@cache
def sampled_curves() -> Mapping[str, ActivationCurve]:
    """Give the sampled curves by the activation's name."""
    stored = json.loads(SAMPLES.read_text())
    return {
        name: ActivationCurve(name=name, x=stored["x"], **curve)
        for name, curve in stored["curves"].items()
    }


def activation_curve(
    curve: ActivationCurve, *, kind: Format = "png", theme: Theme = "light"
) -> bytes:
    """Draw an activation, solid, and its derivative, dashed, each on its own scale.

    Returns:
        The picture as PNG or SVG.
    """
    with house_style(theme) as ink:
        figure = new_figure(8.0, 3.2)
        entitle(figure, ink, curve.label, curve.note)
        value, derivative = figure.subplots(1, 2)
        _draw(value, curve.x, curve.values, series_style(0, ink))
        _draw(derivative, curve.x, curve.derivatives, series_style(1, ink))
        value.set_title("f(x)")
        derivative.set_title("f\N{PRIME}(x), the derivative")
        for axes in (value, derivative):
            axes.axhline(0, color=ink.muted, linewidth=0.8, zorder=1)
            axes.axvline(0, color=ink.muted, linewidth=0.8, zorder=1)
            axes.set_xlabel("x")
        return render(figure, kind)


def _draw(axes: "Axes", x: Sequence[float], y: Sequence[float], style: dict[str, Any]) -> None:
    axes.plot(x, y, **{**style, "marker": ""}, linewidth=2.2)
    axes.set_xlim(x[0], x[-1])
    # Zero is in the picture: how near a derivative comes to it is what matters.
    lowest, highest = min(0.0, *y), max(0.0, *y)
    margin = 0.08 * (highest - lowest)
    axes.set_ylim(lowest - margin, highest + margin)
