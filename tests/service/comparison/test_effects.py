"""Effects of the axes, against tables worked by hand, projections and simulation."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from service.comparison.effects import MOST_COLUMNS, analyse
from service.comparison.groups import Candidate, Group, SeedValue


def group(by, values, *, trained=True, step=0.0):
    flags = trained if isinstance(trained, list) else [trained] * len(values)
    found = {
        seed: SeedValue(float(value), trained=did, partly=did)
        for seed, (value, did) in enumerate(zip(values, flags, strict=True))
    }
    return Group(by, [Candidate({}, found)], found, step**2 / 12, 0, 0, 0)


def grid(cells, names=("a", "b")):
    """Groups of a table of values: cells[i][j] are those of level i of the first axis."""
    return [
        group(dict(zip(names, (i, j), strict=True)), values)
        for i, row in enumerate(cells)
        for j, values in enumerate(row)
    ]


def effects(groups, kind="other", by=("a", "b")):
    return {effect.axes: effect for effect in analyse(groups, by, kind).effects}


def test_two_axes_worked_by_hand():
    """Cell means 2, 4 / 6, 12, two values each one off: SS 72, 32, 8 and an error of 8."""
    found = effects(grid([[[1, 3], [3, 5]], [[5, 7], [11, 13]]]))
    assert list(found) == [("a",), ("b",), ("a", "b")]
    assert [effect.sum_of_squares for effect in found.values()] == pytest.approx([72, 32, 8])
    assert {effect.df for effect in found.values()} == {1}
    first = found["a",]
    assert first.omega_squared == pytest.approx((72 - 2) / (120 + 2))
    assert first.partial_omega_squared == pytest.approx((72 - 2) / (72 + 7 * 2))
    assert first.generalized_eta_squared == pytest.approx(72 / (72 + 8))
    # Equal spreads and sizes: the ANOVA-type statistic is F, with its degrees of freedom.
    assert [effect.f for effect in found.values()] == pytest.approx([36, 16, 4])
    assert found["a", "b"].df_test == pytest.approx((1, 4))
    assert found["a", "b"].p_value == pytest.approx(stats.f.sf(4, 1, 4))
    low, high = first.omega_ci95
    assert 0 < low < first.omega_squared < high < 1


def test_two_levels_are_compared_as_welch_does():
    """With two cells Q is the square of Welch's t, with his degrees of freedom."""
    random = np.random.default_rng(0)
    first, second = random.normal(0, 1, 6), random.normal(1, 4, 4)
    (effect,) = analyse([group({"a": 0}, first), group({"a": 1}, second)], ["a"], "other").effects
    expected = stats.ttest_ind(first, second, equal_var=False)
    assert effect.f == pytest.approx(expected.statistic**2)
    assert effect.df_test == pytest.approx((1, expected.df))
    assert effect.p_value == pytest.approx(expected.pvalue)


def left_over(values, parts):
    """Sum of squares and rank after projecting on the span of some columns."""
    design = np.column_stack([np.ones(len(values)), *parts])
    rest = values - design @ np.linalg.pinv(design) @ values
    return rest @ rest, np.linalg.matrix_rank(design)


def dummies(*factors):
    levels = sorted({*zip(*factors, strict=True)})
    places = list(zip(*factors, strict=True))
    return np.array([[place == level for level in levels] for place in places], float)


def test_an_unbalanced_grid_with_gaps_against_projections():
    """Type II by its definition: what a term adds to all that do not contain it."""
    random = np.random.default_rng(4)
    groups, rows = [], []
    for a, b, c in itertools.product(range(3), range(3), range(2)):
        if (a, b) == (2, 1):
            continue
        values = random.normal(a + b * c, 1, int(random.integers(2, 5)))
        groups.append(group({"a": a, "b": b, "c": c}, values))
        rows += [(value, a, b, c) for value in values]
    values, a, b, c = (np.array(column) for column in zip(*rows, strict=True))
    found = effects(groups, by=("a", "b", "c"))
    columns = {
        ("a",): dummies(a),
        ("b",): dummies(b),
        ("c",): dummies(c),
        ("a", "b"): dummies(a, b),
        ("a", "c"): dummies(a, c),
        ("b", "c"): dummies(b, c),
    }
    for term, own in columns.items():
        others = [part for other, part in columns.items() if not {*term} <= {*other}]
        before, rank_before = left_over(values, others)
        after, rank_after = left_over(values, [*others, own])
        assert found[term].df == rank_after - rank_before
        assert found[term].sum_of_squares == pytest.approx(before - after)


def test_an_axis_that_another_decides_cannot_be_told_apart():
    groups = [group({"a": i, "b": i}, [i, i + 0.1]) for i in range(3)]
    found = effects(groups)
    assert found["a",].df == found["b",].df == 0
    assert found["a",].sum_of_squares is None
    assert found["a",].p_value is None


def test_the_level_holds_where_spreads_differ():
    """One level thirty times as noisy: F would err in a tenth, twice as often as it says."""
    random = np.random.default_rng(1)
    spreads = np.geomspace(0.01, 0.3, 16).reshape(4, 4)[:, :, None]
    wrong = 0
    for _ in range(200):
        found = effects(grid(spreads * random.standard_normal((4, 4, 3))))
        wrong += found["a", "b"].p_value <= 0.05
    assert wrong / 200 < 0.1


def test_a_bound_does_not_make_axes_interact():
    """Additive on the logit scale: raw, there would be an interaction."""
    random = np.random.default_rng(2)
    logits = np.array([0.0, 2.0])[:, None] + np.array([0.0, 2.0])
    shares = 1 / (1 + np.exp(-(logits[:, :, None] + 0.05 * random.standard_normal((2, 2, 5)))))
    shares = np.round(shares * 10_000) / 10_000
    groups = [
        group({"a": i, "b": j}, shares[i, j], step=1e-4)
        for i, j in itertools.product(range(2), range(2))
    ]
    found = analyse(groups, ("a", "b"), "share")
    assert found.scale == "logit"
    interaction = found.effects[2]
    assert interaction.omega_squared < 0.01
    assert interaction.p_value > 0.01
    for row, (i, j) in enumerate(itertools.product(range(2), range(2))):
        assert found.additive_means[row] == pytest.approx(shares[i, j].mean(), abs=0.01)
    raw = analyse(groups, ("a", "b"), "other").effects[2]
    assert raw.p_value < 1e-5


def test_losses_are_compared_by_their_logarithms():
    cells = np.exp(np.array([[0.0, 1.0], [1.0, 2.0]])[:, :, None] + np.array([-0.1, 0.0, 0.1]))
    found = analyse(grid(cells), ("a", "b"), "loss")
    assert found.scale == "log"
    assert found.effects[2].sum_of_squares == pytest.approx(0, abs=1e-9)
    assert found.additive_means[3] == pytest.approx(math.exp(2))


def test_who_did_not_train_is_counted_and_left_out():
    cells = [
        group({"a": "relu"}, [0.9, 0.91, 0.1], trained=[True, True, False], step=1e-4),
        group({"a": "tanh"}, [0.8, 0.81, 0.82], step=1e-4),
        group({"a": "sigmoid"}, [0.1, 0.1, 0.1], trained=False, step=1e-4),
    ]
    found = analyse(cells, ["a"], "share")
    levels = {level.level: level for level in found.levels}
    assert (levels["relu"].trained, levels["relu"].n) == (2, 3)
    assert levels["relu"].mean == pytest.approx(0.905)
    assert (levels["sigmoid"].mean, levels["sigmoid"].trained) == (None, 0)
    (effect,) = found.effects
    assert effect.df == 1
    assert effect.df_test[0] == pytest.approx(1)


def test_levels_have_the_mean_of_their_cells_with_an_interval():
    random = np.random.default_rng(0)
    cells = random.normal(0, 1, (2, 3, 4))
    found = analyse(grid(cells), ("a", "b"), "other")
    first = next(level for level in found.levels if (level.axis, level.level) == ("a", 0))
    assert first.mean == pytest.approx(cells[0].mean())
    low, high = first.ci95
    assert low < first.mean < high
    assert (first.trained, first.n) == (12, 12)


def test_one_seed_has_no_test():
    found = effects(grid([[[1.0], [2.0]], [[3.0], [7.0]]]))
    for effect in found.values():
        assert effect.sum_of_squares > 0
        assert (effect.omega_squared, effect.f, effect.p_value) == (None, None, None)
    assert analyse(grid([[[1.0], [2.0]]]), ("a", "b"), "other").levels[0].ci95 is None


def test_without_any_spread_nothing_is_certain():
    found = effects(grid([[[1.0, 1.0], [2.0, 2.0]], [[3.0, 3.0], [4.0, 4.0]]]))
    assert (found["a",].f, found["a",].p_value, found["a",].omega_ci95) == (None, None, None)
    assert found["a",].omega_squared == pytest.approx(0.8)


def test_nothing_varies_or_nothing_trained():
    assert analyse([group({"a": 1}, [1, 2])], ["a"], "other").effects == []
    nothing = analyse([group({"a": i}, [0.1], trained=False) for i in range(3)], ["a"], "share")
    assert nothing.effects == []
    assert [level.mean for level in nothing.levels] == [None] * 3


def test_of_too_many_columns_interactions_are_left_out_and_then_all():
    random = np.random.default_rng(0)
    wide = [group({"a": i, "b": j}, random.normal(size=2)) for i in range(30) for j in range(30)]
    assert [effect.axes for effect in analyse(wide, ("a", "b"), "other").effects] == [
        ("a",),
        ("b",),
    ]
    most = [group({"a": i}, random.normal(size=2)) for i in range(MOST_COLUMNS + 2)]
    assert analyse(most, ["a"], "other").effects == []


def test_the_interval_of_omega_squared_holds_it_mostly():
    """A true share of 1/2: level means two apart, noise of variance one."""
    random = np.random.default_rng(3)
    held = 0
    for _ in range(200):
        cells = [group({"a": i}, 2 * i - 1 + random.standard_normal(5)) for i in range(2)]
        (effect,) = analyse(cells, ["a"], "other").effects
        low, high = effect.omega_ci95
        held += low <= 0.5 <= high
    assert 0.88 < held / 200 <= 1


@pytest.mark.parametrize("kind", ["other", "loss"])
def test_what_float32_rounds_is_no_error_to_test_with(kind):
    same, other = [0.36646015, 0.36646012, 0.36646013], [0.42587582, 0.42587586, 0.42587585]
    found = analyse([group({"a": 0}, same), group({"a": 1}, other)], ["a"], kind)
    assert [(effect.df, effect.p_value) for effect in found.effects] == [(1, None)]
    assert [level.ci95 for level in found.levels] == [None, None]
