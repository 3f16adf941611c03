"""Where activations saturate and which units are dead, for every activation there is."""

import math

import pytest
import torch

from service.formulas.expression import Expression
from tests.support.probe_networks import entry
from workers.diagnostics.activity import HiddenActivity, OutputActivity
from workers.nn.activations import ACTIVATIONS

#: Beyond these z-values an activation is saturated; all others are nowhere.
BOUNDS = {
    "sigmoid": (-4, 4),
    "tanh": (-2, 2),
    "softsign": (1 - math.cosh(2), math.cosh(2) - 1),  # 1 / (1 + z)^2 = sech^2(2)
    "hard_sigmoid": (-3, 3),
    "hard_tanh": (-1, 1),
    "relu6": (-math.inf, 6),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_where_it_saturates(name):
    activity = HiddenActivity(entry(ACTIVATIONS, name)(3), 3)
    expected = BOUNDS.get(name, (-math.inf, math.inf))
    assert (activity.low, activity.high) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("text", "bounds", "can_die"),
    [
        ("tanh(x)", (-2, 2), False),
        ("2 * sigmoid(x) - 1", (-4, 4), False),
        ("clip(x, -1, 1)", (-1, 1), False),
        ("maximum(x, 0)", (-math.inf, math.inf), True),
        ("where(x > 0, x, 0.1 * x)", (-math.inf, math.inf), False),
    ],
)
def test_a_formula_saturates_and_dies_as_its_slope_says(text, bounds, can_die):
    formula = {"expression": Expression(text), "parameters": {}}
    activity = HiddenActivity(entry(ACTIVATIONS, "formula", **formula)(3), 3)
    assert (activity.low, activity.high) == pytest.approx(bounds, abs=1e-5)
    assert activity.can_die == can_die


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_saturated_values_are_counted(name):
    activation = entry(ACTIVATIONS, name)(4)
    activity = HiddenActivity(activation, 4)
    z = 5 * torch.randn(200, 4 * activation.pieces, generator=torch.Generator().manual_seed(0))
    low, high = BOUNDS.get(name, (-math.inf, math.inf))
    expected = int(((z < low) | (z > high)).sum())
    assert abs(activity.count_saturated(z) - expected) <= 1
    assert (expected > 0) == (name in BOUNDS)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_are_the_derivatives(name):
    activation = entry(ACTIVATIONS, name)(4).double()
    activity = HiddenActivity(entry(ACTIVATIONS, name)(4), 4)
    z = torch.randn(50, 4 * activation.pieces, generator=torch.Generator().manual_seed(1))
    step = 1e-6
    rises = []
    for at in range(activation.pieces):
        moved = z.double().view(50, 4, -1)
        up, down = moved.clone(), moved.clone()
        up[..., at] += step
        down[..., at] -= step
        with torch.no_grad():
            rise = activation(up.view_as(z)) - activation(down.view_as(z))
        rises.append(rise / (2 * step))
    expected = torch.stack(rises, -1).view_as(z)
    assert activity.slopes(z).double().numpy() == pytest.approx(expected.numpy(), abs=1e-4)
    with torch.no_grad():
        assert torch.equal(activity.values(z), entry(ACTIVATIONS, name)(4)(z))


def test_outputs_are_probabilities():
    z = torch.tensor([[0.0], [3.99], [4.01], [-5.0]])
    activity = OutputActivity()
    assert torch.equal(activity.values(z), z.sigmoid())
    assert activity.count_saturated(z) == 2
    several = torch.tensor([[0.0, 0.0, 9.0], [0.0, 0.0, 0.0]])
    assert torch.equal(activity.values(several), several.softmax(1))
    assert activity.count_saturated(several) == 3
