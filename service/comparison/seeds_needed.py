"""How many more seeds would settle whether a contender is worse than the leader, or as good."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from service.comparison.samples import ALPHA, Floats, Samples, gaps_behind
from service.comparison.studentized_range import critical

#: Probability with which that many seeds settle it.
POWER = 0.8
#: More seeds than this are not counted: in practice such configurations are equal.
MOST_SEEDS = 400


@dataclass(frozen=True)
class Plan:
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


def more_seeds(plan: Plan, undecided: Sequence[int]) -> dict[int, int | None]:
    """Return for each undecided configuration how many more seeds would probably settle it.

    With n' seeds in all, v and rho as they are, f' degrees of freedom and the gap shrunk by
    (1 - 1/t^2)_+, since it was looked for, a contender is settled where
    P(T' > q_.95(m, f') / sqrt(2)) is .8 or more, T' noncentral t with gap / se(n'): it is then
    found to be worse; or where P(T' > t_.95(f')) is, with (margin - gap) / se(n'): as good.
    m is the number of the undecided and the leader.

    Returns:
        By row; None where more than ``MOST_SEEDS`` are needed.
    """
    if not undecided:
        return {}
    rows = list(undecided)
    samples, spreads = plan.samples, plan.samples.spreads
    gaps = gaps_behind(samples, plan.one)
    t = np.abs(gaps.t[rows])
    apart = np.abs(gaps.gaps[rows]) * np.maximum(0.0, 1 - 1 / np.maximum(t, 1e-9) ** 2)
    v, w = spreads.variances[rows], spreads.variances[plan.one]
    variance = v + w - 2 * samples.correlation * np.sqrt(v * w)
    now = np.minimum(samples.n[rows], samples.n[plan.one])
    ways = _Ways(plan, apart, variance)
    least = np.minimum(ways.least(ways.worse, now), ways.least(ways.as_good, now))
    return {
        row: int(seeds - had) if seeds <= MOST_SEEDS else None
        for row, seeds, had in zip(rows, least, now, strict=True)
    }


class _Ways:
    """The two ways in which r contenders can be settled, each with its power by seeds in all."""

    def __init__(self, plan: Plan, apart: Floats, variance: Floats) -> None:
        self._seeds = np.arange(MOST_SEEDS + 1, dtype=float)
        family = int(plan.samples.entered.sum())
        more = np.maximum(self._seeds - 1, 1)
        own = np.minimum(plan.samples.spreads.prior_freedom + more, more * family)
        self._freedoms = 2 * np.minimum(own, 1e6)
        self._variance = variance
        self.worse = (apart, _worse_limits(plan, self._freedoms))
        self.as_good = (plan.margin - apart, special.stdtrit(self._freedoms, 1 - ALPHA))

    def least(self, way: tuple[Floats, Floats], now: NDArray[np.intp]) -> NDArray[np.intp]:
        """Return the fewest seeds above ``now`` with enough power; ``MOST_SEEDS`` + 1 for none."""
        low, high = now + 1, np.full(len(now), MOST_SEEDS + 1)
        while (open_ := low < high).any():
            middle = (low + high) // 2
            enough = self._power(way, np.minimum(middle, MOST_SEEDS)) >= POWER
            high = np.where(open_ & enough, middle, high)
            low = np.where(open_ & ~enough, middle + 1, low)
        return low

    def _power(self, way: tuple[Floats, Floats], seeds: NDArray[np.intp]) -> Floats:
        """Return P(T' > limit), T' noncentral t, for each contender with its number of seeds."""
        apart, limits = way[0], way[1][seeds]
        freedoms = self._freedoms[seeds]
        with np.errstate(divide="ignore", invalid="ignore"):
            shift = apart / np.sqrt(self._variance / self._seeds[seeds])
        # Beyond this the distribution function is 0 to the last digit, and its series is long.
        certain = shift > limits + 8 + 30 / freedoms
        found = shift > 0
        missed = special.nctdtr(freedoms, np.where(found & ~certain, shift, 0.0), limits)
        return np.where(certain, 1.0, np.where(found, 1.0 - missed, 0.0))


def _worse_limits(plan: Plan, freedoms: Floats) -> Floats:
    """Return the t from which on a contender is worse, for each number of seeds."""
    if plan.named:
        level = ALPHA / (2 * plan.contenders)
        return np.asarray(special.stdtrit(freedoms, 1 - level), float)
    return np.asarray(critical(float(plan.contenders + 1), freedoms) / np.sqrt(2), float)
