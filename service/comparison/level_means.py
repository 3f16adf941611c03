"""The mean of each level of an axis, over the seeds that trained, and how many did.

Pure functions of groups; nothing here knows runs or the database.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from service.comparison.design import Level
from service.comparison.groups import Group, mean_of, std_of
from service.comparison.samples import ALPHA, Floats, Interval


@dataclass(frozen=True)
class Trained:
    """The seeds of a group that trained.

    Attributes:
        group: the group.
        values: (n,), theirs.
    """

    group: Group
    values: Floats

    @classmethod
    def of(cls, group: Group) -> "Trained":
        """Return those of a group."""
        return cls(group, np.array([found.value for found in group.values.values() if found.whole]))

    @cached_property
    def mean(self) -> float:
        """Their mean; of one or more."""
        return mean_of(self.values.tolist())

    @cached_property
    def variance(self) -> float:
        """Their sample variance, 0 of rounding; NaN of fewer than two."""
        deviation = std_of(self.values.tolist())
        return math.nan if deviation is None else deviation**2


@dataclass(frozen=True)
class LevelMeans:
    """One level of an axis over all configurations that have it.

    Attributes:
        axis: the axis.
        level: the level.
        mean: the mean of its configurations' means, over the seeds that trained, in the metric's
            units; None where none trained.
        ci95: the 95% interval of the mean; None where a configuration has a single value.
        trained: how many runs behind the values trained, and reached the target.
        n: how many runs there are behind them.
    """

    axis: str
    level: Level
    mean: float | None
    ci95: Interval | None
    trained: int
    n: int


def level_means(trained: Sequence[Trained], axis: str) -> list[LevelMeans]:
    """Return the mean of each level of an axis; none where all groups have the same.

    Args:
        trained: of all groups.
        axis: one that the groups are made by.
    """
    members: dict[Level, list[Trained]] = {}
    for own in trained:
        members.setdefault(own.group.by[axis], []).append(own)
    return [_level(axis, level, own) for level, own in members.items()] if len(members) > 1 else []


def _level(axis: str, level: Level, members: Sequence[Trained]) -> LevelMeans:
    cells = [own for own in members if len(own.values)]
    mean = float(np.mean([own.mean for own in cells])) if cells else None
    return LevelMeans(
        axis=axis,
        level=level,
        mean=mean,
        ci95=None if mean is None else _level_interval(mean, cells),
        trained=sum(own.group.runs.whole for own in members),
        n=sum(own.group.runs.all for own in members),
    )


def _level_interval(mean: float, cells: Sequence[Trained]) -> Interval | None:
    """Return mean -+ t_.975(f) sqrt(sum s_c^2 / n_c) / L, f by Satterthwaite."""
    n = np.array([len(own.values) for own in cells])
    if (n < 2).any():
        return None
    parts = np.array([own.variance for own in cells]) / n
    if parts.sum() <= 0:
        return None
    freedom = parts.sum() ** 2 / (parts**2 / (n - 1)).sum()
    half = float(special.stdtrit(freedom, 1 - ALPHA / 2) * math.sqrt(parts.sum()) / len(cells))
    return mean - half, mean + half
