"""Comparisons, drawn from data alone."""

import pytest

from service.comparison.words import Word
from service.figures.plots.comparison import MOST_GROUPS, RankedConfiguration, draw_comparison
from tests.support.picture_reading import is_png, pixels_of, texts

pytestmark = pytest.mark.slow

GROUPS = [
    RankedConfiguration("relu", Word.LEADS, "leads", 0.99, (0.985, 0.995), [(0.99, True)] * 5),
    RankedConfiguration(
        "elu",
        Word.WORSE,
        "worse by 1 point (0.5 to 1.5)",
        0.98,
        (0.97, 0.99),
        [*[(0.98, True)] * 4, (0.1135, False)],
        diverged=1,
    ),
    RankedConfiguration("tanh", Word.UNDECIDED, "undecided: one seed", 0.97, None, [(0.97, True)]),
    RankedConfiguration(
        "sigmoid", Word.DID_NOT_TRAIN, "did not train (0 of 5)", None, None, [], diverged=5
    ),
]


def drawn(groups, **options):
    named = {"metric": "val_accuracy", "axes": ["activation"], "title": "x", "kind": "svg"}
    return draw_comparison(groups, **{**named, **options})


def test_groups_stand_in_their_order_with_what_is_behind_them():
    said = texts(drawn(GROUPS))
    labels = [each for each in said if each in {"relu", "elu", "tanh", "sigmoid"}]
    assert labels == ["relu", "elu", "tanh", "sigmoid"]
    asides = [" ".join(each.split()) for each in said]
    for aside in (
        "99.00% leads",
        "98.00% worse by 1 point (0.5 to 1.5) trained 4 of 5 1 diverged",
        "97.00% undecided: one seed",
        "did not train (0 of 5) 5 diverged",
    ):
        assert aside in asides
    assert {"Activation", "Validation accuracy (logit scale)"} <= set(said)


def one(word, **fields):
    values = {"label": "relu", "statement": "", "mean": 0.5, "interval": (0.4, 0.6)}
    return [RankedConfiguration(word=word, **{**values, **fields})]


def test_words_are_marked_by_shape_and_filling():
    leads, undecided, worse = (
        drawn(one(word)) for word in (Word.LEADS, Word.UNDECIDED, Word.WORSE)
    )
    assert leads.count(b"fill: #0072b2") > undecided.count(b"fill: #0072b2")
    assert b"fill: #ffffff; stroke: #0072b2" in undecided
    assert b"fill: #ffffff; stroke: #7f7f7f" in worse


def test_a_seed_that_did_not_train_is_a_cross():
    crossed, dotted = (drawn(one(Word.LEADS, seeds=[(0.3, did)])) for did in (False, True))
    assert crossed != dotted
    assert crossed.count(b"<use") == dotted.count(b"<use")


def test_an_interval_ends_where_the_metric_does():
    wide, possible = (
        one(Word.LEADS, mean=0.8, interval=ends) for ends in ((-0.1, 1.3), (0.0, 1.0))
    )
    assert drawn(wide) == drawn(possible)
    assert drawn(wide, metric="learning_rate") != drawn(possible, metric="learning_rate")


def test_an_enormous_error_is_an_arrow_at_the_edge():
    groups = [
        *one(Word.LEADS, mean=60.0, interval=(55.0, 65.0), seeds=[(60.0, True)]),
        *one(Word.WORSE, mean=1.6e19, interval=None, seeds=[(70.0, True), (3.2e19, False)]),
    ]
    said = texts(drawn(groups, metric="val_rmse", guess=80.0))
    assert any("An arrow: beyond the axis (up to 3.2e19)." in each for each in said)
    assert {"100", "200", "500"} <= {*said}
    assert any(each.startswith("1.6e19") for each in said)  # beside the row
    near = texts(drawn(groups[:1], metric="val_rmse", guess=80.0))
    assert not any("An arrow" in each for each in near)


def test_of_too_many_the_best_are_shown_and_the_others_counted():
    groups = [
        RankedConfiguration(f"g{at}", Word.WORSE, "worse", 1 - at / 1000, None) for at in range(100)
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


@pytest.mark.parametrize("letters", [10, 60, 200])
def test_all_that_is_written_is_in_the_picture(letters):
    """Labels stand on the left, statements of several lines on the right."""
    said = (
        "undecided: 0.15 points (-4.2 to 4.5) apart; no number of seeds up to 400 would settle it"
    )
    seeds = [(at / 125, at % 7 > 0) for at in range(125)]
    groups = [
        RankedConfiguration("W" * letters, Word.UNDECIDED, said, 0.5, (0.4, 0.6), seeds, diverged=9)
    ] * MOST_GROUPS
    pixels = pixels_of(drawn(groups, kind="png", title="A long title. " * 20))
    paper = pixels[0, 0]
    for edge in (pixels[:3], pixels[-3:], pixels[:, :3], pixels[:, -3:]):
        assert (edge == paper).all()
    written = texts(drawn(groups))
    assert sum("no number" in line for line in written) == MOST_GROUPS
    assert sum("9 diverged" in line for line in written) == MOST_GROUPS
