"""Learning curves, drawn from data alone."""

import math
import re

import pytest

from service.figures.learning_curves import Curve, learning_curves

CURVES = [
    Curve("relu", [[0.9, 0.95], [0.92, 0.96]], [[0.3, 0.2], [0.25, 0.15]]),
    Curve("leaky_relu(0.2)", [[0.91, 0.97]], [[0.28, 0.1]]),
]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_configuration_is_named_in_the_picture(theme):
    drawn = learning_curves(CURVES, title="Two activations", kind="svg", theme=theme).decode()
    for text in ("Two activations", "relu", "leaky_relu(0.2)", "Epoch", "Validation loss (log)"):
        assert re.search(rf">{re.escape(text)}<", drawn), text


def test_the_same_data_gives_the_same_bytes():
    first, second = (learning_curves(CURVES, title="x", kind="svg") for _ in range(2))
    assert first == second
    assert learning_curves(CURVES, title="x") == learning_curves(CURVES, title="x")


def test_themes_and_values_show():
    light = learning_curves(CURVES, title="x", kind="svg")
    assert light != learning_curves(CURVES, title="x", kind="svg", theme="dark")
    assert light != learning_curves(CURVES[:1], title="x", kind="svg")


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, 1.0])
def test_a_diverged_run_can_be_drawn(value):
    curve = Curve("relu", [[0.1, value]], [[2.3, value]])
    assert learning_curves([curve], title="x").startswith(b"\x89PNG")
    assert learning_curves([Curve("relu", [[value]], [[value]])], title="x")


def test_no_curves_are_an_empty_picture():
    assert learning_curves([], title="nothing yet").startswith(b"\x89PNG")
