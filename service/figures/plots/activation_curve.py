"""Activation curves: an activation and its derivative, side by side.

Curves are drawn from samples, because the API has no torch: ``activation_curves.json`` has values
of the functions in ``workers.nn.activations`` at their default parameters. `make catalog` writes
it, and a test compares it with them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from service.figures.plots.style import (
    Format,
    Theme,
    add_title,
    house_style,
    new_figure,
    render,
    series_style,
)
from service.specs.choices import Choice, choice

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray

#: The samples; beside this module, so that they are packaged with it.
SAMPLES = Path(__file__).with_name("activation_curves.json")


#: Values beyond it are not drawn: a picture has no scale for them.
_LARGEST = 1e6

_SIGNS = {1.0: "", -1.0: "-"}


@dataclass(frozen=True)
class ActivationCurve:
    """One activation, sampled.

    Attributes:
        name: as in the catalog.
        parameters: its default parameters.
        slopes: the z-values that a unit reads are these multiples of x: (1,) where it reads x
            itself, several for maxout, which is not a function of a single z-value.
        x: the points.
        values: the activation at these points.
        derivatives: its derivative there.
    """

    name: str
    parameters: Mapping[str, Any]
    slopes: Sequence[float]
    x: Sequence[float]
    values: Sequence[float]
    derivatives: Sequence[float]

    @property
    def label(self) -> str:
        """The name and all parameters: ``leaky_relu(negative_slope=0.01)``; or a formula."""
        if "expression" in self.parameters:
            return str(choice("activation", {"name": self.name, **self.parameters}))
        parameters = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"{self.name}({parameters})" if parameters else self.name

    @property
    def note(self) -> str:
        """The z-values that a unit reads, as a sentence; empty where it reads x itself."""
        if len(self.slopes) == 1:
            return ""
        lines = ", ".join(_SIGNS.get(slope, f"{slope:g}") + "x" for slope in self.slopes)
        return f"The z-values of the unit are {lines}."


@cache
def sampled_curves() -> Mapping[str, ActivationCurve]:
    """Return the sampled curves by the activation's name."""
    stored = json.loads(SAMPLES.read_text())
    return {
        name: ActivationCurve(name=name, x=stored["x"], **curve)
        for name, curve in stored["curves"].items()
    }


def curve_of(activation: Choice) -> ActivationCurve:
    """Return the curve of an activation: computed for a formula, else its stored samples."""
    sampled = sampled_curves()[activation.name]
    parameters = activation.parameters
    if "expression" not in parameters:
        return sampled
    formula = parameters["expression"].with_constants(parameters["parameters"])
    values, slopes = formula.sampled(np.array(sampled.x))
    return replace(
        sampled, parameters=parameters, values=_drawable(values), derivatives=_drawable(slopes)
    )


def _drawable(values: "NDArray[np.float64]") -> list[float]:
    """Return the values with NaN, a gap in the line, for those that are too large to draw."""
    return [*map(float, np.where(np.abs(values) <= _LARGEST, values, np.nan))]


def draw_activation_curve(
    curve: ActivationCurve, *, kind: Format = "png", theme: Theme = "light"
) -> bytes:
    """Return a picture of an activation (solid) and its derivative (dashed), as PNG or SVG.

    Each has its own scale.
    """
    with house_style(theme, kind) as ink:
        figure = new_figure(8.0, 3.2)
        add_title(figure, ink, curve.label, curve.note)
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
    # The scale includes zero: it matters how close a derivative comes to it.
    lowest, highest = np.nanmin([0.0, *y]), np.nanmax([0.0, *y])
    margin = 0.08 * (highest - lowest) or 1.0
    axes.set_ylim(lowest - margin, highest + margin)
