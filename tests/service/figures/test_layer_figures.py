"""Layers and their gradients, drawn from data alone."""

import math

import numpy as np
import pytest

from service.figures.plots.gradient_flow import draw_gradient_flow
from service.figures.plots.layers import (
    PlottedDistribution,
    PlottedLayer,
    PredictedSpread,
    draw_layers,
    outline,
)
from tests.support.picture_reading import is_png, shapes, texts


def distribution(values, bins=64):
    low, high = values.min(), values.max()
    reach = (low, high) if low < high else (low - 0.5, high + 0.5)
    counts, edges = np.histogram(values, bins, reach)
    moments = (float(values.mean()), float(values.std()), float(low), float(high))
    return PlottedDistribution(*moments, edges.tolist(), counts.tolist())


def normal(spread, count=10_000):
    return distribution(np.random.default_rng(1).normal(0, spread, count))


NOTHING = PlottedDistribution(math.nan, math.nan, math.nan, math.nan, [], [])
ZEROS = distribution(np.zeros(50))
NETWORK = [
    PlottedLayer(f"dense_{at}", normal(1.0), normal(0.1), normal(0.5), normal(0.01))
    for at in (1, 2, 3)
]


def test_a_violin_is_as_wide_as_values_are_dense():
    heights, widths = outline(normal(1.0, 100_000))
    middle = len(heights) // 2
    assert max(widths) == pytest.approx(0.42)
    assert widths.index(max(widths)) == pytest.approx(middle, abs=4)
    at_one = np.interp(1.0, heights, widths)
    at_zero = np.interp(0.0, heights, widths)
    assert at_one / at_zero == pytest.approx(math.exp(-0.5), rel=0.05)


def test_few_values_make_few_bins_of_the_same_values():
    few = normal(1.0, 100)
    heights, _ = outline(few)
    assert len(heights) - 2 == 8
    assert (heights[0], heights[-1]) == (few.min, few.max)


def test_every_layer_has_a_violin_in_each_panel():
    svg = draw_layers(NETWORK, title="relu at epoch 0", kind="svg")
    assert len(shapes(svg, "FillBetweenPolyCollection")) == 4 * len(NETWORK)
    said = texts(svg)
    assert {"relu at epoch 0", "z-values", "Weights", "Activations"} <= set(said)
    assert "Gradients of the weights" in said
    assert sum(each == "dense_2" for each in said) == 4
    written = f"{NETWORK[0].weight.std:.2g}"
    assert written in said


def test_a_prediction_is_drawn_beside_the_violins():
    """Two lines per bracket; none where theory has no finite number."""
    plain = draw_layers(NETWORK, title="x", kind="svg")
    spread, infinite = PredictedSpread(0.2, 1.1), PredictedSpread(0.0, math.inf)
    predicted = {"z": [spread, spread, infinite], "activation": [spread, None, None]}
    drawn = draw_layers(NETWORK, title="x", kind="svg", predicted=predicted)
    assert len(shapes(drawn, "line2d")) - len(shapes(plain, "line2d")) == 2 * 3
    assert any("theory" in text for text in texts(drawn))
    assert not any("theory" in text for text in texts(plain))


def test_values_that_are_equal_or_not_finite_or_not_there_are_said():
    svg = draw_layers([PlottedLayer("dense_1", ZEROS, NOTHING, None, ZEROS)], title="x", kind="svg")
    assert not shapes(svg, "FillBetweenPolyCollection")
    assert {"not finite", "none", "0"} <= set(texts(svg))
    assert is_png(
        draw_layers([PlottedLayer("dense_1", NOTHING, NOTHING, NOTHING, NOTHING)], title="x")
    )


def test_gradients_far_apart_are_drawn_by_magnitude():
    vanishing = [
        PlottedLayer(f"dense_{at}", normal(1.0), normal(0.1), normal(0.5), normal(10.0**-at))
        for at in (1, 2, 3, 4)
    ]
    assert "Gradients of the weights (symmetric log scale)" in texts(
        draw_layers(vanishing, title="x", kind="svg")
    )


def test_the_scale_of_gradients_can_be_asked_for():
    note = "Gradients of the weights (symmetric log scale)"
    far_apart = [PlottedLayer(f"dense_{at}", None, None, None, normal(10.0**-at)) for at in (1, 4)]
    assert note not in texts(draw_layers(far_apart, title="x", y="linear", kind="svg"))
    for network in (NETWORK, far_apart):
        assert note in texts(draw_layers(network, title="x", y="log", kind="svg"))


def test_inputs_are_drawn_before_the_activations():
    predicted = {"activation": [PredictedSpread(0.0, 1.0)] * len(NETWORK)}
    plain = draw_layers(NETWORK, title="x", predicted=predicted, kind="svg")
    drawn = draw_layers(NETWORK, title="x", predicted=predicted, inputs=normal(2.0), kind="svg")
    violins = [shapes(svg, "FillBetweenPolyCollection") for svg in (plain, drawn)]
    assert len(violins[1]) == len(violins[0]) + 1
    said = texts(drawn)
    at = said.index("inputs")
    assert said[at + 1] == f"{normal(2.0).std:.2g}"
    assert said[at + 2] == "dense_1"
    assert said.count("inputs") == 1


@pytest.mark.parametrize("spread", [1e-30, 1e-12, 1e12, 1e30])
def test_any_magnitude_can_be_drawn(spread):
    extreme = PlottedLayer("output", normal(spread), normal(spread), normal(1.0), normal(spread))
    assert is_png(draw_layers([*NETWORK, extreme], title="x"))
    assert is_png(draw_gradient_flow([0, 1], {"a": [spread, 1.0]}, [(1, spread)], title="x"))


def test_labels_of_a_deep_network_stay_apart():
    deep = [PlottedLayer(f"dense_{at}", normal(1.0, 500), None, None, None) for at in range(100)]
    said = texts(draw_layers(deep, title="x", kind="svg"))
    assert "dense_0" in said
    assert "dense_1" not in said


def test_gradient_flow_has_a_line_a_layer_and_the_norm():
    by_layer = {f"dense_{at}": [0.1**at, 0.2**at, None] for at in (1, 2, 3)}
    svg = draw_gradient_flow([0, 5, 10], by_layer, [(1, 2.0), (2, 1.0)], title="tanh", kind="svg")
    said = texts(svg)
    assert {"tanh", "dense_1", "dense_2", "dense_3", "Epoch"} <= set(said)
    assert "Norm of the whole gradient, mean over steps" in said
    alone = texts(draw_gradient_flow([0], {"dense_1": [0.1]}, [], title="x", kind="svg"))
    assert "Norm of the whole gradient, mean over steps" not in alone


@pytest.mark.parametrize("values", [[0.0, 0.0], [math.nan, math.inf], [None, None], [1.0, 1.0]])
def test_whatever_gradients_do_can_be_drawn(values):
    assert is_png(draw_gradient_flow([0, 1], {"dense_1": values}, [], title="x"))


def test_many_layers_are_told_apart_by_depth():
    by_layer = {f"dense_{at}": [1.0, 2.0] for at in range(40)}
    for theme in ("light", "dark"):
        said = texts(draw_gradient_flow([0, 1], by_layer, [], title="x", kind="svg", theme=theme))
        assert "dense_0" in said
        assert sum(each.startswith("dense_") for each in said) == 10


def test_the_same_data_gives_the_same_bytes():
    for kind in ("svg", "png"):
        assert draw_layers(NETWORK, title="x", kind=kind) == draw_layers(
            NETWORK, title="x", kind=kind
        )
    assert draw_layers(NETWORK, title="x") != draw_layers(NETWORK, title="x", theme="dark")
