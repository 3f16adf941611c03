"""Comparisons, drawn from data alone."""

import pytest

from service.figures.plots.comparison import MOST_GROUPS, RankedConfiguration, draw_comparison
from tests.support.picture_reading import is_png, texts

GROUPS = [
    RankedConfiguration("relu", 5, 0.99, (0.985, 0.995), tied_with_best=True),
    RankedConfiguration("elu", 4, 0.98, (0.97, 0.99), tied_with_best=False, diverged=1),
    RankedConfiguration("tanh", 1, 0.97, None, tied_with_best=True),
    RankedConfiguration("sigmoid", 0, None, None, tied_with_best=False, diverged=5),
]


def drawn(groups, **options):
    named = {"metric": "val_accuracy", "axes": ["activation"], "title": "x", "kind": "svg"}
    return draw_comparison(groups, **{**named, **options})


def test_groups_stand_in_their_order_with_what_is_behind_them():
    said = texts(drawn(GROUPS))
    labels = [each for each in said if each in {"relu", "elu", "tanh", "sigmoid"}]
    assert labels == ["relu", "elu", "tanh", "sigmoid"]
    asides = [each for each in said if "n = " in each]
    assert [" ".join(aside.split()) for aside in asides] == [
        "99.00% n = 5",
        "98.00% n = 4 1 diverged",
        "97.00% n = 1",
        "n = 0 5 diverged",
    ]
    assert {"Activation", "Validation accuracy (logit scale)"} <= set(said)


def test_ties_are_marked_by_shape_and_filling():
    tied, told = (
        drawn([RankedConfiguration("relu", 5, 0.5, (0.4, 0.6), tied_with_best=each)])
        for each in (True, False)
    )
    assert tied.count(b"fill: #0072b2") > told.count(b"fill: #0072b2")
    assert b"fill: #ffffff; stroke: #7f7f7f" in told


def test_an_interval_ends_where_the_metric_does():
    wide, possible = (
        [RankedConfiguration("relu", 3, 0.8, ends, tied_with_best=True)]
        for ends in ((-0.1, 1.3), (0.0, 1.0))
    )
    assert drawn(wide) == drawn(possible)
    assert drawn(wide, metric="learning_rate") != drawn(possible, metric="learning_rate")


def test_of_too_many_the_best_are_shown_and_the_others_counted():
    groups = [
        RankedConfiguration(f"g{at}", 3, 1 - at / 1000, None, tied_with_best=False)
        for at in range(100)
    ]
    said = texts(drawn(groups))
    assert f"g{MOST_GROUPS - 1}" in said
    assert f"g{MOST_GROUPS}" not in said
    assert any("60 lower groups are not shown." in each for each in said)


@pytest.mark.parametrize("metric", ["val_accuracy", "val_loss"])
@pytest.mark.parametrize("groups", [GROUPS, GROUPS[3:], GROUPS[:1]])
def test_whatever_is_compared_can_be_drawn(groups, metric):
    for theme in ("light", "dark"):
        assert drawn(groups, metric=metric, theme=theme) == drawn(
            groups, metric=metric, theme=theme
        )
        assert is_png(drawn(groups, metric=metric, theme=theme, kind="png"))
