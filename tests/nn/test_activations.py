"""Activations against formulas written independently, in float64."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.special import erf, expit

from workers.nn.activations import ACTIVATIONS

LAMBDA, ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
ROOT = math.sqrt(2 / math.pi)

GRID = np.unique(
    np.concatenate(
        [
            np.linspace(-12, 12, 961),
            [sign * 10.0**power for sign in (-1, 1) for power in range(-38, 7)],
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


# name, parameters, value, derivative (at a kink: the left one, which is what training uses)
CASES = [
    ("sigmoid", {}, expit, lambda x: expit(x) * expit(-x)),
    ("tanh", {}, np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    ("relu", {}, lambda x: np.maximum(x, 0), lambda x: (x > 0) * 1.0),
    *(
        (
            "leaky_relu",
            {"negative_slope": slope},
            lambda x, slope=slope: np.where(x > 0, x, slope * x),
            lambda x, slope=slope: np.where(x > 0, 1, slope),
        )
        for slope in (0.0, 0.01, 0.2)
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
]
IDS = ["-".join([name, *map(str, parameters.values())]) for name, parameters, *_ in CASES]


def test_every_activation_has_a_reference():
    assert {name for name, *_ in CASES} == set(ACTIVATIONS)


@pytest.mark.parametrize(("name", "parameters", "value", "derivative"), CASES, ids=IDS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-6)])
def test_values_and_derivatives(name, parameters, value, derivative, dtype, tolerance):
    x = torch.tensor(POINTS, dtype=dtype, requires_grad=True)
    y = ACTIVATIONS[name](**parameters)(x)
    (slope,) = torch.autograd.grad(y.sum(), x)
    exact = x.detach().double().numpy()
    np.testing.assert_allclose(y.detach().numpy(), value(exact), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(slope.numpy(), derivative(exact), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("name", "parameters", "value", "derivative"), CASES[1:], ids=IDS[1:])
def test_tiny_inputs_keep_their_relative_precision(name, parameters, value, derivative):
    """All but sigmoid, the first, which is 1/2 at zero."""
    tiny = 10.0 ** np.arange(-30, -8)
    x = torch.tensor(np.concatenate([-tiny, tiny]), dtype=torch.float32)
    y = ACTIVATIONS[name](**parameters)(x)
    np.testing.assert_allclose(y.numpy(), value(x.double().numpy()), rtol=1e-6, atol=0)


@pytest.mark.parametrize(("name", "parameters", "value", "derivative"), CASES, ids=IDS)
def test_monotone_is_told_truly(name, parameters, value, derivative):
    falls = (np.diff(value(GRID)) < 0).any()
    assert ACTIVATIONS[name](**parameters).monotone == (not falls)


def test_parameters_that_turn_a_function_round_are_not_monotone():
    assert not ACTIVATIONS["leaky_relu"](negative_slope=-0.1).monotone
    assert not ACTIVATIONS["elu"](alpha=-1.0).monotone


def test_selu_has_mean_zero_and_variance_one_as_its_fixed_point():
    selu = ACTIVATIONS["selu"]()

    def moment(power):
        def integrand(x):
            return selu(torch.tensor(x, dtype=torch.float64)).item() ** power * density(x)

        return quad(integrand, -40, 0)[0] + quad(integrand, 0, 40)[0]

    assert moment(1) == pytest.approx(0, abs=1e-8)
    assert moment(2) == pytest.approx(1, abs=1e-8)
