"""Statistics of the claims: intervals of means, and tests of two groups named beforehand.

Pure functions of numbers; nothing here knows runs or metrics. Values are float64 and finite.
Spreads below 1e-12 of the values' size are treated as zero, so that equal values are a tie and
not a division by zero.

Values may lie on a grid: an accuracy on m samples is a multiple of 1/m, its resolution. A few of
them can agree to the last digit by chance, and a spread of 0 would make every difference certain.
So a variance is never taken to be less than rounding to the grid alone causes: 1 / (12 m^2)
(Sheppard 1898). docs/comparisons.md measures the effect on the level of the tests and on the
coverage of the intervals.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Interval = tuple[float, float]

#: Error rate of the tests, and of the intervals.
ALPHA = 0.05
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

    Attributes:
        mean: the difference of the means.
        ci95: its 95% interval.
        p_value: two-sided; None where the difference has no spread, and no grid that could hide
            one. ``ci95`` then has no width.
        paired: whether values were compared within common blocks.
        n: pairs, or the runs of the smaller group.
    """

    mean: float
    ci95: Interval
    p_value: float | None
    paired: bool
    n: int


def mean(values: Floats) -> float:
    """Return the mean: the same for every order of the values, and never outside their range."""
    centre = math.fsum(values) / len(values)
    return min(max(centre, float(values.min())), float(values.max()))


def spread(values: Floats) -> float:
    """Return the sample standard deviation (over n - 1); 0 where it is only rounding."""
    deviation = float(values.std(ddof=1))
    return deviation if deviation > _ROUNDING * float(np.abs(values).max()) else 0.0


def rounding_variance(resolution: float) -> float:
    """Return the variance of rounding to a grid of this step (Sheppard 1898); 0 without a grid."""
    return resolution**2 / 12


def mean_intervals(
    samples: Sequence[Floats], roundings: Sequence[float] = ()
) -> list[Interval | None]:
    """Return a 95% interval for the mean behind each sample: a smoothed studentized bootstrap.

    From the sample x_1..x_n with mean m and standard deviation s, resamples
    y_j = x_{I_j} + h s e_j are drawn, I_j uniform, e_j standard normal, with Silverman's
    bandwidth h = (4 / 3n)^(1/5). The quantiles q of t* = (mean(y) - m) / (sd(y) / sqrt(n)) give
    [m - q_.975 s / sqrt(n), m - q_.025 s / sqrt(n)]. Without smoothing, resamples of few values
    often have no spread, and the interval loses its coverage; with more smoothing t* would be
    Student's t. The random stream is fixed: the same values give the same interval.

    Args:
        samples: the values of each.
        roundings: the ``rounding_variance`` of each, below which its variance is not taken; 0
            where omitted.

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
            chunk = indices[start : start + _GROUPS_AT_ONCE]
            intervals = _equal_size_intervals(
                np.stack([samples[index] for index in chunk]),
                np.array([roundings[index] if roundings else 0.0 for index in chunk]),
            )
            for index, interval in zip(chunk, intervals, strict=True):
                found[index] = interval
    return found


def _equal_size_intervals(samples: Floats, roundings: Floats) -> list[Interval]:
    """Return the intervals of samples of one size, one sample per row."""
    n = samples.shape[1]
    means = np.array([mean(sample) for sample in samples])
    spreads = np.maximum([spread(sample) for sample in samples], np.sqrt(roundings))
    low, high = _limits_of_t(_standardized(samples, means, spreads), n)
    errors = spreads / math.sqrt(n)
    ends = (means - high * errors, means - low * errors)
    return list(zip(*(end.tolist() for end in ends), strict=True))


def _limits_of_t(residuals: Floats, n: int) -> tuple[Floats, Floats]:
    """Return the 2.5% and 97.5% quantiles of t* for rows of standardized residuals."""
    if n > _LARGE:
        limit = np.full(len(residuals), special.stdtrit(n - 1, 1 - ALPHA / 2))
        return -limit, limit
    means, variances = _resampled(residuals, stream=0)
    return _quantiles(means / np.sqrt(variances / n))


def _resampled(residuals: Floats, stream: int) -> tuple[Floats, Floats]:
    """Draw smoothed resamples of each row; return their means and variances, (rows, RESAMPLES).

    All rows share one draw, so that a resample's sums are products of matrices: with counts c of
    the values drawn, sum(y) = c z + h sum(e) and sum(y^2) = c z^2 + 2 h E z + h^2 sum(e^2),
    where E is the sum of the noise that was added to each value.
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
    """Return the order statistics of rank (RESAMPLES + 1) ALPHA / 2 from either end."""
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
        roundings: for each comparison the variance that rounding alone gives a difference, the
            sum of the two groups' ``rounding_variance``, below which its variance is not taken;
            0 where omitted.

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
        roundings: each group's ``rounding_variance``, below which its variance is not taken.

    Returns:
        First minus second; None where a group has fewer than two values.
    """
    if min(len(first), len(second)) < 2:
        return None
    size = max(np.abs(first).max(), np.abs(second).max())
    centre = mean(first) - mean(second)
    centre = _visible(centre, size)
    sizes = (len(first), len(second))
    spreads = [_visible(spread(values), size) for values in (first, second)]
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
    )


def _satterthwaite(variances: Sequence[float], freedoms: Sequence[int]) -> float:
    """Return the degrees of freedom of a sum of independent estimates of variance."""
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
    """Return p-values corrected for their number by Holm's step-down procedure (Holm 1979).

    The i-th smallest of m is multiplied by m - i + 1, and none falls below a smaller one.

    Args:
        p_values: the p-values, in any order.
        family: the number of tests of which they are the smallest; their own where omitted.
    """
    family = len(p_values) if family is None else family
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for step, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, p_values[index] * (family - step)))
        corrected[index] = largest
    return corrected


def _two_sided(difference: float, error: float, freedom: float) -> float | None:
    """Return the p-value of t = difference / error: 1 for equal means, None without any error."""
    if error == 0:
        return 1.0 if difference == 0 else None
    return min(1.0, 2 * float(special.stdtr(freedom, -abs(difference / error))))


def _visible(value: float, size: float) -> float:
    """Return the value, 0 where it is only rounding beside values of this size."""
    return value if abs(value) > _ROUNDING * size else 0.0


def _clean(differences: Floats, first: Floats, second: Floats) -> Floats:
    """Return the differences, 0 where one is only rounding."""
    size = np.maximum(np.abs(first), np.abs(second)).max(initial=0.0)
    return np.where(np.abs(differences) <= _ROUNDING * size, 0.0, differences)
