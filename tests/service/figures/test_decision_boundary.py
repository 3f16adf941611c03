"""Decision boundaries, drawn from data alone."""

import re

import numpy as np
import pytest

from service.figures.plots.decision_boundary import Boundary, certainty, draw_decision_boundary
from tests.support.picture_reading import is_png, shapes, texts


def plane(classes, size=20, *, confidence=0.9):
    """The plane cut into stripes, and one sample of each class."""
    columns = np.arange(size) * classes // size
    predicted = np.tile(columns, (size, 1))
    return Boundary(
        extent=(-1.0, 1.0, -2.0, 2.0),
        size=size,
        predicted=predicted.ravel().tolist(),
        confidence=[confidence] * size * size,
        points=[[-0.9 + 0.3 * at, 0.0] for at in range(classes)],
        labels=list(range(classes)),
    )


@pytest.mark.parametrize(("classes", "lines"), [(1, 0), (2, 1), (5, 5)])
def test_a_line_is_drawn_where_the_prediction_changes(classes, lines):
    svg = draw_decision_boundary(plane(classes), title="circles", kind="svg")
    assert len(shapes(svg, "QuadContourSet")) == lines
    said = texts(svg)
    assert {"circles", "First feature", "Second feature"} <= set(said)
    assert [each for each in said if each.startswith("class")] == [
        f"class {at}" for at in range(classes)
    ]


def test_the_line_of_two_classes_lies_where_both_are_as_probable():
    size = 101
    shares = np.tile(np.linspace(0, 1, size), (size, 1))  # probability of class 1
    boundary = Boundary(
        (0.0, 1.0, 0.0, 1.0),
        size,
        (shares > 0.5).astype(int).ravel().tolist(),
        np.maximum(shares, 1 - shares).ravel().tolist(),
        [],
        [],
    )
    svg = draw_decision_boundary(boundary, title="x", kind="svg")
    (contour,) = shapes(svg, "QuadContourSet")
    (path,) = contour.iter("{http://www.w3.org/2000/svg}path")
    points = re.findall(r"[ML] ([\d.]+) [\d.]+", path.get("d"))
    assert len(points) > 50
    assert len({round(float(x)) for x in points}) == 1


def test_ten_classes_differ():
    svg = draw_decision_boundary(plane(10), title="x", kind="svg")
    colours = re.findall(r"<use [^>]*style=\"fill: (#[0-9a-f]{6})", svg.decode())
    assert len(set(colours)) >= 10


def test_certainty_grows_from_chance_to_one():
    assert certainty(np.array([[0.5, 0.75, 1.0]]), 2).tolist() == [[0.0, 0.5, 1.0]]
    assert certainty(np.array([[0.1, 1.0]]), 10).tolist() == [[0.0, 1.0]]


def test_all_formats_and_themes_are_deterministic():
    for theme in ("light", "dark"):
        for kind in ("svg", "png"):
            first, second = (
                draw_decision_boundary(plane(2), title="x", kind=kind, theme=theme)
                for _ in range(2)
            )
            assert first == second
    assert is_png(draw_decision_boundary(plane(3), title="x"))
