"""Designs: what makes the groups, what is tuned, what is averaged over; functions of scores."""

import itertools

from service.comparison.design import Design, design_of
from service.comparison.groups import grouped
from service.comparison.scores import GROUPINGS, Configured, Score

SEEDS = 2


def scores_of(*configurations):
    """Scores of configurations, each told by its variant and its values; of one value a copy."""
    return [
        score(variant, values, seed)
        for (variant, values), seed in itertools.product(configurations, range(SEEDS))
    ]


def score(variant, values, seed):
    axes = {name: _label(values.get(name)) for name in GROUPINGS}
    place = {**axes, "variant": variant}
    configured = Configured(values, str(sorted(values.items(), key=str)), 0.0, 0.1)
    return Score(place, configured, seed, "completed", "learned", 0.9 + seed / 100)


def _label(value):
    """Return how an axis is written: with the learning rate, where there is one."""
    if not isinstance(value, dict):
        return value
    rate = value.get("learning_rate")
    return value["name"] if rate is None else f"{value['name']}(learning_rate={rate})"


RELU, TANH = {"name": "relu"}, {"name": "tanh"}
TEN, TWO = {"run": "a", "keep": 0.1}, {"run": "a", "keep": 0.02}


def test_variants_that_differ_in_their_tickets_alone_are_groups():
    scores = scores_of(
        ("dense", {"activation": RELU}),
        ("10%", {"activation": RELU, "ticket": TEN}),
        ("2%", {"activation": RELU, "ticket": TWO}),
    )
    design = design_of(scores)
    assert design == Design(("variant",), (), ())
    groups = grouped(scores, design, higher=True)
    assert [(group.by["variant"], group.n) for group in groups] == [
        ("dense", SEEDS),
        ("10%", SEEDS),
        ("2%", SEEDS),
    ]


def test_tickets_are_never_averaged_over_unasked():
    optimizers = [{"name": name} for name in ("adam", "sgd")]
    scores = scores_of(
        *(
            (str(ticket["keep"]), {"activation": RELU, "optimizer": optimizer, "ticket": ticket})
            for optimizer in optimizers
            for ticket in (TEN, TWO)
        )
    )
    assert design_of(scores) == Design(("optimizer", "variant"), (), ())
    tuned = design_of(scores, by=["optimizer"])
    assert tuned == Design(("optimizer",), ("variant",), ())
    for group in grouped(scores, tuned, higher=True):
        assert [candidate.levels for candidate in group.candidates] == [
            {"variant": "0.1"},
            {"variant": "0.02"},
        ]
    assert design_of(scores, by=["optimizer"], average=["variant"]).average == ("variant",)


def test_learning_rates_of_tickets_are_tuned():
    rates = [{"name": "sgd", "learning_rate": rate} for rate in (0.1, 1.0)]
    scores = scores_of(
        *(
            (str(ticket["keep"]), {"activation": RELU, "optimizer": rate, "ticket": ticket})
            for rate in rates
            for ticket in (TEN, TWO)
        )
    )
    assert design_of(scores) == Design(("variant",), ("optimizer.learning_rate",), ())


def test_the_learning_rate_is_tuned_where_nothing_else_of_the_optimizer_varies():
    """With groups that were named, too: a number has a curve, and an end of its grid."""
    rates = [{"name": "sgd", "learning_rate": rate} for rate in (0.1, 1.0)]
    spec = [
        (None, {"activation": name, "optimizer": rate}) for name in (RELU, TANH) for rate in rates
    ]
    assert design_of(scores_of(*spec)).tune == ("optimizer.learning_rate",)
    named = design_of(scores_of(*spec), by=["activation", "initializer"])
    assert named.tune == ("optimizer.learning_rate",)
    other = (None, {"activation": RELU, "optimizer": {"name": "adam", "learning_rate": 0.1}})
    assert design_of(scores_of(*spec, other), by=["activation"]).tune == ("optimizer",)


def test_variants_that_the_axes_tell_are_no_groups():
    """relu with the same values stands in both, and is one configuration."""
    scores = scores_of(
        ("one", {"activation": RELU}), ("two", {"activation": RELU}), ("two", {"activation": TANH})
    )
    assert design_of(scores) == Design(("activation",), (), ())
