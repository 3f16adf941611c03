"""Formulas against the entries they imitate, and their slopes against torch's own."""

import pytest
import torch

from service.formulas.expression import Expression
from service.formulas.nodes import FUNCTIONS
from workers.nn.activations import ACTIVATIONS
from workers.nn.formulas import formula_function

IMITATED = [
    ("identity", {}, "x"),
    ("sigmoid", {}, "sigmoid(x)"),
    ("tanh", {}, "tanh(x)"),
    ("tanh", {}, "2 * sigmoid(2 * x) - 1"),
    ("relu", {}, "relu(x)"),
    ("relu", {}, "maximum(x, 0)"),
    ("relu", {}, "where(x > 0, x, 0)"),
    ("leaky_relu", {"negative_slope": 0.2}, "where(x > 0, x, 0.2 * x)"),
    ("elu", {"alpha": 1.0}, "where(x > 0, x, exp(x) - 1)"),
    ("elu", {"alpha": 2.0}, "where(x > 0, x, 2 * expm1(x))"),
    ("selu", {}, "1.0507009873554805 * where(x > 0, x, 1.6732632423543772 * expm1(x))"),
    ("gelu", {"approximate": "none"}, "x * (1 + erf(x / sqrt(2))) / 2"),
    (
        "gelu",
        {"approximate": "tanh"},
        "x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x**3)))",
    ),
    ("silu", {"beta": 1.0}, "x * sigmoid(x)"),
    ("silu", {"beta": 2.5}, "x * sigmoid(2.5 * x)"),
    ("mish", {}, "x * tanh(softplus(x))"),
    ("softplus", {}, "softplus(x)"),
    ("softsign", {}, "x / (1 + abs(x))"),
    ("hard_sigmoid", {}, "clip(x + 3, 0, 6) / 6"),
    ("hard_tanh", {}, "clip(x, -1, 1)"),
    ("relu6", {}, "minimum(relu(x), 6)"),
    ("celu", {"alpha": 2.0}, "maximum(0, x) + minimum(0, 2 * expm1(x / 2))"),
    ("hard_swish", {}, "x * clip(x + 3, 0, 6) / 6"),
    ("squared_relu", {}, "relu(x)**2"),
]

#: Functions that have a value on one side only.
SIDED = {"log", "log1p", "sqrt"}

#: Each function and operator in an expression that has a value on both sides of zero.
USED = [
    *(f"{name}(0.7 * x)" for name, count in FUNCTIONS.items() if count == 1 and name not in SIDED),
    "log(1 + x * x)",
    "log1p(x**2)",
    "sqrt(1 + x**2)",
    "minimum(x, sin(x))",
    "maximum(2 * x, cos(x))",
    "clip(sin(3 * x), -x, x + 1)",
    "where(sin(x) <= 0.3, x**3, cosh(x))",
    "(1 + x**2)**sin(x)",
    "2**x",
    "1 / (1 + x**2) - x / 3",
    "-x**2 + (-x)**3",
]


def evaluated(function, x):
    leaf = x.clone().requires_grad_()
    value = function(leaf)
    (slope,) = torch.autograd.grad(value.sum(), leaf)
    return value.detach(), slope


def formula(text, **parameters):
    return formula_function(Expression(text), parameters)


@pytest.mark.parametrize(("name", "parameters", "text"), IMITATED)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_formula_agrees_with_the_entry_it_imitates(name, parameters, text, dtype):
    # Even where the branch that is not chosen overflows: exp(x) does from 89 on.
    x = torch.cat([torch.linspace(-130, 130, 5201), torch.linspace(-4, 4, 1601)]).to(dtype)
    x = x[(x * 4).frac() != 0]  # beside the kinks, where either side's slope is right
    expected = evaluated(ACTIVATIONS[name](**parameters)(1), x)
    for found, right in zip(evaluated(formula(text), x), expected, strict=True):
        assert found.dtype == dtype
        torch.testing.assert_close(found, right, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("text", USED)
def test_slopes_are_those_of_torchs_autograd(text):
    def by_autograd(x):
        words = {
            name: getattr(torch, name)
            for name in FUNCTIONS
            if hasattr(torch, name) and name not in {"clip", "where"}
        }
        words |= {
            "x": x,
            "softplus": torch.nn.functional.softplus,
            "clip": lambda a, low, high: torch.minimum(torch.maximum(a, low), high),
            "where": torch.where,
            "sqrt": torch.sqrt,
        }
        text_of_torch = text.replace("2**x", "torch.pow(2.0, x)").replace(
            "-x, x + 1", "-x, x + 1.0"
        )
        return eval(text_of_torch, {"torch": torch, **words})

    x = torch.linspace(-3, 3, 997, dtype=torch.float64) + 1e-4
    for found, right in zip(evaluated(formula(text), x), evaluated(by_autograd, x), strict=True):
        torch.testing.assert_close(found, right, rtol=1e-11, atol=1e-11)


def test_equal_arguments_of_a_maximum_share_the_slope():
    _, slope = evaluated(formula("maximum(3 * x, x)"), torch.zeros(1))
    assert slope.item() == 2


def test_a_value_without_gradients_is_the_same_to_the_last_bit():
    x = torch.randn(1000, generator=torch.Generator().manual_seed(3))
    for text in USED:
        function = formula(text)
        differentiated, _ = evaluated(function, x)
        with torch.no_grad():
            assert torch.equal(function(x), differentiated), text


def test_a_formula_without_x_left_has_one_value_and_no_slope():
    value, slope = evaluated(formula("where(a > 1, x, a)", a=0.5), torch.ones(2, 3))
    assert torch.equal(value, torch.full((2, 3), 0.5))
    assert torch.equal(slope, torch.zeros(2, 3))
