"""How much each axis matters: effects on the configurations that trained, and what they add up to.

Whether a configuration trains at all is a question of its own, which ``LevelMeans`` count by level.
The effects are those on the values of the seeds that trained, on a scale on which a bound does not
make axes look as if they interacted: the logit of an accuracy, the logarithm of a loss.

Pure functions of groups; nothing here knows runs or the database.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg, special

from service.catalog.metrics import Kind
from service.comparison.design import Level
from service.comparison.groups import Group
from service.comparison.level_means import LevelMeans, Trained, level_means
from service.comparison.samples import ALPHA, Floats, Interval

#: Most columns of a linear model. With more, interactions are omitted, then the whole analysis.
MOST_COLUMNS = 300
#: Shares whose means all lie between these have no bound near them.
_FAR_FROM_BOUNDS = (0.2, 0.8)
_ROUNDING = 1e-12

Term = tuple[str, ...]
Scale = Literal["raw", "logit", "log"]


@dataclass(frozen=True)
class Effect:
    """How much one axis, or two together, add to a model of all others.

    With ``df`` 0 nothing is left to add: the axis cannot be distinguished from the others, and the
    figures are None. Without a repeated seed there is no error to test with: all but the sum of
    squares is None.

    Attributes:
        axes: one for a main effect, two for their interaction.
        df: how many independent differences it has.
        sum_of_squares: of type II: what it adds to all terms that do not contain it.
        omega_squared: its share of all variation, without what chance adds.
        omega_ci95: the 95% interval of that share.
        partial_omega_squared: its share of the variation that no other term explains.
        generalized_eta_squared: its sum of squares over that and those within configurations.
        f: the ANOVA-type statistic.
        df_test: the two degrees of freedom of ``f``.
        p_value: not corrected.
    """

    axes: Term
    df: int
    sum_of_squares: float | None = None
    omega_squared: float | None = None
    omega_ci95: Interval | None = None
    partial_omega_squared: float | None = None
    generalized_eta_squared: float | None = None
    f: float | None = None
    df_test: tuple[float, float] | None = None
    p_value: float | None = None


@dataclass(frozen=True)
class Effects:
    """What the axes do to the configurations that trained.

    Attributes:
        scale: on which the effects were computed.
        effects: the main effect of each axis and the interaction of each two.
        levels: the mean of each level of each axis.
        additive_means: by a group's position: what its mean would be without interactions, in the
            metric's units; empty where fewer than two axes vary.
    """

    scale: Scale
    effects: list[Effect]
    levels: list[LevelMeans]
    additive_means: dict[int, float]


def analyse(groups: Sequence[Group], by: Sequence[str], kind: Kind) -> Effects:
    """Return the effects of the axes that the groups are made by.

    Args:
        groups: all groups of a comparison.
        by: what they are made by.
        kind: that of the metric, which decides the scale.
    """
    trained = [Trained.of(group) for group in groups]
    cells = _Cells.of(trained, kind)
    levels = [found for axis in by for found in level_means(trained, axis)]
    varying = {axis: [groups[row].by[axis] for row in cells.rows] for axis in by}
    varying = {axis: column for axis, column in varying.items() if len({*column}) > 1}
    if not varying:
        return Effects(cells.scale, [], levels, {})
    mains: list[Term] = [(axis,) for axis in varying]
    pairs: list[Term] = [*combinations(varying, 2)]
    for terms in ([*mains, *pairs], mains):
        designs = _designs(varying, terms)
        if designs is not None:
            effects = [_effect(cells, designs, term) for term in terms]
            additive = _additive(cells, [designs[term] for term in mains]) if pairs else {}
            return Effects(cells.scale, effects, levels, additive)
    return Effects(cells.scale, [], levels, {})


@dataclass(frozen=True)
class _Cells:
    """The configurations that trained with some seed, on the scale of the analysis.

    Attributes:
        rows: their positions among all groups.
        n: (c,), how many seeds trained.
        means: (c,), the mean over these.
        variances: (c,), the sample variance, at least that of rounding; NaN of one value.
        values: all values.
        scale: the scale.
    """

    rows: list[int]
    n: Floats
    means: Floats
    variances: Floats
    values: list[Floats]
    scale: Scale

    @classmethod
    def of(cls, trained: Sequence[Trained], kind: Kind) -> "_Cells":
        """Return those of all groups with a value."""
        rows = [row for row, own in enumerate(trained) if len(own.values)]
        scale = _scale([trained[row].values for row in rows], kind)
        values = [_on_scale(trained[row].values, trained[row].group.floor, scale) for row in rows]
        variances = [
            _variance(trained[row], each, scale) for row, each in zip(rows, values, strict=True)
        ]
        n = np.array([len(each) for each in values], float)
        means = np.array([each.mean() for each in values])
        return cls(rows, n, means, np.array(variances), values, scale)

    @property
    def error(self) -> tuple[float, float]:
        """The sum of squares within configurations, and its degrees of freedom."""
        repeated = self.n > 1
        freedom = self.n[repeated] - 1
        return float((self.variances[repeated] * freedom).sum()), float(freedom.sum())

    @property
    def total(self) -> float:
        """The sum of squares of all values."""
        values = np.concatenate(self.values)
        return float(((values - values.mean()) ** 2).sum())


def _variance(trained: Trained, on_scale: Floats, scale: Scale) -> float:
    """Return the sample variance on a scale, at least that of rounding; NaN of one value."""
    if len(on_scale) < 2:
        return math.nan
    own = trained.variance
    if own > 0 and scale != "raw":
        own = float(on_scale.var(ddof=1))
    return max(own, _floor(trained.values, trained.group.floor, scale))


def _scale(values: Sequence[Floats], kind: Kind) -> Scale:
    if not values:
        return "raw"
    if kind == "share":
        low, high = _FAR_FROM_BOUNDS
        return "raw" if all(low <= each.mean() <= high for each in values) else "logit"
    return "log" if kind == "loss" and all((each > 0).all() for each in values) else "raw"


def _on_scale(values: Floats, floor: float, scale: Scale) -> Floats:
    """Return values on a scale; a share of m samples as logit((right + 1/2) / (m + 1))."""
    if scale == "log":
        return np.asarray(np.log(values), float)
    if scale == "logit":
        return np.asarray(special.logit(_inside(values, floor)), float)
    return values


def _inside(shares: Floats, floor: float) -> Floats:
    samples = 1 / math.sqrt(12 * floor) if floor > 0 else 1e6
    return (shares * samples + 0.5) / (samples + 1)


def _off_scale(values: Floats, scale: Scale) -> Floats:
    match scale:
        case "log":
            return np.asarray(np.exp(values), float)
        case "logit":
            return np.asarray(special.expit(values), float)
        case _:
            return values


def _floor(values: Floats, floor: float, scale: Scale) -> float:
    """Return the variance that rounding alone gives a value on the scale (delta method)."""
    if scale != "logit":
        return floor if scale == "raw" else 0.0
    share = float(_inside(values.mean(keepdims=True), floor)[0])
    return floor / (share * (1 - share)) ** 2


def _effect(cells: _Cells, designs: dict[Term, Floats], term: Term) -> Effect:
    """Return a term's effect: what it adds to all terms that do not contain it.

    omega^2 = (SS - df MSE) / (SS_total + MSE) (Hays 1963); partial omega^2 =
    (SS - df MSE) / (SS + (N - df) MSE); generalized eta^2 = SS / (SS + SS_within), as all axes are
    manipulated and seeds are not (Olejnik & Algina 2003).
    """
    others = [design for other, design in designs.items() if not {*term} <= {*other}]
    weights = np.sqrt(cells.n)
    added = _added(others, designs[term], weights)
    df = added.shape[1]
    if df == 0:
        return Effect(term, 0)
    squares = float(((added.T @ (weights * cells.means)) ** 2).sum())
    total = cells.total
    squares = squares if squares > _ROUNDING * total else 0.0
    within, freedom = cells.error
    if freedom == 0:
        return Effect(term, df, squares)
    mean_error = within / freedom
    size = max(0.0, squares - df * mean_error)
    all_values = float(cells.n.sum())
    f, df_test, p_value = _anova_type(cells, others, designs[term])
    return Effect(
        axes=term,
        df=df,
        sum_of_squares=squares,
        omega_squared=_share(size, total + mean_error),
        omega_ci95=_omega_interval(f, df_test, squares, total, mean_error),
        partial_omega_squared=_share(size, squares + (all_values - df) * mean_error),
        generalized_eta_squared=_share(squares, squares + within),
        f=f,
        df_test=df_test,
        p_value=p_value,
    )


def _share(part: float, whole: float) -> float:
    return min(1.0, part / whole) if whole > 0 else 0.0


def _anova_type(
    cells: _Cells, others: Sequence[Floats], design: Floats
) -> tuple[float | None, tuple[float, float] | None, float | None]:
    """Return the ANOVA-type statistic, its degrees of freedom and its p-value.

    With x the means of the cells that have two values or more, S = diag(s_c^2 / n_c) and T the
    projection on the effect, Q = x'Tx / tr(D_T S) against F(f, f0), where
    f = tr(TS)^2 / tr(TSTS), f0 = tr(D_T S)^2 / tr(D_T^2 S^2 diag(1 / (n_c - 1))). Spreads may
    differ between cells (Brunner, Dette & Munk 1997).
    """
    use = cells.n > 1
    basis = _added([other[use] for other in others], design[use], np.ones(int(use.sum())))
    if basis.shape[1] == 0:
        return None, None, None
    s = cells.variances[use] / cells.n[use]
    diagonal = (basis**2).sum(axis=1)
    scale = float(diagonal @ s)
    size = float(((basis.T @ cells.means[use]) ** 2).sum())
    if scale <= 0:
        return None, None, None
    mixed = basis.T @ (s[:, None] * basis)
    f = scale**2 / float((mixed**2).sum())
    f0 = scale**2 / float((diagonal**2 * s**2 / (cells.n[use] - 1)).sum())
    statistic = size / scale
    return statistic, (f, f0), float(special.fdtrc(f, f0, statistic))


def _omega_interval(
    f: float | None,
    df: tuple[float, float] | None,
    squares: float,
    total: float,
    mean_error: float,
) -> Interval | None:
    """Return the 95% interval of omega^2: the noncentralities that F does not refute.

    A noncentrality lambda is a true sum of squares of lambda MSE (Steiger 2004, equation 11).
    """
    if f is None or df is None or mean_error <= 0:
        return None
    rest = max(total - squares, 0.0) + mean_error
    ends = []
    for p in (1 - ALPHA / 2, ALPHA / 2):
        central = special.fdtr(df[0], df[1], f)
        shift = float(special.ncfdtrinc(df[0], df[1], p, f)) if central > p else 0.0
        true = (shift if math.isfinite(shift) else 0.0) * mean_error
        ends.append(true / (true + rest))
    return ends[0], max(ends)


def _added(others: Sequence[Floats], design: Floats, weights: Floats) -> Floats:
    """Return an orthonormal basis, (c, df), of what a term's columns add to other columns."""
    constant = np.ones((len(weights), 1))
    known = _basis(np.column_stack([constant, *others]) * weights[:, None])
    columns = design * weights[:, None]
    rest = columns - known @ (known.T @ columns)
    return _basis(rest, size=float(np.abs(columns).max(initial=0.0)))


def _basis(columns: Floats, size: float | None = None) -> Floats:
    """Return an orthonormal basis of the space that some columns span.

    By QR with column pivoting, whose diagonal falls (Golub & Van Loan, 5.4.2): a third of the time
    of singular values.
    """
    if not columns.size:
        return np.zeros((len(columns), 0))
    basis, triangle, _ = linalg.qr(columns, mode="economic", pivoting=True, check_finite=False)
    diagonal = np.abs(np.diagonal(triangle))
    scale = max(float(diagonal[0]), size or 0.0)
    return np.asarray(basis[:, diagonal > 1e-9 * scale], float)


def _designs(factors: dict[str, list[Level]], terms: Sequence[Term]) -> dict[Term, Floats] | None:
    """Return each term's columns of zeros and ones: its levels but the first, products for two."""
    codes = {axis: _codes(levels) for axis, levels in factors.items()}
    widths = {axis: int(numbers.max()) for axis, numbers in codes.items()}
    wanted = sum(math.prod(widths[axis] for axis in term) for term in terms)
    if wanted > MOST_COLUMNS:
        return None
    levels = {
        axis: (numbers[:, None] == np.arange(1, widths[axis] + 1)).astype(float)
        for axis, numbers in codes.items()
    }
    designs = {}
    for term in terms:
        design = levels[term[0]]
        for axis in term[1:]:
            design = (design[:, :, None] * levels[axis][:, None, :]).reshape(len(design), -1)
        designs[term] = design
    return designs


def _codes(levels: Sequence[Level]) -> NDArray[np.intp]:
    numbers: dict[Level, int] = {}
    return np.array([numbers.setdefault(level, len(numbers)) for level in levels], dtype=np.intp)


def _additive(cells: _Cells, mains: Sequence[Floats]) -> dict[int, float]:
    """Return each cell's mean as the sum of the axes' own effects, in the metric's units."""
    weights = np.sqrt(cells.n)[:, None]
    columns = np.column_stack([np.ones(len(cells.n)), *mains])
    solution, *_ = np.linalg.lstsq(columns * weights, cells.means * weights[:, 0], rcond=1e-10)
    predicted = _off_scale(columns @ solution, cells.scale)
    return dict(zip(cells.rows, predicted.tolist(), strict=True))
