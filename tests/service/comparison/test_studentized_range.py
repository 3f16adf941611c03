"""The studentized range, against scipy."""

import numpy as np
import pytest
from scipy import stats

from service.comparison.studentized_range import critical, quantile, survival

#: Few and many means, each of little and much freedom.
RANGES = [
    *((2, 1.0), (2, 4.0), (3, 2.0), (4, 6.5), (16, 18.3), (60, 8.0), (200, 800.0)),
    *((400, 1.0), (1000, 1.6), (3000, 12.0), (9000, 49.0), (9000, 51.0)),
]


@pytest.mark.parametrize(("means", "freedom"), RANGES)
def test_probabilities_are_scipys(means, freedom):
    q = np.array([0.5, 2.0, 3.5, 5.0, 9.0, 20.0])
    expected = stats.studentized_range.sf(q, means, freedom)
    assert survival(q, means, freedom) == pytest.approx(expected, abs=1e-6)


def test_of_infinite_freedom_it_is_the_range_of_normal_numbers():
    expected = stats.studentized_range.sf(3.0, 5, np.inf)
    assert survival(3.0, 5, np.inf)[0] == pytest.approx(expected, abs=1e-6)


def test_of_two_means_it_is_students_t():
    """Q = sqrt(2) |t|."""
    t, freedom = np.array([0.3, 1.0, 2.5, 6.0]), np.array([1.5, 3.0, 9.0, 40.0])
    expected = 2 * stats.t.sf(t, freedom)
    assert survival(np.sqrt(2) * t, 2, freedom) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("freedom", [3.0, 9.0, 49.0, 51.0, 400.0, 5000.0])
def test_small_probabilities_are_right_to_one_percent(freedom):
    p = np.array([1e-3, 1e-5, 1e-7, 1e-9, 1e-11])
    t = stats.t.isf(p / 2, freedom)
    assert survival(np.sqrt(2) * t, 2, freedom) == pytest.approx(p, rel=0.01)


def test_no_range_is_certain_and_a_huge_one_is_not_zero():
    assert survival([0.0, 1e6], 5, 10.0).tolist() == [1.0, 1e-12]


def test_a_quantile_is_where_the_probability_is():
    means, freedom = (np.array(each, float) for each in zip(*RANGES, strict=True))
    for p in (0.5, 0.95, 0.99):
        assert survival(quantile(p, means, freedom), means, freedom) == pytest.approx(
            1 - p, rel=2e-4
        )


@pytest.mark.parametrize(
    ("least", "most"), [(1.0, 20.0), (2.0, 40.0), (10.0, 200.0), (1.0, 800.0), (1.0, 1e6)]
)
def test_many_critical_values_are_interpolated_within_the_error_told(least, most):
    random = np.random.default_rng(1)
    means = np.round(np.exp(random.uniform(np.log(2), np.log(9000), 200)))
    freedom = least * np.exp(random.uniform(0, np.log(most / least), 200))
    found = critical(means, freedom)
    assert survival(found, means, freedom) == pytest.approx(0.05, abs=2e-4)
    # All of one number of means, or of one freedom, too.
    assert survival(critical(16.0, freedom), 16, freedom) == pytest.approx(0.05, abs=2e-4)
    assert survival(critical(means, least), means, least) == pytest.approx(0.05, abs=2e-4)


def test_few_critical_values_are_scipys():
    assert critical([3.0, 16.0], [4.0, 18.3]) == pytest.approx(
        [stats.studentized_range.ppf(0.95, 3, 4), stats.studentized_range.ppf(0.95, 16, 18.3)],
        rel=1e-4,
    )
