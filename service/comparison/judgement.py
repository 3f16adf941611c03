"""Judgement: which configurations are worse than the leader, as good, or undecided.

The leader leads by being looked for: of k equal configurations one always does. So its lead is
judged by the distribution of a range, the distance that the best and the worst of m equals have by
chance (Tukey 1953), step by step (Welsch 1977), with spreads that may differ (Games & Howell 1976).
"As good as" is a statement that has to be shown, too: by two one-sided tests (Schuirmann 1987).

Pure functions of numbers. Values are larger where they are better.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from service.comparison.samples import (
    ALPHA,
    Floats,
    Gaps,
    Interval,
    Samples,
    gaps_behind,
)
from service.comparison.seeds_needed import SeedsPlan, more_seeds
from service.comparison.studentized_range import critical, survival
from service.comparison.words import Word

#: A mean has an interval from so many values on: before, the seeds themselves say more.
_LEAST_FOR_INTERVAL = 3
#: Pairs of configurations whose differences are held in memory together.
_PAIRS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class Judged:
    """What is said of one configuration, in units of the values.

    Attributes:
        word: None where it has no value.
        gap: the mean of the leader, or of the reference, minus its mean; None for that one itself
            and where nothing is tested.
        interval: the 95% interval of the gap, which holds 0 where p is above 5%.
        p_value: corrected for the number of configurations; None where nothing is tested.
        seeds_needed: how many more seeds would probably settle an undecided one; None where none
            would, or none can be told.
        mean_interval: the 95% interval of its mean, by its moderated spread; None with fewer than
            three values, or where a seed did not train.
        shrunk_mean: its mean, moved towards that of all that may be best by what the leader's
            luck explains; None for the others.
    """

    word: Word | None
    gap: float | None = None
    interval: Interval | None = None
    p_value: float | None = None
    seeds_needed: int | None = None
    mean_interval: Interval | None = None
    shrunk_mean: float | None = None


@dataclass(frozen=True)
class _Tests:
    """Each configuration's test; (k,) each, NaN where there is none."""

    p_values: Floats
    half_widths: Floats


def against_leader(samples: Samples, margin: float) -> list[Judged]:
    """Judge each configuration against the one with the highest mean.

    Args:
        samples: of all configurations.
        margin: how far behind still is as good, in units of the values.
    """
    entered = _entered(samples)
    if not entered.any():
        return _judged(samples, _words(entered))
    leader = _leader(samples, entered)
    gaps = gaps_behind(samples, leader)
    tests = _step_down(gaps, _testable(samples, gaps, entered, leader), int(entered.sum()))
    words = _words(entered)
    words[tests.p_values <= ALPHA] = Word.WORSE
    words[leader] = Word.LEADS
    near = (words == Word.UNDECIDED) & np.isfinite(tests.p_values) & (gaps.gaps < margin)
    for row in np.flatnonzero(near):
        if _as_good_as_any(samples, int(row), entered, margin):
            words[row] = Word.EQUIVALENT
    undecided = [int(row) for row in np.flatnonzero(words == Word.UNDECIDED)]
    plan = SeedsPlan(samples, leader, margin, contenders=len(undecided))
    needed = more_seeds(plan, [row for row in undecided if np.isfinite(tests.p_values[row])])
    return _judged(samples, words, (gaps, tests), needed)


def against_reference(samples: Samples, reference: int, margin: float) -> list[Judged]:
    """Judge each configuration against one that was named beforehand: two-sided t tests, Holm's.

    Args:
        samples: of all configurations.
        reference: the one that the others are compared with.
        margin: how far apart still is as good, in units of the values.
    """
    entered = _entered(samples)
    entered[reference] = samples.n[reference] > 0
    if not entered[reference]:
        return _judged(samples, _words(entered & False))
    gaps = gaps_behind(samples, reference)
    testable = _testable(samples, gaps, entered, reference)
    tests = _holm(gaps, testable)
    words = _words(entered)
    words[(tests.p_values <= ALPHA) & (gaps.gaps > 0)] = Word.WORSE
    words[(tests.p_values <= ALPHA) & (gaps.gaps < 0)] = Word.BETTER
    reach = np.abs(gaps.gaps) + special.stdtrit(gaps.freedoms, 1 - ALPHA) * gaps.errors
    words[(words == Word.UNDECIDED) & testable & (reach < margin)] = Word.EQUIVALENT
    words[reference] = Word.REFERENCE
    undecided = [int(row) for row in np.flatnonzero((words == Word.UNDECIDED) & testable)]
    plan = SeedsPlan(samples, reference, margin, contenders=len(undecided), named=True)
    needed = more_seeds(plan, undecided)
    return _judged(samples, words, (gaps, tests), needed)


def _entered(samples: Samples) -> NDArray[np.bool_]:
    """Return which configurations are compared: those that trained with some seed."""
    return np.asarray((samples.n > 0) & samples.entered, bool)


def _leader(samples: Samples, entered: NDArray[np.bool_]) -> int:
    """Return the highest mean's, of several the one with the smallest spread.

    A single seed leads only where nobody has two.
    """
    eligible = entered & (samples.n > 1)
    rows = np.flatnonzero(eligible if eligible.any() else entered)
    spreads = np.nan_to_num(samples.spreads.variances[rows], nan=np.inf)
    return int(rows[np.lexsort((spreads, -samples.means[rows]))[0]])


def _testable(
    samples: Samples, gaps: Gaps, entered: NDArray[np.bool_], one: int
) -> NDArray[np.bool_]:
    found = entered & (samples.n > 1) & (samples.n[one] > 1) & (gaps.errors > 0)
    found[one] = False
    return np.asarray(found, bool)


def _step_down(gaps: Gaps, testable: NDArray[np.bool_], family: int) -> _Tests:
    """Test the lead over each, the most certain first, until one is not significant.

    At the a-th step m = family - a + 1 configurations are left, and p = P(Q > sqrt(2) t; m, f). An
    interval is gap -+ q_.95(m, f) / sqrt(2) se. All from the first one that is not significant
    on are judged with the m of that step.
    """
    order = _by_certainty(gaps, testable)
    left = family - np.arange(len(order), dtype=float)
    t, f = gaps.t[order], gaps.freedoms[order]
    p_values = np.maximum.accumulate(survival(np.sqrt(2) * np.maximum(t, 0), left, f))
    at = int(np.argmax(p_values > ALPHA)) if (p_values > ALPHA).any() else len(order)
    if at < len(order):
        left[at:] = left[at]
        rest = survival(np.sqrt(2) * np.maximum(t[at:], 0), left[at:], f[at:])
        p_values[at:] = np.maximum.accumulate(np.maximum(rest, p_values[at]))
    return _tests(gaps, order, p_values, critical(left, f) / np.sqrt(2) if len(order) else t)


def _holm(gaps: Gaps, testable: NDArray[np.bool_]) -> _Tests:
    """Test each difference, two-sided, with Holm's correction (Holm 1979)."""
    order = _by_certainty(gaps, testable)
    left = len(order) - np.arange(len(order), dtype=float)
    t, f = np.abs(gaps.t[order]), gaps.freedoms[order]
    p_values = np.maximum.accumulate(np.minimum(1.0, 2 * special.stdtr(f, -t) * left))
    at = int(np.argmax(p_values > ALPHA)) if (p_values > ALPHA).any() else len(order)
    if at < len(order):
        left[at:] = left[at]
    return _tests(gaps, order, p_values, special.stdtrit(f, 1 - ALPHA / (2 * left)))


def _by_certainty(gaps: Gaps, testable: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the rows to test, the smallest p-value first."""
    rows = np.flatnonzero(testable)
    p_values = special.stdtr(gaps.freedoms[rows], -np.abs(gaps.t[rows]))
    return np.asarray(rows[np.lexsort((-np.abs(gaps.t[rows]), p_values))], np.intp)


def _tests(gaps: Gaps, order: NDArray[np.intp], p_values: Floats, limits: Floats) -> _Tests:
    found = np.full((2, len(gaps.gaps)), np.nan)
    half_widths = limits * gaps.errors[order]
    # Where degrees of freedom differ, a smaller p may follow a larger one and be raised to it: the
    # interval goes with what is said.
    apart = np.abs(gaps.gaps[order])
    half_widths = np.where(p_values > ALPHA, np.maximum(half_widths, apart), half_widths)
    found[0, order], found[1, order] = p_values, half_widths
    return _Tests(*found)


def _as_good_as_any(samples: Samples, row: int, entered: NDArray[np.bool_], margin: float) -> bool:
    """Whether no other configuration is better by the margin or more.

    For every other j, m_j - m_i + t_.95(f) se is below the margin. All have to be (an
    intersection-union test: Berger 1982), so nothing is corrected.
    """
    gaps = gaps_behind(samples, row)
    others = entered & (samples.n > 1)
    others[row] = False
    # Minus the gap: here the others' means minus this one's are looked at.
    behind, errors, f = -gaps.gaps[others], gaps.errors[others], gaps.freedoms[others]
    least = special.stdtrit(np.max(f, initial=1.0), 1 - ALPHA)
    if (behind + least * errors >= margin).any():
        return False
    return bool((behind + special.stdtrit(f, 1 - ALPHA) * errors < margin).all())


def _words(entered: NDArray[np.bool_]) -> NDArray[np.object_]:
    """Return the word of each configuration before it is tested: undecided where it entered."""
    words = np.full(len(entered), None, dtype=object)
    words[entered] = Word.UNDECIDED
    return words


def _judged(
    samples: Samples,
    words: NDArray[np.object_],
    tested: tuple[Gaps, _Tests] | None = None,
    needed: Mapping[int, int | None] | None = None,
) -> list[Judged]:
    words[(words == None) & (samples.n > 0)] = Word.DID_NOT_TRAIN  # noqa: E711
    intervals, shrunk = _mean_intervals(samples), _shrunk_means(samples, words)
    found = [
        Judged(word, mean_interval=intervals[row], shrunk_mean=shrunk.get(row))
        for row, word in enumerate(words)
    ]
    if tested is None:
        return found
    gaps, tests = tested
    for row in np.flatnonzero(np.isfinite(tests.p_values)).tolist():
        found[row] = replace(
            found[row],
            gap=float(gaps.gaps[row]),
            interval=_interval(gaps.gaps[row], tests.half_widths[row]),
            p_value=float(tests.p_values[row]),
            seeds_needed=(needed or {}).get(row),
        )
    return found


def _interval(centre: float, half_width: float) -> Interval:
    return float(centre - half_width), float(centre + half_width)


def _mean_intervals(samples: Samples) -> list[Interval | None]:
    """Return m -+ t_.975(f) sqrt(v / n) where every one of three or more seeds trained."""
    spreads = samples.spreads
    shown = (samples.n >= _LEAST_FOR_INTERVAL) & (samples.trained == samples.n)
    half_widths = special.stdtrit(np.maximum(spreads.freedoms, 1.0), 1 - ALPHA / 2) * np.sqrt(
        spreads.variances / np.maximum(samples.n, 1)
    )
    return [
        _interval(mean, half) if show and half > 0 else None
        for mean, half, show in zip(samples.means, half_widths, shown, strict=True)
    ]


def _shrunk_means(samples: Samples, words: NDArray[np.object_]) -> dict[int, float]:
    """Return m~ = M + (1 - mean(v/n) / Var(m))_+ (m - M) over those that may be the best.

    Of many that are equal the leader is the luckiest, and its mean too high (James & Stein 1961).
    """
    may_be_best = (Word.LEADS, Word.EQUIVALENT, Word.UNDECIDED)
    rows = [row for row, word in enumerate(words) if word in may_be_best]
    if len(rows) < 3:
        return {}
    means = samples.means[rows]
    noise = float((samples.spreads.variances[rows] / samples.n[rows]).mean())
    between = float(means.var(ddof=1))
    if not np.isfinite(noise) or between == 0:
        return {}
    kept = max(0.0, 1 - noise / between)
    return dict(zip(rows, (means.mean() + kept * (means - means.mean())).tolist(), strict=True))
