"""How many more seeds would settle whether a contender is worse than the leader, or as good."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from service.comparison.samples import ALPHA, Floats, Samples, Spreads
from service.comparison.studentized_range import critical

#: Probability with which that many seeds settle it.
POWER = 0.8
#: Probability with which a spread is not larger than is planned with.
PROBABLY = 0.75
#: More seeds than this are not counted: in practice such configurations are equal.
MOST_SEEDS = 400
#: Others whose chances of not being matched are added up; the rest are far easier.
_HARDEST = 8


@dataclass(frozen=True)
class SeedsPlan:
    """What the answer depends on.

    Attributes:
        samples: of all configurations.
        one: the leader, or the reference.
        margin: how far behind still is as good.
        contenders: how many are undecided.
        named: whether ``one`` was named beforehand, and is not the highest of several means.
    """

    samples: Samples
    one: int
    margin: float
    contenders: int
    named: bool = False


def more_seeds(plan: SeedsPlan, undecided: Sequence[int]) -> dict[int, int | None]:
    """Return for each undecided configuration how many more seeds would probably settle it.

    With n' seeds in all, v and rho as they are, f' degrees of freedom and the gap shrunk by
    (1 - 1/t^2)_+, since it was looked for, a contender is settled where
    P(T' > q_.95(m, f') / sqrt(2)) is .8 or more, T' noncentral t with gap / se(n'): it is then
    found to be worse; m is the number of the undecided and the leader. Or where it is as good as
    every other j: the chances of missing that, 1 - P(T' > t_.95(f')) with (margin - gap_j) /
    se_j(n'), sum to .2 or less over the others that are hardest to be as good as.

    Returns:
        By row; None where more than ``MOST_SEEDS`` are needed.
    """
    if not undecided:
        return {}
    rows = np.array(undecided)
    others = _hardest(plan, rows)
    now = np.minimum(plan.samples.n[rows], plan.samples.n[plan.one])
    freedoms = _freedoms(plan)
    worse = _Way(
        *_pairs(plan, rows, np.full((len(rows), 1), plan.one)), _worse_limits(plan, freedoms)
    )
    apart, variance = _pairs(plan, rows, others)
    as_good = _Way(plan.margin - apart, variance, special.stdtrit(freedoms, 1 - ALPHA))
    least = np.minimum(worse.least(freedoms, now), as_good.least(freedoms, now))
    return {
        row: int(seeds - had) if seeds <= MOST_SEEDS else None
        for row, seeds, had in zip(undecided, least, now, strict=True)
    }


def _hardest(plan: SeedsPlan, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return for each contender the others that it is hardest to be as good as, (r, others).

    About (z_.95 + z_.8)^2 v / (margin - gap)^2 seeds are needed for each. Against a named one, it
    is that one alone.
    """
    if plan.named:
        return np.full((len(rows), 1), plan.one)
    entered = np.flatnonzero(plan.samples.entered & (plan.samples.n > 1))
    apart, variance = _pairs(plan, rows, np.tile(entered, (len(rows), 1)))
    with np.errstate(divide="ignore"):
        hard = np.where(apart < plan.margin, variance / (plan.margin - apart) ** 2, np.inf)
    hard[entered[None] == rows[:, None]] = -np.inf
    most = min(_HARDEST, len(entered) - 1)
    return np.asarray(entered[np.argsort(-hard, axis=1)[:, :most]], np.intp)


def _pairs(
    plan: SeedsPlan, rows: NDArray[np.intp], others: NDArray[np.intp]
) -> tuple[Floats, Floats]:
    """Return how far each contender is behind its others, shrunk, and n times the variance."""
    samples = plan.samples
    apart = samples.means[others] - samples.means[rows, None]
    apart = np.abs(apart) if plan.named else apart
    n = np.minimum(samples.n[rows, None], samples.n[others])
    seen = _variance_of_difference(samples, samples.spreads.variances, rows, others)
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = np.nan_to_num(np.maximum(0.0, 1 - seen / n / apart**2))
    probable = _variance_of_difference(samples, _probable(samples.spreads), rows, others)
    return np.where(apart > 0, apart * kept, apart), probable


def _variance_of_difference(
    samples: Samples, v: Floats, rows: NDArray[np.intp], others: NDArray[np.intp]
) -> Floats:
    own, theirs = v[rows, None], v[others]
    return np.asarray(own + theirs - 2 * samples.correlation * np.sqrt(own * theirs), float)


def _probable(spreads: Spreads) -> Floats:
    """Return variances that the true ones probably do not exceed: v f / chi2_.25(f).

    Three seeds may well show less spread than there is; a plan by what they show would fall short
    in half of all cases (Browne 1995).
    """
    f = np.minimum(spreads.freedoms, 1e6)
    return np.asarray(spreads.variances * f / special.chdtri(f, PROBABLY), float)


def _freedoms(plan: SeedsPlan) -> Floats:
    """Return the degrees of freedom of a difference, by the number of seeds in all."""
    more = np.maximum(np.arange(MOST_SEEDS + 1) - 1.0, 1.0)
    family = int(plan.samples.entered.sum())
    own = np.minimum(plan.samples.spreads.prior_freedom + more, more * family)
    return np.asarray(2 * np.minimum(own, 1e6), float)


@dataclass(frozen=True)
class _Way:
    """A way in which r contenders can be settled, each against some others.

    Attributes:
        apart: (r, others), what has to be found.
        variance: (r, others), of a difference, times the number of seeds.
        limits: the t from which on it is found, by the number of seeds in all.
    """

    apart: Floats
    variance: Floats
    limits: Floats

    def least(self, freedoms: Floats, now: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the fewest seeds above ``now`` with enough power; ``MOST_SEEDS`` + 1 for none."""
        low, high = now + 1, np.full(len(now), MOST_SEEDS + 1)
        while (open_ := low < high).any():
            middle = (low + high) // 2
            enough = self._power(freedoms, np.minimum(middle, MOST_SEEDS)) >= POWER
            high = np.where(open_ & enough, middle, high)
            low = np.where(open_ & ~enough, middle + 1, low)
        return low

    def _power(self, freedoms: Floats, seeds: NDArray[np.intp]) -> Floats:
        """Return the chance of finding all, at least, for each with its number of seeds."""
        f, limits = freedoms[seeds, None], self.limits[seeds, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            shift = self.apart / np.sqrt(self.variance / seeds[:, None])
        # Beyond this the distribution function is 0 to the last digit, and its series is long.
        certain = shift > limits + 8 + 30 / f
        missed = special.nctdtr(f, np.where((shift > 0) & ~certain, shift, 0.0), limits)
        missed = np.where(certain, 0.0, np.where(shift > 0, missed, 1.0))
        return np.asarray(1.0 - missed.sum(axis=1), float)


def _worse_limits(plan: SeedsPlan, freedoms: Floats) -> Floats:
    """Return the t from which on a contender is worse, for each number of seeds."""
    if plan.named:
        level = ALPHA / (2 * plan.contenders)
        return np.asarray(special.stdtrit(freedoms, 1 - level), float)
    return np.asarray(critical(float(plan.contenders + 1), freedoms) / np.sqrt(2), float)
