"""Mean and spread by layer, drawn from data alone."""

import math
import re

import pytest

from service.figures.plots.layer_moments import LayerMoments, draw_layer_moments
from tests.support.picture_reading import is_png, shapes, texts

pytestmark = pytest.mark.slow

FIELDS = ("z", "weight", "activation", "gradient")


def network(label, deviations, *, mean=0.0, names=None):
    moments = [(mean, deviation) for deviation in deviations]
    layers = names or [f"dense_{at}" for at in range(1, len(deviations) + 1)]
    return LayerMoments(label, layers, dict.fromkeys(FIELDS, moments))


def lines(svg):
    """The heights of each line's points, panel by panel: the means first."""
    found = []
    for group in shapes(svg, "line2d"):
        for path in group.iter("{http://www.w3.org/2000/svg}path"):
            points = re.findall(r"[ML] ([\d.]+) ([\d.]+)", path.get("d") or "")
            if path.get("clip-path") and len(points) > 2:
                found.append([float(y) for _, y in points])
    return found


def test_every_panel_has_a_line_a_network():
    drawn = [network("as initialized", [1.0, 0.5, 0.25]), network("epoch 8", [1.0, 1.0, 1.0])]
    svg = draw_layer_moments(drawn, title="tanh", note="100 samples.", kind="svg")
    assert len(lines(svg)) == 8 * 2
    said = texts(svg)
    assert {"tanh", "Mean", "Standard deviation", "as initialized", "epoch 8"} <= {*said}
    assert said.count("dense_2") == 4
    first = lines(svg)[2]  # panels go row by row: the second network's mean, then the next panel
    assert len(first) == 3
    alone = texts(draw_layer_moments(drawn[:1], title="tanh", kind="svg"))
    assert "as initialized" not in alone


def test_deviations_are_drawn_by_magnitude_where_they_are_far_apart():
    vanishing = [network("a", [1.0, 0.1, 0.01])]
    svg = draw_layer_moments(vanishing, title="x", kind="svg")
    assert texts(svg).count("log scale") == 4
    first, second, third = lines(svg)[-1]
    assert third - second == pytest.approx(second - first, abs=0.01)
    linear = draw_layer_moments(vanishing, title="x", y="linear", kind="svg")
    assert "log scale" not in texts(linear)
    first, second, third = lines(linear)[-1]
    assert (second - first) / (third - first) == pytest.approx(0.9 / 0.99, abs=1e-3)
    close = [network("a", [1.0, 0.9, 0.8])]
    assert "log scale" not in texts(draw_layer_moments(close, title="x", kind="svg"))
    assert "log scale" in texts(draw_layer_moments(close, title="x", y="log", kind="svg"))


def test_means_that_are_nothing_beside_the_deviations_look_small():
    def extent(mean):
        moments = [(mean, 1.0), (-mean, 1.0), (mean, 1.0)]
        drawn = LayerMoments("a", ["a", "b", "c"], dict.fromkeys(FIELDS, moments))
        means, *_ = lines(draw_layer_moments([drawn], title="x", kind="svg"))
        return max(means) - min(means)

    assert extent(0.001) < 3  # of a panel's height of about 150
    assert extent(1.0) > 100


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, 1e-30, 1e30, 1e300])
def test_whatever_layers_do_can_be_drawn(value):
    for y in (None, "log", "linear"):
        assert is_png(draw_layer_moments([network("a", [value] * 3, mean=value)], title="x", y=y))


def test_layers_of_a_deep_network_are_numbered():
    svg = draw_layer_moments([network("a", [1.0] * 100)], title="x", kind="svg")
    said = texts(svg)
    assert not any(text.startswith("dense_") for text in said)
    assert said.count("Layer") == 4
    assert {"1", "11", "91"} <= {*said}
