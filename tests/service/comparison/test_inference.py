"""Intervals and tests of two groups, against scipy and by simulation."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from service.comparison.inference import (
    holm,
    mean,
    mean_intervals,
    paired_differences,
    rounding_variance,
    spread,
    welch_difference,
)

numbers = st.floats(-1e6, 1e6, allow_subnormal=False)


def samples(n, *, seed=0, location=0.98, scale=0.002):
    return np.random.default_rng(seed).normal(location, scale, n)


def coverage(n, draw, truth, *, times=2000):
    """Share of intervals that hold the true mean."""
    random = np.random.default_rng(n)
    found = mean_intervals(list(draw(random, (times, n))))
    return np.mean([low <= truth <= high for low, high in found])


@pytest.mark.parametrize("n", [3, 4, 5, 10, 30])
def test_intervals_hold_the_mean_of_normal_values_95_percent_of_the_time(n):
    assert 0.935 < coverage(n, lambda random, size: random.normal(5, 2, size), 5) < 0.965


@pytest.mark.parametrize("n", [3, 5, 10])
@pytest.mark.parametrize(
    ("draw", "truth", "least"),
    [
        # As validation accuracies near 1 lie: a tail towards the bad side.
        (lambda random, size: 1 - random.beta(2, 60, size), 1 - 2 / 62, 0.92),
        (lambda random, size: random.exponential(1, size), 1.0, 0.87),
        (lambda random, size: random.uniform(-1, 1, size), 0.0, 0.92),
    ],
)
def test_intervals_hold_the_mean_of_skewed_values_more_often_than_others(n, draw, truth, least):
    """Student's t and the percentile bootstrap, on the same values, hold it less often."""
    found = coverage(n, draw, truth)
    assert found > least
    values = draw(np.random.default_rng(n), (2000, n))
    half = stats.t.ppf(0.975, n - 1) * values.std(axis=1, ddof=1) / math.sqrt(n)
    student = np.mean(np.abs(values.mean(axis=1) - truth) <= half)
    assert found > student - 0.005
    resampled = values[:, np.random.default_rng(0).integers(0, n, (300, n))].mean(axis=2)
    low, high = np.quantile(resampled, [0.025, 0.975], axis=1)
    assert found > np.mean((low <= truth) & (truth <= high))


@pytest.mark.parametrize("n", [2, 3, 5, 10, 100, 101, 500])
def test_intervals_of_symmetric_values_are_about_as_wide_as_students(n):
    values = stats.norm.ppf((np.arange(n) + 0.5) / n, 3, 2)
    ((low, high),) = mean_intervals([values])
    width = 2 * stats.t.ppf(0.975, n - 1) * values.std(ddof=1) / math.sqrt(n)
    assert (high - low) / width == pytest.approx(1, abs=0.12 if n < 5 else 0.09)
    assert (low + high) / 2 == pytest.approx(3, abs=0.1 * width)


def test_an_interval_leans_to_the_side_of_the_long_tail():
    values = np.array([0.9, 0.979, 0.98, 0.981, 0.982, 0.983, 0.984, 0.985])
    ((low, high),) = mean_intervals([values])
    assert values.mean() - low > 1.2 * (high - values.mean())


def test_the_same_values_have_the_same_interval_whatever_stands_beside_them():
    one, other = samples(5), samples(7, seed=1)
    (alone,) = mean_intervals([one])
    among = mean_intervals([other, one, samples(5, seed=2), one])
    assert among[1] == pytest.approx(alone, rel=1e-12)
    assert among[3] == pytest.approx(alone, rel=1e-12)


@given(st.lists(numbers, min_size=2, max_size=8), numbers, st.floats(1e-3, 1e3))
def test_an_interval_moves_and_stretches_with_its_values(values, shift, scale):
    values = np.array(values)
    ((low, high),) = mean_intervals([values])
    assert low <= mean(values) <= high
    ((moved_low, moved_high),) = mean_intervals([shift + scale * values])
    near = 1e-9 * (abs(shift) + scale * (1 + np.abs(values).max()) * 10)
    assert moved_low == pytest.approx(shift + scale * low, abs=near)
    assert moved_high == pytest.approx(shift + scale * high, abs=near)


def test_one_value_has_no_interval_and_equal_values_have_one_of_no_width():
    assert mean_intervals([np.array([0.5]), np.array([]), np.array([0.1] * 3)]) == [
        None,
        None,
        (0.1, 0.1),
    ]


@pytest.mark.parametrize("n", [2, 3, 5, 20])
def test_paired_differences_are_students(n):
    pairs = [(samples(n, seed=1), samples(n, seed=2)), (samples(n, seed=3), samples(n, seed=4))]
    for (first, second), found in zip(pairs, paired_differences(pairs), strict=True):
        expected = stats.ttest_rel(first, second)
        assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
        assert found.mean == pytest.approx((first - second).mean())
        assert (found.paired, found.n) == (True, n)
        (interval,) = mean_intervals([first - second])
        assert found.ci95 == pytest.approx(interval, rel=1e-9)


@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 5), (20, 4), (150, 120)])
def test_unpaired_differences_are_welchs(n, m):
    first, second = samples(n, seed=1), samples(m, seed=2, location=0.97, scale=0.01)
    found = welch_difference(first, second)
    expected = stats.ttest_ind(first, second, equal_var=False)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.mean == pytest.approx(first.mean() - second.mean())
    assert (found.paired, found.n) == (False, min(n, m))
    interval = expected.confidence_interval(0.95)
    width = interval.high - interval.low
    if min(n, m) > 100:
        assert found.ci95 == pytest.approx((interval.low, interval.high), rel=1e-9)
    elif min(n, m) > 2:
        assert found.ci95 == pytest.approx((interval.low, interval.high), abs=0.2 * width)


def test_unpaired_intervals_hold_the_difference_95_percent_of_the_time():
    random = np.random.default_rng(5)
    held = 0
    for _ in range(250):
        low, high = welch_difference(random.normal(3, 1, 4), random.normal(2, 2, 6)).ci95
        held += low <= 1 <= high
    assert 0.9 < held / 250 < 0.99


def test_differences_without_spread_are_ties_or_untested():
    third = np.array([1 / 3] * 3)
    equal, apart = paired_differences([(third, third * 3 / 3), (third + 0.1, third)])
    assert (equal.mean, equal.ci95, equal.p_value) == (0, (0, 0), 1)
    assert apart.p_value is None
    assert apart.ci95 == pytest.approx((0.1, 0.1))
    assert welch_difference(third, third).p_value == 1
    assert welch_difference(third, third + 0.1).p_value is None
    assert welch_difference(third, third).ci95 == (0, 0)
    # Equal but for the last bits: no difference, though those bits all point one way.
    (rounding,) = paired_differences([(third * (1 + 2e-16), third)])
    assert (rounding.mean, rounding.p_value) == (0, 1)


@pytest.mark.parametrize(("n", "steps"), [(2, 4), (3, 2), (4, 1)])
def test_pairs_that_agree_exactly_are_told_apart_by_steps_of_their_grid_alone(n, steps):
    """Accuracies on 500 samples; by their spread of 0 any difference would be certain."""
    level = np.full(n, 0.9)
    rounding = 2 * rounding_variance(1 / 500)
    same, near, far = paired_differences(
        [(level + step / 500, level) for step in (0, steps - 1, steps)], [rounding] * 3
    )
    assert (same.mean, same.p_value) == (0, 1)
    assert same.ci95[0] < 0 < same.ci95[1]
    assert 0.05 < near.p_value <= 1
    error = math.sqrt(rounding / n)
    assert far.p_value == pytest.approx(2 * stats.t.sf(steps / 500 / error, n - 1))
    assert 0 < far.p_value <= 0.05
    # Residuals of no size leave the smoothing alone, whose t is Student's.
    half = stats.t.ppf(0.975, n - 1) * error
    assert far.ci95 == pytest.approx((steps / 500 - half, steps / 500 + half), abs=0.2 * half)


def test_independent_groups_that_agree_within_are_told_apart_by_their_grids():
    first, second = np.full(3, 0.91), np.full(4, 0.9)
    variances = (rounding_variance(1 / 100), rounding_variance(1 / 50))
    found = welch_difference(first, second, variances)
    expected = stats.ttest_ind_from_stats(
        0.91, math.sqrt(variances[0]), 3, 0.9, math.sqrt(variances[1]), 4, equal_var=False
    )
    assert found.p_value == pytest.approx(expected.pvalue)
    assert found.ci95[0] < 0.01 < found.ci95[1]
    assert welch_difference(first, first, (variances[0], variances[0])).p_value == 1


@pytest.mark.parametrize("n", [3, 8])
def test_a_spread_above_the_grid_is_left_as_it_is(n):
    first, second = samples(n, seed=1), samples(n, seed=2)
    fine = rounding_variance(1e-4)
    assert paired_differences([(first, second)], [2 * fine]) == paired_differences(
        [(first, second)]
    )
    assert welch_difference(first, second, (fine, fine)) == welch_difference(first, second)
    assert mean_intervals([first], [fine]) == mean_intervals([first])


def test_too_few_values_cannot_be_compared():
    one, two = np.array([0.5]), np.array([0.5, 0.6])
    assert paired_differences([(one, one), (one[:0], one[:0])]) == [None, None]
    assert welch_difference(one, two) is welch_difference(two, one) is None


@given(st.lists(st.tuples(numbers, numbers), min_size=2, max_size=6))
@example([(0.0, 17.0), (-1e-16, 17.0)])  # a spread that is only rounding beside the other group
def test_no_values_give_numbers_that_are_none(values):
    first, second = np.array(values).T
    for found in (*paired_differences([(first, second)]), welch_difference(first, second)):
        no_width = found.ci95[0] == found.ci95[1]
        assert (found.p_value is None) == (no_width and found.mean != 0)
        assert found.p_value is None or 0 <= found.p_value <= 1
        assert all(map(math.isfinite, (found.mean, *found.ci95)))
        assert math.isfinite(spread(first))


def test_holm_by_hand():
    """The example of Holm's procedure: .01, .04, .03, .005 at four hypotheses."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
    assert holm([]) == []
    # As the two smallest of ten.
    assert holm([0.004, 0.002], family=10) == pytest.approx([0.036, 0.02])


def test_holm_finds_something_in_nothing_5_percent_of_the_time():
    random = np.random.default_rng(0)
    found = np.mean([min(holm(list(random.uniform(size=6)))) <= 0.05 for _ in range(4000)])
    assert 0.035 < found < 0.065
