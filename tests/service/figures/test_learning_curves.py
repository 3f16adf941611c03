"""Learning curves, drawn from data alone."""

import math
from itertools import product

import numpy as np
import pytest

from service.figures.plots.arrangement import MOST_LINES, arrange
from service.figures.plots.learning_curves import Curve, Trace, draw_learning_curves
from tests.support.picture_reading import is_png, shapes, texts


def curve(label, accuracies, losses, **counts):
    traces = {"val_accuracy": Trace.over(accuracies), "val_loss": Trace.over(losses)}
    return Curve({"activation": label}, traces, **counts)


CURVES = [
    curve("relu", [[0.9, 0.95], [0.92, 0.96]], [[0.3, 0.2], [0.25, 0.15]], runs=2),
    curve("leaky_relu(negative_slope=0.2)", [[0.91, 0.97]], [[0.28, 0.1]]),
]


def many(*axes, epochs=3):
    """A curve for each combination of axes' values."""
    return [
        Curve(
            dict(zip(("activation", "initializer", "clipping"), point, strict=False)),
            {
                "val_accuracy": Trace.over([[0.5 + 0.4 * at / 100] * epochs]),
                "val_loss": Trace.over([[1.0 + at] * epochs]),
            },
        )
        for at, point in enumerate(product(*axes))
    ]


def test_a_trace_is_the_mean_and_one_sample_deviation_to_either_side():
    runs = np.random.default_rng(1).normal(size=(5, 7))
    trace = Trace.over(runs.tolist())
    mean, deviation = runs.mean(0), runs.std(0, ddof=1)
    assert list(trace.epochs) == [1, 2, 3, 4, 5, 6, 7]
    np.testing.assert_allclose(trace.mean, mean)
    np.testing.assert_allclose(trace.low, mean - deviation)
    np.testing.assert_allclose(trace.high, mean + deviation)


def test_a_trace_leaves_out_what_is_not_finite():
    trace = Trace.over([[1.0, math.nan, math.nan], [3.0, 5.0, math.inf], [8.0]])
    assert trace.mean[:2] == [4.0, 5.0]
    assert math.isnan(trace.mean[2])
    assert (trace.low[1], trace.high[1]) == (5.0, 5.0)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_picture_says_what_it_shows(theme):
    said = texts(draw_learning_curves(CURVES, title="Two activations", kind="svg", theme=theme))
    assert {"Two activations", "relu", "leaky_relu(negative_slope=0.2)", "Epoch"} <= set(said)
    assert {"Validation accuracy (logit scale)", "Validation loss (log scale)"} <= set(said)
    assert "Line: mean over seeds; band: one standard deviation to either side." in said


def test_a_band_is_drawn_where_there_are_several_seeds_and_there_alone():
    drawn = draw_learning_curves(CURVES, title="x", kind="svg")
    assert len(shapes(drawn, "FillBetweenPolyCollection")) == 2  # relu's, in each panel
    alone = draw_learning_curves(CURVES[1:], title="x", kind="svg")
    assert not shapes(alone, "FillBetweenPolyCollection")
    assert not any("band" in text for text in texts(alone))


def test_a_band_ends_where_the_metric_does():
    wide, possible = (
        [Curve({"activation": "relu"}, {"val_accuracy": Trace([1, 2], [0.5, 0.8], *edges)})]
        for edges in (([-0.1, 0.5], [1.1, 1.2]), ([0.0, 0.5], [1.0, 1.0]))
    )
    pictures = [draw_learning_curves(each, title="x", kind="svg") for each in (wide, possible)]
    assert pictures[0] == pictures[1]


def test_epochs_are_whole_and_shares_in_percent():
    said = texts(draw_learning_curves(many(["relu"], epochs=2), title="x", kind="svg"))
    assert {"1", "2"} <= set(said)
    assert "1.5" not in said
    assert any(each.endswith("%") for each in said)
    assert "1" in said
    assert {"0.95", "1.05"} <= set(said)  # of the loss, 1.0 in every epoch


def test_diverged_runs_are_named():
    shown = curve("elu", [[0.5]], [[1.0]], runs=5, diverged=2)
    assert any(
        "elu (2 of 5)" in text
        for text in texts(draw_learning_curves([shown], title="x", kind="svg"))
    )


def test_a_line_of_several_runs_with_a_seed_says_so():
    def said(*counts):
        curves = [curve("a", [[0.5]], [[1.0]], runs=runs, seeds=seeds) for runs, seeds in counts]
        return " ".join(texts(draw_learning_curves(curves, title="x", kind="svg")))

    assert "mean over 3 seeds;" in said((3, 3), (3, 3))
    assert "mean over seeds;" in said((3, 3), (2, 2))
    assert "mean over 12 runs (3 seeds);" in said((12, 3))
    assert "mean over 4 runs (1 seed);" in said((4, 1))
    assert "mean over runs;" in said((12, 3), (3, 3))


def test_a_curve_that_diverged_does_not_flatten_those_that_trained():
    good = curve("relu", [[0.9]], [[2.0, 0.5]], runs=2)
    wild = curve("tanh", [[0.1]], [[1e6, 1e24]], runs=2, diverged=2)
    said = texts(draw_learning_curves([good, wild], title="x", kind="svg"))
    assert {"0.5", "1", "2"} <= {*said}
    assert "1e24" not in said
    assert "A line that leaves the picture goes on beyond it." in " ".join(said)
    alone = texts(draw_learning_curves([wild], title="x", kind="svg"))
    assert any("1e" in each for each in alone)
    assert "leaves the picture" not in " ".join(alone)


def test_the_same_data_gives_the_same_bytes():
    for kind in ("svg", "png"):
        first, second = (draw_learning_curves(CURVES, title="x", kind=kind) for _ in range(2))
        assert first == second
    assert b"<dc:date>" not in draw_learning_curves(CURVES, title="x", kind="svg")


def test_themes_and_values_show():
    light = draw_learning_curves(CURVES, title="x", kind="svg")
    assert light != draw_learning_curves(CURVES, title="x", kind="svg", theme="dark")
    assert light != draw_learning_curves(CURVES[:1], title="x", kind="svg")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 0.0, 1.0, 1e300, 1e-320])
def test_whatever_a_run_records_can_be_drawn(value):
    assert is_png(draw_learning_curves([curve("relu", [[0.1, value]], [[2.3, value]])], title="x"))
    assert is_png(draw_learning_curves([curve("relu", [[value]], [[value]])], title="x"))


def test_no_curves_are_an_empty_picture():
    assert is_png(draw_learning_curves([], title="nothing yet"))


@pytest.mark.parametrize(
    "name", ["$x$ and $", "line\nbreak", "\x01\x1b[1m", "活性化 🙂", "a" * 500, "<&>"]
)
def test_any_name_can_be_drawn(name):
    curves = [curve(name, [[0.5, 0.6]], [[1.0, 0.9]])]
    assert texts(draw_learning_curves(curves, title=name, kind="svg"))
    assert is_png(draw_learning_curves(curves, title=name))


def test_up_to_eight_configurations_share_a_panel_and_differ_in_more_than_colour():
    (panel,) = arrange(many("abcdefgh"))
    assert [index for _, index in panel.lines] == list(range(8))
    from service.figures.plots.style import INKS, series_style

    styles = [series_style(at, INKS["light"]) for at in range(32)]
    assert len({(str(style["linestyle"]), style["marker"]) for style in styles[:8]}) == 8
    assert len({str(each) for each in styles}) == 32


def test_more_are_spread_over_the_axis_with_the_fewest_values():
    panels = arrange(many("abcdef", "wxyz"))
    assert [panel.title for panel in panels] == list("wxyz")
    for panel in panels:
        assert [panel.label(line) for line, _ in panel.lines] == list("abcdef")
        assert [index for _, index in panel.lines] == list(range(6))
    drawn = draw_learning_curves(many("abcdef", "wxyz"), title="x", kind="svg")
    assert len(shapes(drawn, "axes")) == 8
    assert {*"abcdefwxyz"} <= set(texts(drawn))


def test_of_too_many_the_first_are_named_and_the_others_counted():
    curves = many([f"act_{at}" for at in range(30)])
    (panel,) = arrange(curves)
    assert [index for _, index in panel.lines].count(None) == 30 - MOST_LINES
    said = texts(draw_learning_curves(curves, title="x", kind="svg"))
    assert "22 others" in said
    assert "act_7" in said
    assert "act_8" not in said
