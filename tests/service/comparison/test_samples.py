"""Moderated spreads, what seeds have in common, and gaps."""

import numpy as np
import pytest
from scipy import special, stats

from service.comparison.samples import Samples, gaps_behind, moderated


def samples(values, floor=0.0, entered=None):
    values = np.array(values, float)
    n = np.isfinite(values).sum(axis=1)
    entered = np.full(len(values), True) if entered is None else np.array(entered)
    return Samples(values, n, entered, np.full(len(values), floor))


def test_spreads_are_smyths():
    """d0 and s0^2 solve his two equations, and v is their mean with the own spread."""
    random = np.random.default_rng(3)
    nu = random.integers(2, 9, 40)
    own = (
        0.02 * stats.chi2.rvs(4, size=40, random_state=1) * stats.chi2.rvs(nu, random_state=2) / nu
    )
    found = moderated(own, nu, np.zeros(40))
    e = np.log(own) - special.digamma(nu / 2) + np.log(nu / 2)
    d0 = found.prior_freedom
    excess = e.var(ddof=1) - special.polygamma(1, nu / 2).mean()
    assert special.polygamma(1, d0 / 2) == pytest.approx(excess, rel=1e-6)
    s0 = np.exp(e.mean() + special.digamma(d0 / 2) - np.log(d0 / 2))
    assert found.variances == pytest.approx((d0 * s0 + nu * own) / (d0 + nu))
    assert found.freedoms == pytest.approx(d0 + nu)


def test_spreads_that_differ_no_more_than_by_chance_become_one():
    random = np.random.default_rng(0)
    values = random.normal(size=(30, 5))
    values *= 0.01 / values.std(axis=1, ddof=1, keepdims=True)
    found = moderated(values.var(axis=1, ddof=1), np.full(30, 4), np.zeros(30))
    assert np.isinf(found.prior_freedom)
    assert len({*found.variances}) == 1
    # Logarithms of a few squares lie low: e corrects for that, and four degrees are few.
    assert found.variances[0] == pytest.approx(1e-4 * 2 / np.exp(special.digamma(2)), rel=1e-9)
    assert found.freedoms.tolist() == [120.0] * 30


def test_two_spreads_lend_each_other_nothing():
    found = moderated(np.array([1.0, 4.0]), np.array([2, 2]), np.zeros(2))
    assert found.variances.tolist() == [1.0, 4.0]
    assert (found.freedoms.tolist(), found.prior_freedom) == ([2.0, 2.0], 0.0)


def test_a_spread_is_never_below_that_of_rounding():
    found = moderated(np.array([0.0, 1e-12]), np.array([2, 2]), np.full(2, 1e-8))
    assert found.variances.tolist() == [1e-8, 1e-8]


def test_what_float32_rounds_is_no_spread():
    """Losses of a training that is the same for every seed, but for the order of its samples."""
    same = [0.36646014645695685, 0.3664601228386164, 0.36646012879908085]
    other = [0.42587582021951675, 0.4258758594840765, 0.4258758546411991]
    seen = samples([same, other])
    assert seen.observed.tolist() == [0.0, 0.0]
    assert gaps_behind(seen, 1).errors.tolist() == [0.0, 0.0]
    assert gaps_behind(samples([same, [each + 1e-8 for each in same]]), 1).gaps.tolist() == [0, 0]
    assert samples([[0.3664, 0.3665, 0.3666]]).observed[0] == pytest.approx(1e-8)


def test_who_did_not_train_lends_no_spread():
    random = np.random.default_rng(0)
    values = np.vstack([random.normal(0.9, 0.01, (4, 3)), [[0.1, 0.9, 0.5]]])
    with_it = samples(values)
    without = samples(values, entered=[True] * 4 + [False])
    assert with_it.spreads.total_freedom == 10
    assert without.spreads.total_freedom == 8
    assert with_it.spreads.prior_freedom < without.spreads.prior_freedom


def test_seeds_in_common_are_seen_where_there_are_any():
    random = np.random.default_rng(4)
    common = random.normal(size=8)
    alone = samples(0.01 * random.normal(size=(12, 8)))
    together = samples(0.01 * (random.normal(size=(12, 8)) + common))
    assert alone.correlation < 0.1
    assert together.correlation == pytest.approx(0.5, abs=0.25)
    assert samples(np.tile(common, (5, 1)) + 1e-9 * random.normal(size=(5, 8))).correlation == 0.95
    assert samples(random.normal(size=(1, 8))).correlation == 0.0


def test_gaps_of_two_are_welchs():
    """Two spreads lend nothing: se and freedom are Welch and Satterthwaite's."""
    random = np.random.default_rng(9)
    first, second = random.normal(1, 1, 5), random.normal(0, 3, 5)
    gaps = gaps_behind(samples([first, second]), 0)
    expected = stats.ttest_ind(first, second, equal_var=False)
    assert gaps.t[1] == pytest.approx(expected.statistic)
    assert gaps.freedoms[1] == pytest.approx(expected.df)
    assert gaps.gaps[1] == pytest.approx(first.mean() - second.mean())


def test_only_seeds_in_common_narrow_a_gap():
    random = np.random.default_rng(2)
    common = 5 * random.normal(size=8)
    values = random.normal(size=(6, 8)) + common
    paired = gaps_behind(samples(values), 0)
    values[1, :4] = np.nan
    fewer = gaps_behind(samples(values), 0)
    own = np.sqrt(samples(values).spreads.variances * 2 / 8)
    assert paired.errors[2] < 0.5 * own[2]
    assert fewer.errors[1] > paired.errors[1]


def test_differences_that_are_rounding_are_none():
    third = np.full(3, 1 / 3)
    gaps = gaps_behind(samples([third, third * (1 + 1e-15)], floor=1e-8), 0)
    assert gaps.gaps.tolist() == [0.0, 0.0]
