"""How much each axis matters: an analysis of variance on a grid that may have gaps.

Pure functions of numbers; nothing here knows runs or metrics.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]

#: Most columns of a linear model. With more, interactions are omitted, then the whole analysis.
MOST_COLUMNS = 400
_ROUNDING = 1e-12

Term = tuple[str, ...]


@dataclass(frozen=True)
class Effect:
    """How much one axis, or two together, add to a model of all others.

    With ``df`` 0 nothing is left to add: the axis cannot be distinguished from the others, and
    the figures are None. ``f`` and ``p_value`` are None where no degree of freedom is left for
    the error. Where the error is 0, ``f`` is infinite and ``p_value`` None: the true error is
    then unknown.
    """

    axes: Term
    df: int
    df_error: int
    sum_of_squares: float | None
    eta_squared: float | None
    omega_squared: float | None
    f: float | None
    p_value: float | None


def analyse(
    values: Sequence[float],
    factors: Mapping[str, Sequence[Hashable]],
    blocks: Sequence[Hashable] | None = None,
    *,
    rounding: float = 0.0,
) -> list[Effect]:
    """Return the main effect of each factor and the interaction of each two.

    A linear model is fitted by least squares. Sums of squares are of type II: a term's is how
    much it adds to the model of all terms that do not contain it, so it depends on no order and
    holds on unbalanced grids. Blocks (a seed that every configuration was trained with) are
    removed first, as one more factor without interactions. eta^2 = SS / SS_total is a term's
    share of all variation; omega^2 = (SS - df MSE) / (SS_total + MSE), at least 0, is that share
    corrected for chance (Olejnik & Algina 2003); F = (SS / df) / MSE.

    Where interactions would leave no degree of freedom for the error, as with one seed, they
    are omitted and count as error.

    Args:
        values: n finite values.
        factors: for each factor its n levels.
        blocks: n blocks, or none.
        rounding: the variance that rounding alone gives a value, below which the mean square of
            the errors is not taken (``service.comparison.inference``).

    References:
        Yates (1934), The analysis of multiple classifications with unequal numbers, method of
        fitting constants; Langsrud (2003), ANOVA for unbalanced data: use type II.
    """
    varying = {name: list(levels) for name, levels in factors.items() if len({*levels}) > 1}
    if not varying:
        return []
    mains: list[Term] = [(name,) for name in varying]
    pairs = list(combinations(varying, 2))
    for terms in ([*mains, *pairs], mains):
        model = _Model.of(np.asarray(values, float), varying, terms, blocks, rounding)
        if model is not None and (terms is mains or model.df_error > 0):
            return [model.effect(term) for term in terms]
    return []


@dataclass(frozen=True)
class _Model:
    """A linear model reduced to its triangular factor, which fits any of its terms.

    ``reduced`` is R of the QR decomposition of (columns, values): sums of squares over its few
    rows equal those over all n rows.
    """

    reduced: Floats
    columns: dict[Term, list[int]]
    freedom: int
    total: float
    df_error: int
    error: float

    @classmethod
    def of(
        cls,
        values: Floats,
        factors: Mapping[str, Sequence[Hashable]],
        terms: Sequence[Term],
        blocks: Sequence[Hashable] | None,
        rounding: float,
    ) -> "_Model | None":
        """Return the model of all terms; None where they need too many columns."""
        designs = _designs(factors, terms)
        if designs is None:
            return None
        block_codes = _codes([0] * len(values) if blocks is None else blocks)
        centred = values - values.mean()
        total = float(centred @ centred)
        if total <= len(values) * (_ROUNDING * float(np.abs(values).max(initial=0))) ** 2:
            centred, total = np.zeros_like(centred), 0.0
        stacked = np.column_stack([*designs.values(), centred])
        reduced: Floats = np.asarray(np.linalg.qr(_within(stacked, block_codes), mode="r"))
        columns, start = {}, 0
        for term, design in designs.items():
            columns[term] = list(range(start, start + design.shape[1]))
            start += design.shape[1]
        freedom = len(values) - int(block_codes.max()) - 1
        rank, error = _fit(reduced, [index for term in terms for index in columns[term]])
        error = max(error if error > _ROUNDING * total else 0.0, (freedom - rank) * rounding)
        return cls(reduced, columns, freedom, total, freedom - rank, error)

    def effect(self, term: Term) -> Effect:
        """Return a term's effect, from the models with and without it."""
        others = [
            index
            for other, indices in self.columns.items()
            if not {*term} <= {*other}
            for index in indices
        ]
        rank_without, error_without = _fit(self.reduced, others)
        rank_with, error_with = _fit(self.reduced, others + self.columns[term])
        df = rank_with - rank_without
        if df == 0:
            return Effect(term, 0, self.df_error, None, None, None, None, None)
        added = error_without - error_with
        added = added if added > _ROUNDING * self.total else 0.0
        f, p_value = self._test(added, df)
        eta = added / self.total if self.total else 0.0
        return Effect(term, df, self.df_error, added, eta, self._omega(added, df), f, p_value)

    def _test(self, added: float, df: int) -> tuple[float | None, float | None]:
        if self.df_error == 0:
            return None, None
        if added == 0:
            return 0.0, 1.0
        if self.error == 0:
            return np.inf, None
        f = added / df / (self.error / self.df_error)
        return f, float(special.fdtrc(df, self.df_error, f))

    def _omega(self, added: float, df: int) -> float | None:
        if self.df_error == 0:
            return None
        mean_error = self.error / self.df_error
        scale = self.total + mean_error
        return max(0.0, (added - df * mean_error) / scale) if scale else 0.0


def _fit(reduced: Floats, columns: Sequence[int]) -> tuple[int, float]:
    """Fit the last column by some others; return their rank and the residual sum of squares."""
    target = reduced[:, -1]
    if not columns:
        return 0, float(target @ target)
    design = reduced[:, list(columns)]
    solution, _, rank, _ = np.linalg.lstsq(design, target, rcond=1e-10)
    rest = target - design @ solution
    return int(rank), float(rest @ rest)


def _designs(
    factors: Mapping[str, Sequence[Hashable]], terms: Sequence[Term]
) -> dict[Term, Floats] | None:
    """Return each term's columns of zeros and ones: its levels but the first, products for two."""
    codes = {name: _codes(levels) for name, levels in factors.items()}
    widths = {name: int(numbers.max()) for name, numbers in codes.items()}
    wanted = sum(int(np.prod([widths[name] for name in term])) for term in terms)
    if wanted > MOST_COLUMNS:
        return None
    levels = {
        name: (numbers[:, None] == np.arange(1, widths[name] + 1)).astype(float)
        for name, numbers in codes.items()
    }
    designs = {}
    for term in terms:
        design = levels[term[0]]
        for name in term[1:]:
            design = (design[:, :, None] * levels[name][:, None, :]).reshape(len(design), -1)
        designs[term] = design
    return designs


def _within(columns: Floats, codes: NDArray[np.intp]) -> Floats:
    """Return the columns without the mean of each block (Frisch and Waugh 1933)."""
    sums = np.zeros((int(codes.max()) + 1, columns.shape[1]))
    np.add.at(sums, codes, columns)
    return columns - (sums / np.bincount(codes)[:, None])[codes]


def _codes(levels: Sequence[Hashable]) -> NDArray[np.intp]:
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(level, len(numbers)) for level in levels], dtype=np.intp)
