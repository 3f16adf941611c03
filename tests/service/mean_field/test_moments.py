"""Activations and their moments over normal z-values, against torch, closed forms and sampling."""

import math

import numpy as np
import pytest
import torch

from service.catalog.axes import AXES
from service.mean_field.activations import NONLINEARITIES
from service.mean_field.maxout import largest_moments
from service.mean_field.moments import moments_of
from service.specs.choices import choice
from service.specs.planning import pieces_of
from workers.nn.activations import ACTIVATIONS

#: Activations with parameters beside their defaults.
CASES = [
    *AXES["activation"],
    {"name": "leaky_relu", "negative_slope": 0.5},
    {"name": "elu", "alpha": 2.5},
    {"name": "gelu", "approximate": "tanh"},
    {"name": "maxout", "pieces": 5},
    {"name": "silu", "beta": 3.0},
    {"name": "celu", "alpha": 0.5},
    {"name": "formula", "expression": "where(x > 0, x, a * sin(x))", "parameters": {"a": 0.5}},
    {"name": "formula", "expression": "maximum(minimum(x, 3), abs(x) / 4)"},
]
ELEMENTWISE = [
    activation for activation in CASES if pieces_of(choice("activation", activation)) == 1
]
CORRELATIONS = [-0.5, 0.0, 0.3, 0.9, 0.999]


def moments(activation):
    chosen = choice("activation", activation)
    return moments_of(chosen.name, chosen.parameters)


@pytest.mark.parametrize("activation", ELEMENTWISE, ids=str)
def test_values_and_slopes_are_those_that_train(activation):
    chosen = choice("activation", activation)
    x = torch.linspace(-9.0, 9.0, 1999, dtype=torch.float64, requires_grad=True)
    y = ACTIVATIONS[chosen.name](**chosen.parameters)(1).double()(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    found = NONLINEARITIES[chosen.name](**chosen.parameters)
    points = x.detach().numpy()
    np.testing.assert_allclose(found.value(points), y.detach().numpy(), rtol=1e-6, atol=1e-7)
    smooth = np.min([abs(points - kink) for kink in found.kinks or (99.0,)], axis=0) > 1e-9
    np.testing.assert_allclose(
        found.slope(points)[smooth], slope.numpy()[smooth], rtol=1e-6, atol=1e-7
    )


@pytest.mark.parametrize("activation", CASES, ids=str)
@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_moments_are_means_over_normal_values(activation, shift):
    """Against sums over two million draws, within five standard errors."""
    chosen = choice("activation", activation)
    pieces = pieces_of(chosen)
    generator = torch.Generator().manual_seed(3)
    function = ACTIVATIONS[chosen.name](**chosen.parameters)(1)
    deviation, correlation = 1.6, 0.6
    first = torch.randn(400_000, pieces, generator=generator)
    other = torch.randn(400_000, pieces, generator=generator)
    other = correlation * first + math.sqrt(1 - correlation**2) * other
    with torch.no_grad():
        u, v = (function(shift + deviation * z)[:, 0].double() for z in (first, other))
    found = moments(activation)
    variance = deviation**2
    for value, draws in [
        (found.mean(variance, shift), u),
        (found.square(variance, shift), u**2),
        (found.spread(variance, (1 - correlation) * variance, shift), (u - v) ** 2 / 2),
    ]:
        assert value == pytest.approx(
            draws.mean().item(), abs=5 * draws.std().item() / 400_000**0.5
        )


@pytest.mark.parametrize("activation", CASES, ids=str)
def test_samples_of_different_length_differ_as_draws_do(activation):
    chosen = choice("activation", activation)
    pieces = pieces_of(chosen)
    generator = torch.Generator().manual_seed(4)
    function = ACTIVATIONS[chosen.name](**chosen.parameters)(1)
    long, short, correlation = 3.0, 1.0, 0.8
    first = torch.randn(400_000, pieces, generator=generator)
    other = torch.randn(400_000, pieces, generator=generator)
    other = correlation * first + math.sqrt(1 - correlation**2) * other
    with torch.no_grad():
        u = function(0.3 + math.sqrt(long) * first)[:, 0].double()
        v = function(0.3 + math.sqrt(short) * other)[:, 0].double()
    draws = (u - v) ** 2 / 2
    spread = (long + short) / 2 - correlation * math.sqrt(long * short)
    found = moments(activation).spread(2.0, spread, 0.3, difference=long - short)
    assert found == pytest.approx(draws.mean().item(), abs=5 * draws.std().item() / 400_000**0.5)


@pytest.mark.parametrize("correlation", CORRELATIONS)
def test_a_rectifier_has_the_arc_cosine_kernel(correlation):
    """Cho & Saul 2009, eq. 6: E[f(u) f(v)] = (sin a + (pi - a) cos a) / (2 pi)."""
    angle = math.acos(correlation)
    kernel = (math.sin(angle) + (math.pi - angle) * correlation) / (2 * math.pi)
    for variance in (1e-6, 1.0, 1e8):
        spread = moments("relu").spread(variance, (1 - correlation) * variance)
        assert spread / variance == pytest.approx(0.5 - kernel, rel=3e-5)
        assert moments("relu").square(variance) / variance == pytest.approx(0.5, rel=1e-9)
        assert moments("relu").squared_slope(variance) == pytest.approx(0.5, rel=1e-9)


@pytest.mark.parametrize("correlation", CORRELATIONS)
def test_the_larger_of_two_has_a_closed_form(correlation):
    """max(a, b) = (a + b) / 2 + |a - b| / 2, and E|a||b| of normal values is known."""
    c = correlation
    product = c / 2 + (math.sqrt(1 - c**2) + c * math.asin(c)) / math.pi
    spread = moments("maxout").spread(3.0, 3 * (1 - c))
    assert spread / 3 == pytest.approx(1 - product, rel=1e-6)


def test_the_largest_of_several_has_the_known_mean_square():
    for pieces, square in [(2, 1), (3, 1 + 3**0.5 / (2 * math.pi)), (4, 1 + 3**0.5 / math.pi)]:
        assert largest_moments(pieces)[1] == pytest.approx(square, rel=1e-9)


@pytest.mark.parametrize("activation", CASES, ids=str)
def test_samples_that_are_nearly_alike_differ_by_the_slope(activation):
    found = moments(activation)
    for close in (1e-8, 1e-10, 1e-40):
        assert found.spread(2.0, close) == pytest.approx(close * found.squared_slope(2.0), rel=1e-3)
    # Of unequal length: infinitesimal as the next larger.
    close = [found.spread(2.0, spread, 0.3, spread**0.5) / spread for spread in (1e-9, 1e-20)]
    assert close[0] == pytest.approx(close[1], rel=1e-3)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "elu", "hard_tanh", "gelu"])
def test_long_signals_are_integrated_at_the_scale_of_the_function(activation):
    """At a length of 1e6 all but a thousandth of the z-values lie where the function is flat."""
    found = moments(activation)
    t = np.linspace(-9, 9, 4_000_001)
    density = np.exp(-(t**2) / 2) / math.sqrt(2 * math.pi) * (t[1] - t[0])
    chosen = choice("activation", activation)
    function = NONLINEARITIES[chosen.name](**chosen.parameters)
    assert found.square(1e6) == pytest.approx(
        (density * function.value(1e3 * t) ** 2).sum(), rel=1e-5
    )
    slope = (density * function.slope(1e3 * t) ** 2).sum()
    assert found.squared_slope(1e6) == pytest.approx(slope, rel=2e-3)


def test_an_activation_that_the_theory_does_not_know_has_no_moments():
    assert moments_of("nope", {}) is None
    known = [choice("activation", name) for name in AXES["activation"]]
    assert all(moments_of(one.name, one.parameters) for one in known)
