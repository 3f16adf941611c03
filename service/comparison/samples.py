"""Samples: the values of each configuration by seed, with spreads borrowed across configurations.

Three values say little about their own spread. The spreads of all configurations together say how
large spreads are here, and each configuration's own is moderated by that (Smyth 2004).

Pure functions of numbers; nothing here knows runs or metrics. Values are float64, larger is better.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Interval = tuple[float, float]

#: Error rate of the tests, and of the intervals.
ALPHA = 0.05
#: Spreads below this share of the values' size are rounding, and count as zero: what is recorded
#: comes from float32, eight of whose steps it is.
_ROUNDING = 1e-6
#: Fewer spreads than this say nothing of how large spreads are.
_LEAST_SPREADS = 3
_MOST_CORRELATION = 0.95


def is_rounding(deviation: Any, size: Any) -> Any:
    """Return whether a deviation, or each of an array, is no more than rounding gives a value.

    Args:
        deviation: between values that may be the same.
        size: the largest of them, without its sign.
    """
    return deviation <= _ROUNDING * size


@dataclass(frozen=True)
class Samples:
    """k configurations with a value for each of s seeds.

    Attributes:
        values: (k, s), larger is better; NaN where a seed has no value.
        trained: (k,), how many of a configuration's values are of runs that all trained, and
            reached the target where there is one.
        entered: (k,), whether any run did; others are neither compared nor lend a spread.
        floors: (k,), the variance that rounding to a grid alone gives a value, step^2 / 12, below
            which a variance is not taken (Sheppard 1898); 0 without a grid.
    """

    values: Floats
    trained: NDArray[np.intp]
    entered: NDArray[np.bool_]
    floors: Floats

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """(k, s): which seeds have a value."""
        return ~np.isnan(self.values)

    @cached_property
    def n(self) -> NDArray[np.intp]:
        """(k,): how many seeds have a value."""
        return np.asarray(self.present.sum(axis=1), np.intp)

    @cached_property
    def means(self) -> Floats:
        """(k,): the mean over seeds, never outside the values' range; NaN without a value."""
        means = np.full(len(self.values), np.nan)
        rows = self.n > 0
        if not rows.any():
            return means
        values = self.values[rows]
        low, high = np.nanmin(values, axis=1), np.nanmax(values, axis=1)
        means[rows] = np.clip(np.nanmean(values, axis=1), low, high)
        return means

    @cached_property
    def observed(self) -> Floats:
        """(k,): the sample variance over n - 1; 0 where it is rounding, NaN below two values."""
        variances = np.full(len(self.values), np.nan)
        rows = self.n > 1
        if not rows.any():
            return variances
        values = self.values[rows]
        found = np.nanvar(values, axis=1, ddof=1)
        size = np.nanmax(np.abs(values), axis=1)
        variances[rows] = np.where(is_rounding(np.sqrt(found), size), 0.0, found)
        return variances

    @cached_property
    def spreads(self) -> "Spreads":
        """The moderated variances of all configurations that trained on a seed."""
        own = np.where(self.entered, self.observed, np.nan)
        return moderated(own, np.maximum(self.n - 1, 0), self.floors)

    @cached_property
    def correlation(self) -> float:
        """What seeds have in common: one number for all pairs of configurations."""
        return _correlation(self)


@dataclass(frozen=True)
class Spreads:
    """Moderated variances.

    Attributes:
        variances: (k,), v; NaN where there is nothing to estimate it from.
        freedoms: (k,), the degrees of freedom of each.
        prior_freedom: d0, how many degrees of freedom the other configurations lend; infinite
            where all spreads are alike, 0 where nothing is lent.
        total_freedom: the degrees of freedom of all configurations together.
    """

    variances: Floats
    freedoms: Floats
    prior_freedom: float
    total_freedom: float


def moderated(observed: Floats, freedoms: NDArray[np.intp], floors: Floats) -> Spreads:
    """Return each configuration's variance, moderated by those of all.

    With s_i^2 the sample variance (not below its floor) of nu_i = n_i - 1 degrees of freedom,
    v_i = (d0 s0^2 + nu_i s_i^2) / (d0 + nu_i) with f_i = d0 + nu_i degrees of freedom, at most
    the sum of all nu. d0 and s0^2 are fitted to the logarithms of the s_i^2.

    Args:
        observed: (k,), sample variances; NaN where a configuration is not to be looked at.
        freedoms: (k,), nu.
        floors: (k,), the least variances.

    References:
        Smyth (2004), Linear models and empirical Bayes methods for assessing differential
        expression in microarray experiments, equations in section 6.2.
    """
    known = np.isfinite(observed) & (freedoms > 0)
    nu = np.where(known, freedoms, 0).astype(float)
    own = np.where(known, np.maximum(observed, floors), 0.0)
    total = float(nu.sum())
    above = known & (own > floors)
    d0, s0 = _prior(own[above], nu[above])
    with np.errstate(invalid="ignore", divide="ignore"):
        lent = np.full(len(own), s0) if np.isinf(d0) else (d0 * s0 + nu * own) / (d0 + nu)
    variances = np.maximum(lent, floors)
    return Spreads(variances, np.minimum(d0 + nu, max(total, 1.0)), d0, total)


def _prior(variances: Floats, nu: Floats) -> tuple[float, float]:
    """Return d0 and s0^2, by the mean and the variance of log s^2 (Smyth 2004, section 6.2)."""
    if len(variances) < _LEAST_SPREADS:
        return 0.0, 0.0
    e = np.log(variances) - special.digamma(nu / 2) + np.log(nu / 2)
    excess = float(e.var(ddof=1) - special.polygamma(1, nu / 2).mean())
    if excess <= 0:
        return np.inf, float(np.exp(e.mean()))
    d0 = 2 * _inverse_trigamma(excess)
    return d0, float(np.exp(e.mean() + special.digamma(d0 / 2) - np.log(d0 / 2)))


def _inverse_trigamma(y: float) -> float:
    """Return x with trigamma(x) = y, by Newton's method on 1 / trigamma (Smyth 2004, appendix)."""
    if y > 1e7:
        return float(1 / np.sqrt(y))
    x = 0.5 + 1 / y
    for _ in range(50):
        trigamma = float(special.polygamma(1, x))
        change = trigamma * (1 - trigamma / y) / float(special.polygamma(2, x))
        x += change
        if -change / x < 1e-9:
            break
    return x


def _correlation(samples: Samples) -> float:
    """Return the correlation over seeds between configurations; 0 where it may be chance.

    With z_is = (x_is - m_i) / sqrt(v_i), rho = sum over pairs i <> j of z_i . z_j over
    (k - 1) sum |z_i|^2: an intraclass correlation, one number from all pairs, as limma's consensus
    correlation (Smyth, Michaud & Scott 2005). Over |z_i| |z_j| it would be too large with three
    seeds: .61 for .5.
    """
    rows = (samples.n > 1) & samples.entered & (samples.spreads.variances > 0)
    k = int(rows.sum())
    if k < 2:
        return 0.0
    scale = np.sqrt(samples.spreads.variances[rows])[:, None]
    z = np.nan_to_num((samples.values[rows] - samples.means[rows, None]) / scale)
    squares = float((z**2).sum())
    if squares <= 0:
        return 0.0
    rho = (float((z.sum(axis=0) ** 2).sum()) - squares) / ((k - 1) * squares)
    by_chance = 2 * np.sqrt(2 / (k * (k - 1) * (samples.n[rows].mean() - 1)))
    return min(rho, _MOST_CORRELATION) if rho > by_chance else 0.0


@dataclass(frozen=True)
class Gaps:
    """How far k configurations are behind one of them.

    Attributes:
        gaps: (k,), that one's mean minus each configuration's.
        errors: (k,), the standard error of each gap; 0 where there is no spread at all, NaN
            where it cannot be estimated.
        freedoms: (k,), degrees of freedom of each error.
    """

    gaps: Floats
    errors: Floats
    freedoms: Floats

    @property
    def t(self) -> Floats:
        """(k,): the gaps in standard errors; NaN where there is no spread."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.errors > 0, self.gaps / self.errors, np.nan)


def gaps_behind(samples: Samples, one: int) -> Gaps:
    """Return how far each configuration is behind one, with seeds in common taken into account.

    se^2 = v_i/n_i + v_b/n_b - 2 rho sqrt(v_i v_b) n_ib / (n_i n_b), n_ib the seeds in common, with
    Satterthwaite's degrees of freedom, at most those of all configurations together.
    """
    spreads, n = samples.spreads, np.maximum(samples.n, 1)
    both = (samples.present & samples.present[one]).sum(axis=1)
    v, f = spreads.variances, spreads.freedoms
    own, other = v / n, v[one] / n[one]
    common = 2 * samples.correlation * np.sqrt(v * v[one]) * both / (n * n[one])
    gaps = samples.means[one] - samples.means
    size = np.maximum(np.abs(samples.means[one]), np.abs(samples.means))
    gaps = np.where(is_rounding(np.abs(gaps), size), 0.0, gaps)
    return Gaps(gaps, np.sqrt(own + other - common), satterthwaite(own, other, f, f[one], spreads))


def satterthwaite(
    own: Floats, other: Floats | float, f: Floats, f_other: Floats | float, spreads: Spreads
) -> Floats:
    """Return the degrees of freedom of a sum of two variances (Satterthwaite 1946)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = (own + other) ** 2 / (own**2 / f + other**2 / f_other)
    least = np.minimum(f, f_other)
    return np.minimum(np.where(np.isfinite(found), found, least), max(spreads.total_freedom, 1.0))
