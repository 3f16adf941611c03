"""Phase diagrams against the fixed points that are computed one by one, and against theory."""

import math

import pytest

from service.mean_field.fixed_points import fixed_point
from service.mean_field.moments import moments_of
from service.mean_field.phase_diagram import phase_diagram
from service.specs.choices import choice


@pytest.mark.parametrize(
    ("activation", "parameters", "edge"),
    [
        ("identity", {}, 1.0),
        ("relu", {}, math.sqrt(2)),  # He et al. 2015
        ("leaky_relu", {"negative_slope": 0.5}, math.sqrt(1.6)),
        ("maxout", {"pieces": 2}, 1.0),
    ],
)
def test_activations_without_a_scale_have_their_edge_at_one_sigma_w(activation, parameters, edge):
    found = phase_diagram(moments_of(activation, parameters))
    assert found.edge == pytest.approx([edge] * len(found.edge), rel=1e-4)


@pytest.mark.parametrize(
    ("activation", "parameters", "variance"),
    [("gelu", {"approximate": "none"}, 2.35), ("silu", {"beta": 1.0}, 2.81), ("mish", {}, 2.21)],
)
def test_smooth_rectifiers_are_critical_where_an_audit_found_them(activation, parameters, variance):
    edge = phase_diagram(moments_of(activation, parameters)).edge[0]
    assert edge**2 == pytest.approx(variance, rel=5e-3)


def test_more_bias_needs_larger_weights_for_chaos():
    """Poole et al. 2016, figure 1, of tanh."""
    found = phase_diagram(moments_of("tanh", {}))
    assert found.edge[0] == pytest.approx(1, abs=0.02)
    assert list(found.edge) == sorted(found.edge)
    assert found.edge[-1] > 2


@pytest.mark.parametrize("activation", ["tanh", "elu", "hard_sigmoid"])
def test_its_values_are_those_of_the_fixed_points(activation):
    moments = moments_of(activation, {"alpha": 1.0} if activation == "elu" else {})
    found = phase_diagram(moments)
    for row in (4, 20):
        for column in (5, 17, 29):
            point = fixed_point(
                moments,
                found.weight_deviations[column] ** 2,
                bias_variance=found.bias_deviations[row] ** 2,
            )
            if point.length < 1e5:
                assert found.chi[row][column] == pytest.approx(point.chi, rel=0.02)


@pytest.mark.parametrize("text", ["exp(exp(x))", "x * exp(x)", "sin(x) / x", "0 * x", "1 / x"])
def test_a_formula_that_has_no_moments_among_the_numbers_has_a_diagram(text):
    """Overflows are cut off, holes count as zero, and a length of zero has no logarithm."""
    formula = choice("activation", {"name": "formula", "expression": text})
    found = phase_diagram(moments_of(formula.name, formula.parameters))
    assert all(math.isfinite(chi) for row in found.chi for chi in row)


def test_chaos_is_beyond_the_edge():
    found = phase_diagram(moments_of("tanh", {}))
    for row, edge in zip(found.chi, found.edge, strict=True):
        for sigma, chi in zip(found.weight_deviations, row, strict=True):
            assert (chi > 1) == (sigma > edge) or chi == pytest.approx(1, abs=0.02)
