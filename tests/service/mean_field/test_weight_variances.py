"""Variances of weights as the service states them, against those that are drawn."""

import numpy as np
import pytest

from service.catalog.axes import AXES
from service.mean_field.weight_variances import Fans, weight_variance
from service.specs.choices import choice
from workers.nn.initializers import INITIALIZERS

SHAPES = [(400, 300), (120, 400), (64, 48, 3, 3)]
NOT_STATED = {"constant", "ones", "identity", "lsuv", "data_dependent", "fixup"}
MOVED = [
    {"name": "normal", "mean": 0.1},
    {"name": "uniform", "low": 0.0},
    {"name": "uniform", "low": -0.2, "high": 0.1},
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("initializer", AXES["initializer"])
def test_a_variance_is_that_of_the_drawn_weights(initializer, shape):
    if AXES["initializer"][initializer].symbolic:
        return
    required = {"value": 0.1} if initializer == "constant" else {}
    chosen = choice("initializer", {"name": initializer, **required})
    rows, columns, field = shape[0], int(np.prod(shape[1:])), int(np.prod(shape[2:]))
    fans = Fans(inputs=columns, outputs=rows * field, rows=rows)
    stated = weight_variance(initializer, chosen.parameters, fans)
    if initializer in NOT_STATED:
        assert stated is None
        return
    drawn = INITIALIZERS[initializer](**chosen.parameters)(shape, np.random.default_rng(1))
    assert stated == pytest.approx(np.mean(drawn**2), rel=0.05)


@pytest.mark.parametrize(
    "moved",
    [
        {"name": "uniform", "low": -0.2, "high": 0.2},
        {"name": "he_normal", "negative_slope": 0.5},
        {"name": "glorot_normal", "gain": 2.0},
        {"name": "random_walk", "nonlinearity": "linear"},
    ],
    ids=str,
)
def test_parameters_decide_the_variance(moved):
    chosen = choice("initializer", moved)
    fans = Fans(inputs=300, outputs=400, rows=400)
    drawn = INITIALIZERS[chosen.name](**chosen.parameters)((400, 300), np.random.default_rng(1))
    stated = weight_variance(chosen.name, chosen.parameters, fans)
    assert stated == pytest.approx(np.mean(drawn**2), rel=0.02)


@pytest.mark.parametrize("moved", MOVED, ids=str)
def test_weights_around_another_mean_have_no_variance_to_state(moved):
    chosen = choice("initializer", moved)
    assert weight_variance(chosen.name, chosen.parameters, Fans(300, 400, 400)) is None
