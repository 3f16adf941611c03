"""How often tests of equal groups find a difference, where values are rounded to a grid.

    python -m benchmarks.statistics.levels [--times 4000]

Accuracies on m samples are multiples of 1/m. Groups of n values are drawn from one normal
distribution, whose standard deviation is given in steps of that grid, are rounded to it, and are
compared in pairs. Prints the share of tests with p up to 0.05 and of 95% intervals that hold the
true mean: first taking the spread as it is seen (where there is none, a difference is certain),
then as ``service.comparison.inference`` does. docs/comparisons.md has the table.
"""

from collections.abc import Sequence

import numpy as np

from benchmarks.options import program
from service.comparison.inference import (
    ALPHA,
    Floats,
    Interval,
    mean_intervals,
    paired_differences,
    rounding_variance,
)

SIZES = (2, 3, 5, 10)
SPREADS = (0.1, 0.3, 1.0, 3.0, 10.0)


def rounded(n: int, spread: float, times: int) -> tuple[Floats, Floats, Floats]:
    """Draw two groups that are equal, many times.

    Args:
        n: values per group.
        spread: standard deviation before rounding, in steps of the grid.
        times: how often.

    Returns:
        The true means, (times,), and the values of both groups, (times, n), in steps.
    """
    random = np.random.default_rng([n, int(1000 * spread), 0])
    truth = random.uniform(size=(times, 1))
    first, second = (
        np.round(truth + spread * random.standard_normal((times, n))) for _ in range(2)
    )
    return truth[:, 0], first, second


def shares(n: int, spread: float, times: int, *, floored: bool) -> tuple[float, float]:
    """Return the level of the paired test, and the coverage of the interval of a mean."""
    truth, first, second = rounded(n, spread, times)
    rounding = rounding_variance(1.0) if floored else 0.0
    differences = paired_differences(list(zip(first, second, strict=True)), [2 * rounding] * times)
    p_values = [difference.p_value for difference in differences if difference is not None]
    found = [p_value is None or p_value <= ALPHA for p_value in p_values]
    return float(np.mean(found)), _coverage(mean_intervals(list(first), [rounding] * times), truth)


def _coverage(intervals: Sequence[Interval | None], truth: Floats) -> float:
    pairs = zip(intervals, truth, strict=True)
    return float(np.mean([each is not None and each[0] <= at <= each[1] for each, at in pairs]))


def main() -> None:
    """Measure and print."""
    parser = program("benchmarks.statistics.levels", __doc__)
    parser.add_argument("--times", type=int, default=4000)
    times: int = parser.parse_args().times
    print(f"{'n':>3}{'spread':>8}{'level as seen':>15}{'floored':>9}{'coverage':>10}{'floored':>9}")
    for n in SIZES:
        for spread in SPREADS:
            (level, coverage), (least, covered) = (
                shares(n, spread, times, floored=floored) for floored in (False, True)
            )
            print(f"{n:3}{spread:8}{level:15.3f}{least:9.3f}{coverage:10.3f}{covered:9.3f}")


if __name__ == "__main__":
    main()
