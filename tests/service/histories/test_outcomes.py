"""Outcomes: what a training came to, by its losses, its probes and what guessing comes to."""

import math

import pytest

from service.histories.outcomes import Course, Guessing, NumberGuessing, outcome_of

#: Two classes of equal size among 100 samples: two standard errors are .1.
GUESSING = Guessing(loss=math.log(2), accuracy=0.5, samples=100)
FALLING = [0.6, 0.5, 0.4, 0.3, 0.25, 0.22, 0.21, 0.205, 0.202, 0.2]


def course(losses=FALLING, *, val=None, accuracy=0.9, probes=(0.7, None), diverged=False):
    last = losses[-1] if probes and probes[-1] is None else None
    probed = [last if probe is None else probe for probe in probes]
    return Course(
        losses=list(losses),
        val_losses=list(val or losses),
        val_accuracies=[accuracy] * len(losses),
        probes=probed,
        chance_loss=math.log(2) if probed else None,
        diverged=diverged,
    )


def outcome(**fields):
    return outcome_of(course(**fields), GUESSING)


def test_a_loss_that_fell_and_came_to_rest_is_learned():
    assert outcome() == "learned"


def test_a_network_that_was_only_initialized_has_none():
    assert outcome_of(Course(probes=[0.7], chance_loss=0.69), GUESSING) is None


def test_a_loss_that_is_not_finite_is_a_divergence():
    assert outcome(losses=[0.5, math.nan], probes=(0.7, math.nan), diverged=True) == "diverged"


@pytest.mark.parametrize(
    ("share", "expected"), [(0.97, "learned"), (0.99, "at_chance"), (1.5, "at_chance")]
)
def test_the_last_probe_within_two_percent_of_guessing_is_at_chance(share, expected):
    flat = [0.7] * 10
    assert outcome(losses=flat, probes=(0.7, share * math.log(2))) == expected


def test_losses_count_from_the_least_that_label_smoothing_leaves():
    """Ten classes smoothed by .9: no loss is below 98% of that of guessing."""
    least = -(0.19 * math.log(0.19) + 9 * 0.09 * math.log(0.09))
    chance = math.log(10)
    assert least > 0.95 * chance
    guessing = Guessing(chance, 0.1, 100, least)
    found = Course(
        losses=[least + (loss - 0.2) * 0.1 for loss in FALLING],
        val_losses=[least + (loss - 0.2) * 0.1 for loss in FALLING],
        val_accuracies=[0.9] * len(FALLING),
        probes=[chance, least + 0.001],
        chance_loss=chance,
    )
    assert outcome_of(found, guessing) != "at_chance"
    found.probes[-1] = chance - 0.0005
    assert outcome_of(found, guessing) == "at_chance"


def test_a_probe_that_is_not_finite_is_no_better_than_guessing():
    assert outcome(probes=(0.7, math.nan)) == "at_chance"


@pytest.mark.parametrize(("accuracy", "expected"), [(0.6, "at_chance"), (0.61, "learned")])
def test_without_probes_the_accuracy_is_compared_with_the_largest_class(accuracy, expected):
    assert outcome(probes=(), accuracy=accuracy) == expected


def test_what_was_learned_and_lost_got_worse():
    rising = [0.5, 0.3, 0.3, 0.4, 0.45]
    assert outcome(losses=rising) == "got_worse"
    assert outcome(losses=[0.2, 0.1, 0.1, 0.3, 0.34]) != "got_worse"  # still half of guessing
    assert outcome(losses=[0.5, 0.42, 0.42, 0.45, 0.46]) != "got_worse"  # by less than a tenth
    # The lowest loss may have been at an epoch that was not probed.
    assert outcome(losses=rising, probes=(0.7, 0.45)) == "got_worse"
    assert outcome(losses=rising, probes=()) == "got_worse"


def test_a_validation_loss_that_rises_while_the_other_falls_overfits():
    val = [0.6, 0.5, 0.45, 0.45, 0.46, 0.47, 0.48, 0.49, 0.5, 0.51]
    assert outcome(val=val) == "overfits"
    assert outcome(val=[*val[:-1], 0.49]) == "learned"
    # Both rose: that is no overfitting.
    assert outcome(losses=[0.2, 0.1, 0.1, 0.1, 0.12], val=[0.3, 0.2, 0.2, 0.2, 0.3]) == "learned"
    # More epochs would not help, so it is not called still learning.
    assert outcome(losses=[0.5, 0.1, 0.05, 0.01, 0.001], val=[0.5, 0.4, 0.6, 0.8, 1]) == "overfits"


def test_a_loss_that_the_last_fifth_still_lowered_is_still_learning():
    # Of ten epochs the last two.
    assert outcome(losses=[*FALLING[:8], 0.2, 0.194]) == "still_learning"
    assert outcome(losses=[*FALLING[:8], 0.2, 0.196]) == "learned"
    assert outcome(losses=[0.5]) == "learned"


@pytest.mark.parametrize(
    ("val_loss", "expected"), [(0.97, "learned"), (0.99, "at_chance"), (math.nan, "at_chance")]
)
def test_numbers_without_probes_are_judged_by_the_mean(val_loss, expected):
    training = Course(losses=FALLING, val_losses=[1.1 * val_loss] * len(FALLING))
    assert outcome_of(training, NumberGuessing(loss=1.0, val_loss=1.1)) == expected
