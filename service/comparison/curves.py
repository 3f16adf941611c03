"""Curves: a group's results over what is tuned, and how wide its good range is."""

from collections.abc import Mapping
from dataclasses import dataclass

from service.comparison.design import Level
from service.comparison.groups import Candidate, Group


@dataclass(frozen=True)
class ResultAt:
    """A group's result at one combination of levels of what is tuned.

    Attributes:
        levels: by what is tuned.
        mean: over seeds; None without a value.
        n: how many seeds have a value.
        trained: with how many of them it did better than guessing.
    """

    levels: Mapping[str, Level]
    mean: float | None
    n: int
    trained: int


@dataclass(frozen=True)
class NearBest:
    """The neighbouring levels of one tuned number whose means are within the margin of the best.

    Attributes:
        low: the lowest of them.
        high: the highest.
        factor: ``high`` / ``low``; None where ``low`` is not above zero.
        at_edge: whether the best level is at an end of the grid, so that a better may lie beyond.
    """

    low: float
    high: float
    factor: float | None
    at_edge: bool


@dataclass(frozen=True)
class ResultCurve:
    """A group's results over what is tuned.

    Attributes:
        points: in the order of the levels, where one number is tuned.
        good_range: None unless one number is tuned and some level trained.
    """

    points: list[ResultAt]
    good_range: NearBest | None


def curve_of(group: Group, margin: float, *, higher: bool) -> ResultCurve | None:
    """Return a group's curve; None where nothing is tuned.

    Args:
        group: the group.
        margin: how far behind the best is as good, in the metric's units.
        higher: whether higher values are better.
    """
    if len(group.candidates) < 2:
        return None
    numbers = [_number(candidate) for candidate in group.candidates]
    if any(number is None for number in numbers):
        return ResultCurve([_point(candidate) for candidate in group.candidates], None)
    along = sorted(group.candidates, key=lambda candidate: _number(candidate) or 0.0)
    return ResultCurve(
        [_point(candidate) for candidate in along], _good_range(along, margin, higher)
    )


def _number(candidate: Candidate) -> float | None:
    """Return the level of the one number that is tuned; None where something else is."""
    if len(candidate.levels) != 1:
        return None
    (level,) = candidate.levels.values()
    return float(level) if isinstance(level, int | float) and not isinstance(level, bool) else None


def _point(candidate: Candidate) -> ResultAt:
    found = candidate.values.values()
    return ResultAt(
        levels=candidate.levels,
        mean=candidate.mean if found else None,
        n=len(found),
        trained=sum(value.whole for value in found),
    )


def _good_range(along: list[Candidate], margin: float, higher: bool) -> NearBest | None:
    sign = 1 if higher else -1
    means = [
        sign * candidate.mean
        if any(value.partly for value in candidate.values.values())
        else float("-inf")
        for candidate in along
    ]
    best = max(range(len(means)), key=means.__getitem__)
    if means[best] == float("-inf"):
        return None
    first = last = best
    while first > 0 and means[first - 1] >= means[best] - margin:
        first -= 1
    while last + 1 < len(means) and means[last + 1] >= means[best] - margin:
        last += 1
    low, high = (_number(along[at]) or 0.0 for at in (first, last))
    factor = high / low if low > 0 else None
    return NearBest(low, high, factor, at_edge=best in (0, len(along) - 1))
