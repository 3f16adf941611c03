"""Activation curves: the samples are the functions', and the pictures show them."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from docs.generate.activation_curves import sample, sampled_text
from service.catalog.axes import AXES
from service.figures.plots.activation_curve import SAMPLES, draw_activation_curve, sampled_curves

CURVES = sampled_curves()
DRAWN = [each.name for each in AXES["activation"].values() if not each.symbolic]

every_activation = pytest.mark.parametrize("name", DRAWN)


def test_every_activation_is_sampled_and_nothing_else():
    assert list(CURVES) == DRAWN, "Run `make catalog`."


@every_activation
def test_the_file_holds_what_the_function_gives_now(name):
    curve, now = CURVES[name], sample(name)
    assert (curve.parameters, curve.slopes) == (now["parameters"], now["slopes"])
    # A unit of the last decimal: machines differ in the last bits of a float64.
    np.testing.assert_allclose(curve.values, now["values"], rtol=0, atol=1.5e-6)
    np.testing.assert_allclose(curve.derivatives, now["derivatives"], rtol=0, atol=1.5e-6)


def test_the_generator_writes_what_is_read():
    written = json.loads(sampled_text())
    stored = json.loads(SAMPLES.read_text())
    assert written["x"] == stored["x"]
    assert written["curves"].keys() == stored["curves"].keys()


@every_activation
def test_the_derivative_is_the_slope_of_the_values(name):
    """The area under the derivative up to any point is how far the function has risen."""
    curve = CURVES[name]
    x, values, slopes = (np.array(each) for each in (curve.x, curve.values, curve.derivatives))
    area = np.cumsum((slopes[1:] + slopes[:-1]) / 2 * np.diff(x))
    np.testing.assert_allclose(area, values[1:] - values[0], rtol=0, atol=2e-3)


def _selu(x):
    return 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))


FORMULAS = {
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "leaky_relu": lambda x: np.maximum(x, 0.01 * x),
    "prelu": lambda x: np.maximum(x, 0.25 * x),
    "elu": lambda x: np.where(x > 0, x, np.expm1(x)),
    "selu": _selu,
    "gelu": lambda x: x * norm.cdf(x),
    "mish": lambda x: x * np.tanh(np.log1p(np.exp(x))),
    "relu6": lambda x: np.clip(x, 0, 6),
    "maxout": np.abs,
}


@pytest.mark.parametrize("name", FORMULAS)
def test_the_samples_are_those_of_the_formula(name):
    curve = CURVES[name]
    expected = FORMULAS[name](np.array(curve.x))
    np.testing.assert_allclose(curve.values, expected, rtol=0, atol=1e-6)


def test_samples_reach_beyond_the_last_kink_and_sit_on_none():
    x = np.array(CURVES["relu6"].x)
    assert x[0] < -6
    assert x[-1] > 6
    assert not np.isin(x, np.arange(-6, 7)).any()
    assert set(np.unique(CURVES["relu6"].derivatives)) == {0.0, 1.0}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_picture_names_the_activation_and_dashes_the_derivative(theme):
    drawn = draw_activation_curve(CURVES["leaky_relu"], kind="svg", theme=theme).decode()
    for text in ("leaky_relu(negative_slope=0.01)", "f(x)", "f\N{PRIME}(x), the derivative"):
        assert f">{text}<" in drawn, text
    lines = re.findall(r'<path d="([^"]+)" clip-path="[^"]+" style="([^"]+)"', drawn)
    curves = [style for path, style in lines if "stroke-width: 2.2" in style]
    assert ["stroke-dasharray" in style for style in curves] == [False, True]


def test_what_a_unit_reads_is_told_where_it_is_not_x():
    assert b"The z-values of the unit are -x, x." in draw_activation_curve(
        CURVES["maxout"], kind="svg"
    )
    assert b"z-values" not in draw_activation_curve(CURVES["relu"], kind="svg")


def test_the_same_curve_gives_the_same_bytes_and_another_gives_others():
    relu = CURVES["relu"]
    for kind in ("svg", "png"):
        pictures = {
            draw_activation_curve(relu, kind=kind),
            draw_activation_curve(relu, kind=kind),
            draw_activation_curve(relu, kind=kind, theme="dark"),
            draw_activation_curve(replace(relu, values=CURVES["elu"].values), kind=kind),
            draw_activation_curve(replace(relu, derivatives=CURVES["elu"].derivatives), kind=kind),
        }
        assert len(pictures) == 4
