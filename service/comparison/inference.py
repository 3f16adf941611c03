"""Statistics of repeated measurements: intervals, tests against another group, power.

Pure functions of numbers; nothing here knows runs or metrics. Values are float64 and finite.
A spread below ``_ROUNDING`` of the values' size is rounding and counts as none, so that equal
values are a tie and not a division by zero.

Values may lie on a grid: an accuracy on m samples is a multiple of 1/m, its resolution. A few of
them can agree to the last digit by luck alone, and a spread of 0 would make anything certain. So
no values are taken to vary less than rounding to their grid makes them vary: by the variance
1 / (12 m^2) (Sheppard 1898). docs/comparisons.md has what that does to the level of the tests and
to the coverage of the intervals.
"""

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Interval = tuple[float, float]

#: Error rate of the tests, and of the intervals.
ALPHA = 0.05
#: Chance of seeing a difference that is there.
POWER = 0.8
#: Bootstrap samples of one interval. With three values its width is then within some 5% of the
#: limit, with ten within 2%.
RESAMPLES = 4_999
#: With more values than this the bootstrap adds nothing to Student's t.
_LARGE = 100
#: Groups whose resamples are held in memory together.
_GROUPS_AT_ONCE = 256
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Difference:
    """How much one group's mean is above another's.

    ``n`` counts pairs, or the runs of the smaller group. With another number n of them a group,
    the variance of the difference is ``variance`` / n, and its degrees of freedom are
    ``freedom_per_run`` (n - 1). ``p_value`` is None where a difference has no spread to be
    measured by and no grid that could have hidden it; ``ci95`` then has no width.
    """

    mean: float
    ci95: Interval
    p_value: float | None
    paired: bool
    n: int
    variance: float
    freedom_per_run: float


def mean(values: Floats) -> float:
    """Give the mean: the same in whatever order the values come, and never outside them."""
    centre = math.fsum(values) / len(values)
    return min(max(centre, float(values.min())), float(values.max()))


def spread(values: Floats) -> float:
    """Give the sample standard deviation (over n - 1), 0 where it is rounding."""
    deviation = float(values.std(ddof=1))
    return deviation if deviation > _ROUNDING * float(np.abs(values).max()) else 0.0


def rounding_variance(resolution: float) -> float:
    """Give the variance of rounding to a grid of this step (Sheppard 1898); 0 without a grid."""
    return resolution**2 / 12


def mean_intervals(
    samples: Sequence[Floats], roundings: Sequence[float] = ()
) -> list[Interval | None]:
    """Give a 95% interval for the mean behind each sample: a smoothed studentized bootstrap.

    From the sample x_1..x_n with mean m and standard deviation s, resamples
    y_j = x_{I_j} + h s e_j are drawn, I_j uniform, e_j standard normal, with Silverman's
    bandwidth h = (4 / 3n)^(1/5). The quantiles q of t* = (mean(y) - m) / (sd(y) / sqrt(n)) give
    [m - q_.975 s / sqrt(n), m - q_.025 s / sqrt(n)]. Without the smoothing a resample of few
    values has no spread and the interval none of its coverage; with more of it t* would be
    Student's t. The random stream is fixed: the same values give the same interval.

    Args:
        samples: the values of each.
        roundings: the ``rounding_variance`` of each; 0 where left out. No sample's variance is
            taken for less.

    Returns:
        For each sample its interval, in the sample's units; None where it has fewer than two
        values.

    References:
        Hall (1988), Theoretical comparison of bootstrap confidence intervals;
        Silverman & Young (1987), The bootstrap: to smooth or not to smooth?;
        Polansky & Schucany (1997), Kernel smoothing to improve bootstrap confidence intervals.
    """
    found: list[Interval | None] = [None] * len(samples)
    by_size: dict[int, list[int]] = {}
    for index, sample in enumerate(samples):
        if len(sample) >= 2:
            by_size.setdefault(len(sample), []).append(index)
    for indices in by_size.values():
        for start in range(0, len(indices), _GROUPS_AT_ONCE):
            some = indices[start : start + _GROUPS_AT_ONCE]
            intervals = _equal_size_intervals(
                np.stack([samples[each] for each in some]),
                np.array([roundings[each] if roundings else 0.0 for each in some]),
            )
            for index, interval in zip(some, intervals, strict=True):
                found[index] = interval
    return found


def _equal_size_intervals(samples: Floats, roundings: Floats) -> list[Interval]:
    """Give the intervals of samples of one size, one a row."""
    n = samples.shape[1]
    means = np.array([mean(each) for each in samples])
    spreads = np.maximum([spread(each) for each in samples], np.sqrt(roundings))
    low, high = _limits_of_t(_standardized(samples, means, spreads), n)
    errors = spreads / math.sqrt(n)
    ends = (means - high * errors, means - low * errors)
    return list(zip(*(each.tolist() for each in ends), strict=True))


def _limits_of_t(residuals: Floats, n: int) -> tuple[Floats, Floats]:
    """Give the 2.5% and 97.5% quantiles of t* for rows of standardized residuals."""
    if n > _LARGE:
        limit = np.full(len(residuals), special.stdtrit(n - 1, 1 - ALPHA / 2))
        return -limit, limit
    means, variances = _resampled(residuals, stream=0)
    return _quantiles(means / np.sqrt(variances / n))


def _resampled(residuals: Floats, stream: int) -> tuple[Floats, Floats]:
    """Draw smoothed resamples of each row; give their means and variances, (rows, RESAMPLES).

    All rows share one draw. A resample's sums are then products of matrices: with counts c of
    the values drawn, sum(y) = c z + h sum(e) and sum(y^2) = c z^2 + 2 h E z + h^2 sum(e^2),
    where E adds up the noise that each value met.
    """
    n = residuals.shape[1]
    random = np.random.default_rng([n, stream])
    bandwidth = (4 / (3 * n)) ** 0.2
    drawn = random.integers(0, n, (RESAMPLES, n))
    noise = bandwidth * random.standard_normal((RESAMPLES, n))
    cells = (drawn + n * np.arange(RESAMPLES)[:, None]).ravel()
    # In floats: numpy multiplies matrices of integers without BLAS.
    counts = np.bincount(cells, minlength=RESAMPLES * n).reshape(RESAMPLES, n).astype(float)
    noises = np.bincount(cells, noise.ravel(), RESAMPLES * n).reshape(RESAMPLES, n)
    sums = residuals @ counts.T + noise.sum(axis=1)
    squares = residuals**2 @ counts.T + 2 * residuals @ noises.T + (noise**2).sum(axis=1)
    means = sums / n
    return means, (squares - n * means**2) / (n - 1)


def _quantiles(statistics: Floats) -> tuple[Floats, Floats]:
    """Give the order statistics of rank (RESAMPLES + 1) ALPHA / 2 from either end."""
    at = round((RESAMPLES + 1) * ALPHA / 2) - 1
    ordered = np.partition(statistics, [at, -at - 1], axis=-1)
    return ordered[..., at], ordered[..., -at - 1]


def _standardized(samples: Floats, means: Floats, spreads: Floats) -> Floats:
    scales = np.where(spreads > 0, spreads, 1.0)
    residuals: Floats = (samples - means[:, None]) / scales[:, None]
    return residuals


def paired_differences(
    pairs: Sequence[tuple[Floats, Floats]], roundings: Sequence[float] = ()
) -> list[Difference | None]:
    """Compare groups that share blocks: Student's t on the differences within blocks.

    t = mean(d) / (sd(d) / sqrt(n)) with n - 1 degrees of freedom (Student 1908), two-sided; the
    interval is that of ``mean_intervals`` for the differences.

    Args:
        pairs: for each comparison the first and the second group's values, block by block.
        roundings: for each comparison the variance that rounding alone gives a difference: the
            sum of the two groups' ``rounding_variance``; 0 where left out. No variance is taken
            for less.

    Returns:
        First minus second; None where there are fewer than two blocks.
    """
    differences = [_clean(first - second, first, second) for first, second in pairs]
    roundings = roundings or [0.0] * len(pairs)
    intervals = mean_intervals(differences, roundings)
    return [
        None if interval is None else _paired(values, interval, rounding)
        for values, interval, rounding in zip(differences, intervals, roundings, strict=True)
    ]


def _paired(differences: Floats, interval: Interval, rounding: float) -> Difference:
    n, centre = len(differences), mean(differences)
    deviation = max(spread(differences), math.sqrt(rounding))
    return Difference(
        mean=centre,
        ci95=interval,
        p_value=_two_sided(centre, deviation / math.sqrt(n), n - 1),
        paired=True,
        n=n,
        variance=deviation**2,
        freedom_per_run=1.0,
    )


def welch_difference(
    first: Floats, second: Floats, roundings: tuple[float, float] = (0.0, 0.0)
) -> Difference | None:
    """Compare groups without common blocks: Welch's t test (Welch 1947), two-sided.

    Degrees of freedom are Welch and Satterthwaite's. The interval is studentized like that of
    ``mean_intervals``, with each group resampled by itself.

    Args:
        first: one group's values.
        second: the other's.
        roundings: each group's ``rounding_variance``; its variance is not taken for less.

    Returns:
        First minus second; None where a group has fewer than two values.
    """
    if min(len(first), len(second)) < 2:
        return None
    size = max(np.abs(first).max(), np.abs(second).max())
    centre = mean(first) - mean(second)
    centre = 0.0 if abs(centre) <= _ROUNDING * size else centre
    sizes = (len(first), len(second))
    spreads = (spread(first), spread(second))
    variances = [max(s**2, least) for s, least in zip(spreads, roundings, strict=True)]
    shares = [variance / n for variance, n in zip(variances, sizes, strict=True)]
    error = math.sqrt(sum(shares))
    freedom = _satterthwaite(shares, [n - 1 for n in sizes])
    return Difference(
        mean=centre,
        ci95=_welch_interval((first, second), variances, centre, error, freedom),
        p_value=_two_sided(centre, error, freedom),
        paired=False,
        n=min(sizes),
        variance=sum(variances),
        freedom_per_run=_satterthwaite(variances, [1, 1]),
    )


def _satterthwaite(variances: Sequence[float], freedoms: Sequence[int]) -> float:
    """Give the degrees of freedom of a sum of independent estimates of variance."""
    total = sum(variances)
    if total == 0:
        return float(sum(freedoms))
    parts = zip(variances, freedoms, strict=True)
    return 1 / sum((variance / total) ** 2 / freedom for variance, freedom in parts)


def _welch_interval(
    samples: tuple[Floats, Floats],
    variances: Sequence[float],
    centre: float,
    error: float,
    freedom: float,
) -> Interval:
    if error == 0:
        return centre, centre
    if min(map(len, samples)) > _LARGE:
        limit = float(special.stdtrit(freedom, 1 - ALPHA / 2))
        return centre - limit * error, centre + limit * error
    moments = []
    for stream, (sample, variance) in enumerate(zip(samples, variances, strict=True)):
        deviation = np.array([math.sqrt(variance)])
        residuals = _standardized(sample[None], sample.mean(keepdims=True), deviation)
        means, resampled = _resampled(residuals, stream)
        moments.append((deviation * means, variance * resampled / len(sample)))
    (above, noise), (below, other) = moments
    low, high = _quantiles((above - below) / np.sqrt(noise + other))
    return centre - float(high[0]) * error, centre - float(low[0]) * error


def holm(p_values: Sequence[float], family: int | None = None) -> list[float]:
    """Correct p-values for their number by Holm's step-down procedure (Holm 1979).

    The i-th smallest of m is multiplied by m - i + 1, and none falls below a smaller one.

    Args:
        p_values: the p-values, in any order.
        family: how many tests they are the smallest of; their own number where left out.
    """
    family = len(p_values) if family is None else family
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for step, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, p_values[index] * (family - step)))
        corrected[index] = largest
    return corrected


def runs_needed(difference: Difference, most: int) -> int | None:
    """Count the runs a group needs so that a test sees this difference, 80% of the time at 5%.

    The difference and its variance are taken for the true ones; the power of the two-sided t
    test is 1 - F(c; df, nc) + F(-c; df, nc), F the noncentral t distribution with
    nc = |mean| / sqrt(variance / n) and c its critical value (Cohen 1988, section 2.5).

    Returns:
        The smallest such number of runs (or pairs) a group, ``most`` where it is larger; None
        where there is no spread to count with.
    """
    if difference.variance == 0:
        return None
    effect = abs(difference.mean) / math.sqrt(difference.variance)
    counts = range(2, most)
    at = bisect_left(counts, POWER, key=lambda n: _power(effect, n, difference.freedom_per_run))
    return counts[at] if at < len(counts) else most


def _power(effect: float, n: int, freedom_per_run: float) -> float:
    freedom = freedom_per_run * (n - 1)
    shift = effect * math.sqrt(n)
    if shift > 30:  # beyond what the distribution function resolves
        return 1.0
    limit = special.stdtrit(freedom, 1 - ALPHA / 2)
    missed = special.nctdtr(freedom, shift, limit) - special.nctdtr(freedom, shift, -limit)
    return 1.0 - float(missed)


def _two_sided(difference: float, error: float, freedom: float) -> float | None:
    """Give the p-value of t = difference / error: 1 for what is equal, None without any error."""
    if error == 0:
        return 1.0 if difference == 0 else None
    return min(1.0, 2 * float(special.stdtr(freedom, -abs(difference / error))))


def _clean(differences: Floats, first: Floats, second: Floats) -> Floats:
    """Take differences that are rounding for what they are: none."""
    size = np.maximum(np.abs(first), np.abs(second)).max(initial=0.0)
    return np.where(np.abs(differences) <= _ROUNDING * size, 0.0, differences)
