"""Variances of weights as the service states them, against those that are drawn."""

import numpy as np
import pytest

from service.catalog.axes import AXES
from service.mean_field.weight_variances import Fans, weight_variance
from service.specs.choices import choice
from workers.nn.initializers import INITIALIZERS

SHAPES = [(400, 300), (120, 400), (64, 48, 3, 3)]
NOT_RANDOM = {"constant", "lsuv"}


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
    if initializer in NOT_RANDOM:
        assert stated is None
        return
    drawn = INITIALIZERS[initializer](**chosen.parameters)(shape, np.random.default_rng(1))
    assert stated == pytest.approx(np.mean(drawn**2), rel=0.05)
