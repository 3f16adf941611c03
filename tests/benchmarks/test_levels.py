"""The simulation of rounded values: the test keeps its level, the interval its coverage."""

import pytest

from benchmarks.statistics.levels import shares


@pytest.mark.parametrize("n", [2, 3])
def test_rounded_values_keep_the_level_and_the_coverage(n):
    """Noise of a third of a grid's step, and of one: as it is seen, it is often none."""
    for noise in (0.3, 1.0):
        level, coverage = shares(n, noise, 600, floored=True)
        assert level <= 0.05
        assert coverage > 0.94
        assert shares(n, noise, 600, floored=False)[1] < coverage - 0.05
    assert shares(2, 1.0, 600, floored=False)[0] > 0.08
