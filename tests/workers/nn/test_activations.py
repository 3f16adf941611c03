"""Activations against formulas written independently, in float64."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.integrate import quad
from scipy.special import erf, expit

from service.formulas.expression import Expression
from workers.nn.activations import ACTIVATIONS

LAMBDA, ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
ROOT = math.sqrt(2 / math.pi)

# From the least float32 (a subnormal) to nearly the largest.
GRID = np.unique(
    np.concatenate(
        [
            np.linspace(-48, 48, 1921),
            [sign * 10.0**power for sign in (-1, 1) for power in range(-45, 39)],
        ]
    )
)
POINTS = np.concatenate([[-0.0, 0.0], GRID[GRID != 0]])


def density(x):
    return np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def gelu_tanh(x):
    return x / 2 * (1 + np.tanh(ROOT * (x + 0.044715 * x**3)))


def gelu_tanh_derivative(x):
    inner = np.tanh(ROOT * (x + 0.044715 * x**3))
    return (1 + inner) / 2 + x / 2 * (1 - inner**2) * ROOT * (1 + 3 * 0.044715 * x**2)


def exponential(x, alpha):
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def exponential_derivative(x, alpha):
    return np.where(x > 0, 1, alpha * np.exp(np.minimum(x, 0)))


def softplus(x):
    return np.logaddexp(0, x)


def mish_derivative(x):
    inner = np.tanh(softplus(x))
    return inner + x * (1 - inner**2) * expit(x)


def between(low, high, height=1.0):
    return lambda x: ((x > low) & (x < high)) * height


# name, parameters, value, derivative (at a kink: the left one, which is what training uses; at
# the upper bound of those that have one: 0)
CASES = [
    ("identity", {}, lambda x: x, np.ones_like),
    ("sigmoid", {}, expit, lambda x: expit(x) * expit(-x)),
    ("tanh", {}, np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    ("relu", {}, lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
    *(
        (
            name,
            {parameter: slope},
            lambda x, slope=slope: np.where(x > 0, x, slope * x),
            lambda x, slope=slope: np.where(x > 0, 1, slope),
        )
        for name, parameter in (("leaky_relu", "negative_slope"), ("prelu", "initial_slope"))
        for slope in (0.0, 0.125, 0.25)
    ),
    *(
        (
            "elu",
            {"alpha": alpha},
            lambda x, alpha=alpha: exponential(x, alpha),
            lambda x, alpha=alpha: exponential_derivative(x, alpha),
        )
        for alpha in (0.0, 0.5, 1.0, 2.0)
    ),
    (
        "selu",
        {},
        lambda x: LAMBDA * exponential(x, ALPHA),
        lambda x: LAMBDA * exponential_derivative(x, ALPHA),
    ),
    (
        "gelu",
        {"approximate": "none"},
        lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
        lambda x: (1 + erf(x / math.sqrt(2))) / 2 + x * density(x),
    ),
    ("gelu", {"approximate": "tanh"}, gelu_tanh, gelu_tanh_derivative),
    *(
        (
            "silu",
            {"beta": beta},
            lambda x, beta=beta: x * expit(beta * x),
            lambda x, beta=beta: expit(beta * x) * (1 + beta * x * expit(-beta * x)),
        )
        for beta in (0.0, 0.5, 1.0)
    ),
    ("mish", {}, lambda x: x * np.tanh(softplus(x)), mish_derivative),
    ("softplus", {}, softplus, expit),
    ("softsign", {}, lambda x: x / (1 + abs(x)), lambda x: 1 / (1 + abs(x)) ** 2),
    ("hard_sigmoid", {}, lambda x: np.clip(x / 6 + 0.5, 0, 1), between(-3, 3, 1 / 6)),
    ("hard_tanh", {}, lambda x: np.clip(x, -1, 1), between(-1, 1)),
    ("relu6", {}, lambda x: np.clip(x, 0, 6), between(0, 6)),
    *(
        (
            "celu",
            {"alpha": alpha},
            lambda x, alpha=alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha)),
            lambda x, alpha=alpha: np.where(x > 0, 1, np.exp(np.minimum(x, 0) / alpha)),
        )
        for alpha in (0.5, 1.0, 2.0)
    ),
    (
        "hard_swish",
        {},
        lambda x: x * np.clip(x + 3, 0, 6) / 6,
        lambda x: np.where(x <= -3, 0, np.where(x >= 3, 1, x / 3 + 0.5)),
    ),
    ("squared_relu", {}, lambda x: np.maximum(x, 0) ** 2, lambda x: 2 * np.maximum(x, 0)),
    (
        "formula",
        {"expression": Expression("x * sigmoid(1.702 * x)"), "parameters": {}},
        lambda x: x * expit(1.702 * x),
        lambda x: expit(1.702 * x) * (1 + 1.702 * x * expit(-1.702 * x)),
    ),
]
#: Gated activations: the function of a unit's second z-value that its first is multiplied by.
GATES = {
    "glu": expit,
    "swiglu": lambda x: x * expit(x),
    "geglu": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
}
IDS = ["-".join([name, *map(str, parameters.values())]) for name, parameters, *_ in CASES]
THROUGH_ZERO = [case for case in CASES if case[2](np.zeros(1)) == 0]


def activation(name, units=1, **parameters):
    return ACTIVATIONS[name](**parameters)(units)


def test_every_activation_has_a_reference():
    assert {name for name, *_ in CASES} | {"maxout", *GATES} == set(ACTIVATIONS)


@pytest.mark.parametrize(("name", "parameters", "value", "derivative"), CASES, ids=IDS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_values_and_derivatives(name, parameters, value, derivative, dtype, tolerance):
    x = torch.tensor(POINTS, dtype=dtype, requires_grad=True)
    y = activation(name, **parameters).to(dtype)(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    exact = x.detach().double().numpy()
    expected = value(exact).astype(y.detach().numpy().dtype)  # float32 overflows earlier
    np.testing.assert_allclose(y.detach().numpy(), expected, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(slope.numpy(), derivative(exact), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("name", "parameters", "value", "derivative"), THROUGH_ZERO)
def test_tiny_inputs_keep_their_relative_precision(name, parameters, value, derivative):
    tiny = 10.0 ** np.arange(-30, -8)
    x = torch.tensor(np.concatenate([-tiny, tiny]), dtype=torch.float32)
    y = activation(name, **parameters)(x)
    expected = value(x.double().numpy()).astype(np.float32)
    np.testing.assert_allclose(y.detach().numpy(), expected, rtol=1e-6, atol=0)


@pytest.mark.parametrize(("name", "parameters", "value", "derivative"), CASES, ids=IDS)
def test_monotone_is_told_truly(name, parameters, value, derivative):
    falls = (np.diff(value(GRID)) < -1e-12).any()
    learnt = list(activation(name, **parameters).parameters())
    assert activation(name, **parameters).monotone == (not falls and not learnt)
    assert activation(name, **parameters).pieces == 1


def test_parameters_that_turn_a_function_round_are_not_monotone():
    assert not activation("leaky_relu", negative_slope=-0.1).monotone
    assert not activation("elu", alpha=-1.0).monotone


def test_selu_has_mean_zero_and_variance_one_as_its_fixed_point():
    selu = activation("selu")

    def moment(power):
        def integrand(x):
            return selu(torch.tensor(x, dtype=torch.float64)).item() ** power * density(x)

        return quad(integrand, -40, 0)[0] + quad(integrand, 0, 40)[0]

    assert moment(1) == pytest.approx(0, abs=1e-8)
    assert moment(2) == pytest.approx(1, abs=1e-8)


@pytest.mark.parametrize("shape", [(7, 4), (7, 4, 5, 3)])
def test_prelu_learns_one_slope_for_each_unit_or_channel(shape):
    prelu = activation("prelu", 4, initial_slope=0.25)
    assert {name: tensor.tolist() for name, tensor in prelu.state_dict().items()} == {
        "slope": [0.25] * 4
    }
    slopes = torch.tensor([0.1, -0.5, 2.0, 0.0])
    prelu.load_state_dict({"slope": slopes})
    generator = torch.Generator().manual_seed(0)
    x, upstream = (torch.randn(shape, generator=generator) for _ in range(2))
    y = prelu(x)
    own = slopes.view(1, 4, *[1] * (len(shape) - 2))
    torch.testing.assert_close(y, x.clamp(min=0) + own * x.clamp(max=0))
    (gradient,) = torch.autograd.grad(y, prelu.slope, upstream)
    others = [0, *range(2, len(shape))]
    torch.testing.assert_close(gradient, (upstream * x.clamp(max=0)).sum(others))


@pytest.mark.parametrize("pieces", [2, 3, 8])
@pytest.mark.parametrize(
    ("spatial", "memory_format"),
    [
        ((), torch.contiguous_format),
        ((6, 5), torch.contiguous_format),
        ((6, 5), torch.channels_last),
    ],
)
def test_maxout_is_the_first_largest_of_a_units_pieces(pieces, spatial, memory_format):
    units = 4
    maxout = activation("maxout", units, pieces=pieces)
    assert maxout.pieces == pieces
    random = np.random.default_rng(pieces)
    z = random.integers(-3, 4, (10, units * pieces, *spatial)).astype(np.float32)
    x = torch.from_numpy(z).contiguous(memory_format=memory_format).requires_grad_()
    y = maxout(x)
    seen = z.reshape(10, units, pieces, *spatial)
    np.testing.assert_array_equal(y.detach().numpy(), seen.max(2))
    upstream = random.standard_normal(y.shape).astype(np.float32)
    (gradient,) = torch.autograd.grad(y, x, torch.from_numpy(upstream))
    expected = np.zeros_like(seen)
    np.put_along_axis(expected, seen.argmax(2)[:, :, None], upstream[:, :, None], 2)
    np.testing.assert_array_equal(gradient.numpy().reshape(seen.shape), expected)
    if memory_format == torch.channels_last:
        assert y.is_contiguous(memory_format=memory_format)


def test_maxout_commutes_with_pooling_in_value_but_not_in_the_gradient_of_ties():
    """Two pieces that are equal at different places: why it is not marked as monotone."""
    maxout = activation("maxout", 1, pieces=2)
    z = torch.tensor([[[[0.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]]]], requires_grad=True)
    last, first = (maxout(F.max_pool2d(z, 2)), F.max_pool2d(maxout(z), 2))
    assert torch.equal(last, first)
    gradients = [torch.autograd.grad(output.sum(), z)[0] for output in (last, first)]
    assert not torch.equal(*gradients)
    assert not maxout.monotone


@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize(
    ("spatial", "memory_format"),
    [
        ((), torch.contiguous_format),
        ((6, 5), torch.contiguous_format),
        ((6, 5), torch.channels_last),
    ],
)
def test_a_gated_unit_multiplies_its_first_z_value_by_the_gate_of_its_second(
    name, spatial, memory_format
):
    gated = activation(name, 4)
    assert (gated.pieces, gated.monotone) == (2, False)
    z = np.random.default_rng(3).standard_normal((10, 8, *spatial))
    x = torch.from_numpy(z).contiguous(memory_format=memory_format).requires_grad_()
    first, second = z[:, 0::2], z[:, 1::2]
    y = gated(x)
    np.testing.assert_allclose(y.detach().numpy(), first * GATES[name](second), rtol=1e-12)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    np.testing.assert_allclose(gradient[:, 0::2].numpy(), GATES[name](second), rtol=1e-12)
    step = 1e-6
    slope = (GATES[name](second + step) - GATES[name](second - step)) / (2 * step)
    np.testing.assert_allclose(gradient[:, 1::2].numpy(), first * slope, rtol=1e-6, atol=1e-8)
    if spatial and memory_format == torch.channels_last:
        assert y.is_contiguous(memory_format=memory_format)
