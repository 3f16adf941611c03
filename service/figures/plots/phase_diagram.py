"""The phase diagram of an activation: chi_1 over sigma_w and sigma_b, and the edge of chaos."""

import math

from service.figures.plots.style import Format, Theme, add_title, house_style, new_figure, render
from service.mean_field.phase_diagram import PhaseDiagram

#: Logarithms to base 2 of chi_1 beyond which the colour does not change.
_MOST = 3.0
#: A colour map that is neutral in the middle, at the edge of chaos; readable for the colour-blind.
_COLOURS = "PuOr"


def draw_phase_diagram(
    diagram: PhaseDiagram, *, title: str, kind: Format = "png", theme: Theme = "light"
) -> bytes:
    """Return a picture of a phase diagram, as PNG or SVG.

    Left of the line, in the order phase, signals and gradients vanish with depth; right of it, in
    chaos, they explode. The colour is the logarithm of chi_1.
    """
    colours = [[math.log2(chi) if chi > 0 else -_MOST for chi in row] for row in diagram.chi]
    with house_style(theme, kind) as ink:
        figure = new_figure(7.0, 4.2)
        note = (
            "chi_1 is the factor of the squared gradient per layer of a deep network. Line: the "
            "edge of chaos, where it is 1."
        )
        add_title(figure, ink, title, note)
        axes = figure.subplots()
        shades = axes.pcolormesh(
            diagram.weight_deviations,
            diagram.bias_deviations,
            colours,
            cmap=_COLOURS,
            vmin=-_MOST,
            vmax=_MOST,
            shading="gouraud",
            rasterized=True,
        )
        axes.plot(diagram.edge, diagram.bias_deviations, color=ink.text, linewidth=2.2)
        axes.set_xlim(diagram.weight_deviations[0], diagram.weight_deviations[-1])
        axes.set_ylim(diagram.bias_deviations[0], diagram.bias_deviations[-1])
        axes.set_xlabel("sigma_w (weight variance: sigma_w squared / fan-in)")
        axes.set_ylabel("sigma_b (standard deviation of biases)")
        axes.grid(visible=False)
        ticks = range(-int(_MOST), int(_MOST) + 1)
        bar = figure.colorbar(shades, ax=axes, ticks=list(ticks), label="chi_1")
        bar.ax.set_yticklabels([f"{2.0**tick:g}" for tick in ticks])
        return render(figure, kind)
