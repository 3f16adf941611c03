"""Titles and scales, whatever a reader asks for."""

import io
import re
import unicodedata

import matplotlib
import numpy as np
import pytest
from PIL import Image

from service.figures.plots import style
from service.figures.plots.gradient_flow import draw_gradient_flow
from service.figures.plots.learning_curves import Curve, Trace, draw_learning_curves
from service.figures.plots.style import house_style, log_scale, new_figure, wrapped
from service.figures.plots.tuning import TunedConfiguration, draw_tuning
from tests.support.picture_reading import is_png, shapes, texts

CURVES = [
    Curve(
        {"activation": "relu"},
        {"val_accuracy": Trace.over([[0.5, 0.9, 0.95]]), "val_loss": Trace.over([[0, 0.1, 0.01]])},
    )
]


def line(svg, number=0):
    """The heights of the points of a line; a picture's y grows downwards."""
    path = [
        element
        for group in shapes(svg, "line2d")
        for element in group.iter("{http://www.w3.org/2000/svg}path")
        if element.get("clip-path") and (element.get("d") or "").count("L") >= 2
    ][number]
    return [float(y) for _, y in re.findall(r"[ML] ([\d.]+) ([\d.]+)", path.get("d"))]


@pytest.mark.parametrize(
    "title",
    [
        r"$\\frac",
        r"\$ $x$ \\$",
        "a" * 500,
        "初始化" * 100,
        "two\nlines\tand \u202e \x1b[31m \ud800",
        "<svg onload='x'>&amp;",
        " ",
    ],
)
def test_any_title_is_drawn_as_it_is_written(title):
    for kind in ("svg", "png"):
        picture = draw_learning_curves(CURVES, title=title, kind=kind)
        if kind == "png":
            assert is_png(picture)
        else:
            said = "".join(texts(picture))
            beginning = "".join(char for char in title if char.isprintable()).strip()[:8]
            assert beginning.replace(" ", "") in said.replace(" ", "")


def ink_of(title):
    """The pixels of a PNG of a title, as brightness."""
    picture = draw_learning_curves(CURVES, title=title, kind="png")
    with Image.open(io.BytesIO(picture)) as image:
        return np.asarray(image.convert("L")), image.text


@pytest.fixture
def without_wide_fonts(monkeypatch):
    monkeypatch.setattr(style, "_wide_fonts", tuple)


def test_letters_that_no_font_has_are_boxes_and_the_picture_says_so(without_wide_fonts):
    one, comment = ink_of("初始化")
    other, _ = ink_of("激活函")
    assert (one == other).all()
    assert comment == {"Warning": style.MISSING_LETTERS}
    assert ink_of("initialization")[1] == {}
    svg = draw_learning_curves(CURVES, title="初始化", kind="svg")
    assert b"Warning" not in svg


def test_only_letters_that_are_drawn_here_get_the_font_of_this_machine(monkeypatch):
    monkeypatch.setattr(style, "_wide_fonts", lambda: ("Some Font",))
    with style.house_style("light", "png"):
        assert matplotlib.rcParams["font.family"] == ["DejaVu Sans", "Some Font"]
    with style.house_style("light", "svg"):
        assert matplotlib.rcParams["font.family"] == ["sans-serif"]


@pytest.mark.skipif(not style._wide_fonts(), reason="this machine has no font of wide letters")
def test_wide_letters_are_drawn_where_the_machine_has_their_font():
    one, comment = ink_of("初始化")
    other, _ = ink_of("激活函")
    assert (one != other).any()
    assert comment == {}


def test_wide_letters_count_twice_and_what_is_left_out_is_marked():
    def width(text):
        return sum(2 if unicodedata.east_asian_width(char) == "W" else 1 for char in text)

    lines = wrapped("初始化" * 30, 21)
    assert "".join(lines) == "初始化" * 30
    assert {width(text) for text in lines[:-1]} <= {20, 22}
    assert wrapped("one two three", 5, most=2) == ["one", "tw…"]
    assert wrapped("one two", 5, most=2) == ["one", "two"]


def test_a_scale_can_be_asked_for():
    chosen = draw_learning_curves(CURVES, title="x", kind="svg")
    assert {"Validation accuracy (logit scale)", "Validation loss (log scale)"} <= {*texts(chosen)}
    linear = draw_learning_curves(CURVES, title="x", y="linear", kind="svg")
    assert {"Validation accuracy", "Validation loss"} <= {*texts(linear)}
    first, second, third = line(linear)
    assert (first - second) / (first - third) == pytest.approx(0.4 / 0.45, abs=1e-3)
    logarithmic = draw_learning_curves(CURVES, title="x", y="log", kind="svg")
    assert "Validation accuracy (log scale)" in texts(logarithmic)
    assert any(text.endswith("%") for text in texts(logarithmic))
    first, second, third = line(logarithmic)
    expected = np.log(0.9 / 0.5) / np.log(0.95 / 0.5)
    assert (first - second) / (first - third) == pytest.approx(expected, abs=1e-3)


def test_what_has_no_logarithm_stays_linear():
    zeros = [Curve({"activation": "relu"}, {"val_accuracy": Trace.over([[0.0, 0.0]])})]
    svg = draw_learning_curves(zeros, title="x", metrics=["val_accuracy"], y="log", kind="svg")
    assert "Validation accuracy" in texts(svg)


def test_gradients_on_a_linear_scale_start_at_zero():
    by_layer = {"dense_1": [1e-6, 1.0, 0.5], "dense_2": [None, float("inf"), 1e200]}
    heights = line(draw_gradient_flow([0, 1, 2], by_layer, [], title="x", y="linear", kind="svg"))
    assert (heights[0] - heights[2]) / (heights[0] - heights[1]) == pytest.approx(0.5, abs=1e-3)
    logarithmic = line(draw_gradient_flow([0, 1, 2], by_layer, [], title="x", kind="svg"))
    assert (logarithmic[0] - logarithmic[2]) / (logarithmic[0] - logarithmic[1]) > 0.9


def test_the_tuned_number_on_a_linear_scale():
    curve = [TunedConfiguration("relu", [0.001, 0.01, 0.1], [0.5, 0.8, 0.9], None)]
    drawn = {
        x: draw_tuning(
            curve,
            metric="val_accuracy",
            tuned="optimizer.learning_rate",
            title="x",
            x=x,
            kind="svg",
        )
        for x in (None, "log", "linear")
    }
    assert drawn[None] == drawn["log"] != drawn["linear"]


def test_a_line_to_zero_leaves_a_logarithmic_picture_at_its_own_place():
    """And not straight down at the place before."""
    with house_style("light", "png"):
        axes = new_figure(4, 3).subplots()
        (drawn,) = axes.plot([1, 2, 3], [1.0, 100.0, 0.0])
        axes.set_ylim(0.5, 200.0)
        log_scale(axes)
        _, (_, before), (_, last) = axes.transData.transform(drawn.get_xydata())
        bottom = axes.bbox.y0
    assert last < bottom
    assert (before - bottom) / (before - last) > 0.8  # of the way to 3 it is in the picture
