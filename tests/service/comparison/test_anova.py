"""Analysis of variance, against scipy, tables worked by hand and projections."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from service.comparison import anova
from service.comparison.anova import analyse
from service.comparison.inference import paired_differences, rounding_variance


def grid(*levels):
    """Return all combinations of levels, as one list per factor."""
    combinations = itertools.product(*map(range, levels))
    return [list(factor) for factor in zip(*combinations, strict=True)]


def noise(n, seed=0):
    return np.random.default_rng(seed).normal(size=n)


def test_one_axis_is_the_classical_f_test():
    a = [0] * 4 + [1] * 3 + [2] * 6
    values = noise(13) + np.array(a) * 0.7
    (effect,) = analyse(values, {"a": a})
    expected = stats.f_oneway(*(values[np.array(a) == level] for level in range(3)))
    assert (effect.axes, effect.df, effect.df_error) == (("a",), 2, 10)
    assert effect.f == pytest.approx(expected.statistic)
    assert effect.p_value == pytest.approx(expected.pvalue)


def test_two_axes_worked_by_hand():
    """Cell means 2, 4 / 6, 12, two values each one off: SS 72, 32, 8 and an error of 8."""
    a, b = [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1] * 2
    first, second, both = analyse([1, 3, 3, 5, 5, 7, 11, 13], {"a": a, "b": b})
    assert [effect.axes for effect in (first, second, both)] == [("a",), ("b",), ("a", "b")]
    sums = [effect.sum_of_squares for effect in (first, second, both)]
    assert sums == pytest.approx([72, 32, 8])
    assert [effect.f for effect in (first, second, both)] == pytest.approx([36, 16, 4])
    assert {(effect.df, effect.df_error) for effect in (first, second, both)} == {(1, 4)}
    assert first.eta_squared == pytest.approx(72 / 120)
    assert first.omega_squared == pytest.approx((72 - 2) / (120 + 2))
    assert both.p_value == pytest.approx(stats.f.sf(4, 1, 4))


def test_blocks_by_seed_take_the_seeds_out():
    """With two levels F is the square of the paired t."""
    a, seed = grid(2, 6)
    values = noise(12) * 0.1 + np.array(a) * 0.1 + np.array(seed)
    (effect,) = analyse(values, {"a": a}, seed)
    expected = stats.ttest_rel(values[6:], values[:6])
    assert (effect.df, effect.df_error) == (1, 5)
    assert effect.f == pytest.approx(expected.statistic**2)
    assert effect.p_value == pytest.approx(expected.pvalue)
    (without,) = analyse(values, {"a": a})
    assert without.p_value > effect.p_value


def dummies(levels):
    return np.array([[value == level for level in sorted({*levels})] for value in levels], float)


def left_over(values, parts):
    """Sum of squares and rank after projecting on the span of some columns."""
    design = np.column_stack([np.ones(len(values)), *parts])
    rest = values - design @ np.linalg.pinv(design) @ values
    return rest @ rest, np.linalg.matrix_rank(design)


@pytest.mark.parametrize("blocked", [True, False])
def test_an_unbalanced_grid_with_gaps_against_projections(blocked):
    """Type II by its definition: what a term adds to all that do not contain it."""
    random = np.random.default_rng(4)
    a, b, c, seed = (np.array(column) for column in grid(3, 3, 2, 4))
    # One cell is missing altogether, and some runs diverged.
    kept = (random.uniform(size=len(a)) < 0.8) & ~((a == 2) & (b == 1))
    a, b, c, seed = a[kept], b[kept], c[kept], seed[kept]
    values = noise(len(a), 5) + a * 0.5 + b * c * 0.4 + seed
    columns = {
        ("a",): dummies(a),
        ("b",): dummies(b),
        ("c",): dummies(c),
        ("a", "b"): dummies(a * 10 + b),
        ("a", "c"): dummies(a * 10 + c),
        ("b", "c"): dummies(b * 10 + c),
    }
    blocks = [dummies(seed)] if blocked else []
    error, rank = left_over(values, [*blocks, *columns.values()])
    found = analyse(values, {"a": a, "b": b, "c": c}, seed if blocked else None)
    assert [effect.axes for effect in found] == list(columns)
    for effect in found:
        others = [design for term, design in columns.items() if not {*effect.axes} <= {*term}]
        without, rank_without = left_over(values, [*blocks, *others])
        with_it, rank_with = left_over(values, [*blocks, *others, columns[effect.axes]])
        assert effect.df == rank_with - rank_without
        assert effect.df_error == len(values) - rank
        assert effect.sum_of_squares == pytest.approx(without - with_it)
        mean_error = error / effect.df_error
        assert effect.f == pytest.approx((without - with_it) / effect.df / mean_error)
        assert effect.p_value == pytest.approx(stats.f.sf(effect.f, effect.df, effect.df_error))
    assert found[3].df == 3


def test_p_values_of_nothing_are_uniform():
    a, b, seed = grid(3, 2, 3)
    found = np.array(
        [
            [effect.p_value for effect in analyse(noise(18, seed_), {"a": a, "b": b}, seed)]
            for seed_ in range(400)
        ]
    )
    for column in found.T:
        assert stats.kstest(column, "uniform").pvalue > 0.001


def test_axes_that_cannot_be_told_apart_say_so():
    a, seed = grid(3, 4)
    values = noise(12) + np.array(a)
    both = {"activation": a, "initializer": [level * 10 for level in a]}
    for effect in analyse(values, both, seed):
        assert effect.df == 0
        assert effect.f is effect.p_value is effect.sum_of_squares is effect.eta_squared is None


def test_with_one_seed_interactions_count_as_error():
    a, b = grid(3, 4)
    values = noise(12) + np.array(a)
    found = analyse(values, {"a": a, "b": b})
    assert [(effect.axes, effect.df, effect.df_error) for effect in found] == [
        (("a",), 2, 6),
        (("b",), 3, 6),
    ]
    (alone,) = analyse(values[:3], {"a": [0, 1, 2]})
    assert (alone.df, alone.df_error, alone.f, alone.p_value) == (2, 0, None, None)
    assert alone.eta_squared == pytest.approx(1)


def test_nothing_varies():
    a, seed = grid(3, 4)
    assert analyse(noise(4), {"a": [0] * 4}) == analyse([], {"a": []}) == []
    (effect,) = analyse([1 / 3] * 12, {"a": a}, seed)
    assert (effect.sum_of_squares, effect.eta_squared, effect.f, effect.p_value) == (0, 0, 0, 1)
    (certain,) = analyse([float(level) for level in a], {"a": a}, seed)
    assert (certain.f, certain.p_value) == (math.inf, None)
    assert certain.eta_squared == pytest.approx(1)


def test_errors_are_no_smaller_than_the_grid_of_the_values():
    """With two levels F is the square of the paired t, whose differences vary by twice as much."""
    a, seed = grid(2, 3)
    values = np.array(a) / 500
    rounding = rounding_variance(1 / 500)
    (effect,) = analyse(values, {"a": a}, seed, rounding=rounding)
    (difference,) = paired_differences([(values[3:], values[:3])], [2 * rounding])
    assert effect.p_value == pytest.approx(difference.p_value)
    assert effect.p_value > 0.05
    assert effect.f == pytest.approx((1 / 500) ** 2 / (2 * rounding / 3))
    coarse = noise(6) + np.array(a)
    assert analyse(coarse, {"a": a}, seed, rounding=rounding) == analyse(coarse, {"a": a}, seed)


def test_a_model_too_large_is_answered_in_part(monkeypatch):
    a, b, seed = grid(4, 5, 3)
    values = noise(60)
    monkeypatch.setattr(anova, "MOST_COLUMNS", 7)
    mains = analyse(values, {"a": a, "b": b}, seed)
    assert [effect.axes for effect in mains] == [("a",), ("b",)]
    monkeypatch.setattr(anova, "MOST_COLUMNS", 6)
    assert analyse(values, {"a": a, "b": b}, seed) == []
