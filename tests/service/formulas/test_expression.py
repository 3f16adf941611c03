"""Formulas as functions: values, slopes, kinks, the scale of auto, and what makes no sense."""

import math

import numpy as np
import pytest
from scipy.integrate import quad

from service.formulas.expression import Constants, Expression, Formula, problems


def formula(text: str, **constants: float) -> Formula:
    return Expression(text).with_constants(constants)


def at(text: str, *points: float, **constants: float) -> list[float]:
    values, _ = formula(text, **constants).sampled(np.array(points))
    return values.tolist()


def test_operators_bind_as_in_python() -> None:
    for text in (
        "1 - x - 2",
        "-x**2",
        "2 * x / 4 * 3",
        "2**-x",
        "x**2**0.5",
        "8 / x / 2",
        "-x * -3",
    ):
        expected = [eval(text, {"x": x}) for x in (0.5, 3.0)]
        assert at(text, 0.5, 3.0) == pytest.approx(expected, rel=1e-15), text


def test_parameters_and_pi_have_values() -> None:
    assert at("a * x + pi", 2.0, a=3.0) == [6 + math.pi]
    assert at("sqrt(a) * x", 1.0, a=4.0) == [2.0]
    assert at("where(a < b, x, -x)", 1.0, a=2.0, b=1.0) == [-1.0]
    assert at("clip(a, 0, b) * x", 1.0, a=9.0, b=2.0) == [2.0]


def test_nan_is_not_hidden_by_a_choice() -> None:
    """A network that has diverged must not look alive again behind a rectifier."""
    for text in (
        "relu(x)",
        "maximum(x, 0)",
        "minimum(1, x)",
        "clip(x, 0, 1)",
        "where(x > 0, x, 0)",
        "where(x < 0, 0, x)",
    ):
        assert math.isnan(at(text, math.nan)[0]), text


@pytest.mark.parametrize(
    ("text", "kinks"),
    [
        ("relu(x)", (0.0,)),
        ("clip(x + 3, 0, 6) / 6", (-3.0, 3.0)),
        ("abs(x - 1.25)", (1.25,)),
        ("where(x**2 > 4, x, 0)", (-2.0, 2.0)),
        ("maximum(x / 1000, 1)", (1000.0,)),
        ("x * sigmoid(x)", ()),
    ],
)
def test_kinks_are_found_where_a_choice_changes(text: str, kinks: tuple[float, ...]) -> None:
    assert formula(text).kinks == pytest.approx(kinks, abs=1e-9)


def test_endless_kinks_are_cut_off_around_zero() -> None:
    found = formula("abs(sin(x))").kinks
    assert len(found) == 64
    assert found[31:34] == pytest.approx([-math.pi, 0, math.pi], abs=1e-9) or 0 in found


@pytest.mark.parametrize(
    "text", ["x * sigmoid(1.702 * x)", "tanh(x)", "where(x > 1, x, 0.5 * sin(x))", "exp(x)"]
)
def test_auto_keeps_the_mean_square_of_normal_values(text: str) -> None:
    def integrand(z: float) -> float:
        return float(at(text, z)[0] ** 2 * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi))

    square = sum(quad(integrand, *ends)[0] for ends in ((-12, 0), (0, 1), (1, 12)))
    assert formula(text).scale == pytest.approx(1 / square, rel=1e-7)


def test_auto_is_exact_for_a_rectifier_and_one_where_there_is_no_mean_square() -> None:
    assert formula("relu(x)").scale == pytest.approx(2, rel=1e-14)
    assert formula("exp(x**2)").scale == 1.0
    assert formula("0 * x").scale == 1.0


@pytest.mark.parametrize(
    ("text", "constants", "path", "said"),
    [
        ("1", {}, ("expression",), "does not contain x"),
        ("b", {"b": 1.0}, ("expression",), "does not contain x"),
        ("x * c", {"b": 1.0}, ("expression",), "At character 5: 'c' is not a known name"),
        ("x", {"b": 1.0}, ("parameters", "b"), "does not use the parameter 'b'"),
        ("x", {"x": 1.0}, ("parameters", "x"), "cannot be the name of a parameter"),
        ("x", {"exp": 1.0}, ("parameters", "exp"), "cannot be the name of a parameter"),
        ("x * name", {"name": 1.0}, ("parameters", "name"), "cannot be the name of a parameter"),
        ("x", {"b\n": 1.0}, ("parameters", "b\n"), "cannot be the name of a parameter"),
        ("log(x)", {}, ("expression",), "no value at x = -0.25"),
        ("x**0.5", {}, ("expression",), "no value at x = -0.25"),
        ("x * log(b)", {"b": -1.0}, ("expression",), "no value at x ="),
    ],
)
def test_a_formula_that_makes_no_sense_is_told(
    text: str, constants: dict[str, float], path: tuple[str, ...], said: str
) -> None:
    found = problems(Expression(text), Constants(constants))
    assert path in [place for place, _ in found]
    assert said in dict(found)[path]


def test_a_hole_at_zero_and_overflows_are_allowed() -> None:
    for text in ("sin(x) / x", "exp(exp(x))", "where(x > 0, log1p(x), x)"):
        assert problems(Expression(text), Constants()) == (), text
