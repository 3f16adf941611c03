"""Fixed points against an independent audit's, and against theory where it has a closed form."""

import math

import pytest

from service.mean_field.fixed_points import fixed_point
from service.mean_field.moments import moments_of
from service.specs.choices import choice


def found(activation, weight_variance, **options):
    chosen = choice("activation", activation)
    moments = moments_of(chosen.name, chosen.parameters)
    return fixed_point(moments, weight_variance, **options)


@pytest.mark.parametrize(
    ("activation", "weight_variance", "depth_scale"),
    [("sigmoid", 1, 0.35), ("hard_sigmoid", 1, 0.28), ("tanh", 1, 2000)],
)
def test_depth_scales_of_glorot(activation, weight_variance, depth_scale):
    assert found(activation, weight_variance).depth_scale == pytest.approx(depth_scale, rel=0.015)


@pytest.mark.parametrize("activation", ["gelu", "silu"])
def test_smooth_rectifiers_with_he_end_in_silence(activation):
    point = found(activation, 2)
    assert point.length == 0
    assert point.chi == pytest.approx(0.5, abs=1e-4)
    assert point.depth_scale == pytest.approx(1 / math.log(2), rel=1e-3)


def test_relu_with_he_is_critical():
    point = found("relu", 2, start=0.3)
    assert (point.length, point.correlation) == (pytest.approx(0.3), 1)
    assert point.chi == pytest.approx(1, abs=1e-9)
    assert point.depth_scale == math.inf


def test_elu_with_he_grows_to_a_length_of_1888():
    assert found("elu", 2).length == pytest.approx(1888, rel=1e-3)
    one = found("elu", 1)
    assert one.length < 1e-5
    assert one.chi == pytest.approx(1, abs=2e-3)


def test_selu_is_on_the_side_of_chaos():
    point = found("selu", 1)
    assert point.length == pytest.approx(1, abs=1e-6)
    assert point.correlation == pytest.approx(0, abs=1e-3)
    assert point.chi == pytest.approx(1.0716, abs=1e-4)


def test_softplus_with_he_makes_samples_alike():
    point = found("softplus", 2)
    assert point.length == pytest.approx(317, rel=1e-3)
    assert point.correlation == 1


def test_hyperbolic_tangent_has_both_phases():
    """Poole et al. 2016, figure 1: order below sigma_w = 1 without biases, chaos above."""
    assert found("tanh", 0.9).correlation == 1
    assert found("tanh", 0.9).chi == pytest.approx(0.9, abs=1e-6)
    chaos = found("tanh", 2.5**2, bias_variance=0.3**2)
    assert 0 < chaos.correlation < 1
    assert chaos.chi > 1
    order = found("tanh", 1.3**2, bias_variance=1.0)
    assert order.correlation == 1
    assert order.chi < 1


def test_the_correlation_of_chaos_is_a_fixed_point_of_its_map():
    moments = moments_of("tanh", {})
    point = found("tanh", 4.0, bias_variance=0.1)
    spread = point.length * (1 - point.correlation)
    assert 4 * moments.spread(point.length, spread) == pytest.approx(spread, rel=1e-3)
    assert 4 * moments.square(point.length) + 0.1 == pytest.approx(point.length, rel=1e-6)


def test_a_rectifier_beyond_he_explodes_and_below_it_vanishes():
    assert found("relu", 2.5).length == math.inf
    assert found("relu", 1.0).length == 0
    assert found("relu", 1.0).depth_scale == pytest.approx(1 / math.log(2))
