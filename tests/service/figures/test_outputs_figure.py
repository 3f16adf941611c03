"""Outputs by class, drawn from data alone."""

import math

import pytest

from service.figures.plots.outputs import MOST_CLASSES, DrawnClass, draw_outputs
from tests.support.picture_reading import is_png, shapes, texts

EDGES = {"probability_edges": [0.0, 0.5, 1.0], "loss_edges": [1e-7, 1e-3, 1.0, 100.0]}


def of_class(label, probabilities=(1, 4), losses=(2, 2, 1)):
    return DrawnClass(label, sum(probabilities), 0, 4, probabilities, losses)


def heights(svg):
    """The height of each filled histogram, in points."""
    found = []
    for group in shapes(svg, "patch"):
        for path in group.iter("{http://www.w3.org/2000/svg}path"):
            if "opacity: 0.55" in (path.get("style") or ""):
                numbers = [float(word) for word in path.get("d").split() if word not in "MLzC"]
                found.append(max(numbers[1::2]) - min(numbers[1::2]))
    return found


@pytest.mark.parametrize("classes", [1, 2, 10])
def test_every_class_has_two_histograms(classes):
    svg = draw_outputs([of_class(at) for at in range(classes)], title="x", kind="svg", **EDGES)
    assert len(heights(svg)) == 2 * classes
    assert [text for text in texts(svg) if text.startswith("class ")] == [
        f"class {at}" for at in range(classes)
    ]
    assert any("50%" in text and "wrongly" in text for text in texts(svg)) == (classes == 2)


def test_all_classes_have_the_same_scale():
    flat, steep = of_class(0, (5, 5)), of_class(1, (1, 9))
    low, _, high, _ = heights(draw_outputs([flat, steep], title="x", kind="svg", **EDGES))
    assert low / high == pytest.approx(5 / 9, abs=0.01)
    low, _, high, _ = heights(draw_outputs([flat, steep], title="x", kind="svg", y="log", **EDGES))
    # The axis begins at half of the smallest share, 5%.
    assert low / high == pytest.approx(math.log(10) / math.log(18), abs=0.01)


def test_more_classes_than_fit_are_counted():
    svg = draw_outputs([of_class(at) for at in range(100)], title="x", kind="svg", **EDGES)
    assert len(heights(svg)) == 2 * MOST_CLASSES
    assert any("88 more classes" in " ".join(text.split()) for text in texts(svg))


def test_a_network_whose_outputs_are_not_finite_can_be_drawn():
    spoilt = DrawnClass(0, 5, 5, 0, [0, 0], [0, 0, 0])
    for y in (None, "log"):
        assert is_png(draw_outputs([spoilt], title="x", y=y, theme="dark", **EDGES))
    svg = draw_outputs([spoilt], title="x", kind="svg", **EDGES)
    assert "5 samples, 0.0% right, 5 not finite" in texts(svg)
