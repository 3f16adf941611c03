"""Groups of an experiment's scores, and what is measured of each: mean, spread, interval, score."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from service.comparison import inference
from service.comparison.inference import Floats, Interval
from service.comparison.scores import Score
from service.specs.labels import Label
from service.statuses import FINISHED, RunStatus

#: What two groups can have in common: a seed, with labels on the axes that vary in the groups.
Block = tuple[Label, ...]


@dataclass(frozen=True)
class GroupedScores:
    """The trainings that share their labels on the axes compared by.

    Attributes:
        by: the group's label on each of these axes.
        values: the finite value of each completed training, by its block.
        rounding: the variance that the metric's grid alone gives a value, of the coarsest
            training where they differ.
        diverged: trainings that diverged, or completed with a value that is not finite.
        unfinished: runs without a result.
        missing: completed trainings that do not record the metric.
    """

    by: dict[str, Label]
    values: Mapping[Block, float]
    rounding: float
    diverged: int
    unfinished: int
    missing: int

    @property
    def n(self) -> int:
        """How many trainings have a value."""
        return len(self.values)

    @property
    def floats(self) -> Floats:
        """The values as an array, in the order of ``values``."""
        return as_floats(self.values.values())


@dataclass(frozen=True)
class MeasuredGroup:
    """A group with its statistics, each None where it has too few values.

    Attributes:
        scores: the group.
        mean: of its values.
        std: their sample standard deviation.
        ci95: the 95% interval of their mean.
        score: the mean in which each diverged training counts as the worst value that any
            completed training of the experiment reached: what groups are ranked by.
    """

    scores: GroupedScores
    mean: float | None
    std: float | None
    ci95: Interval | None
    score: float | None


def as_floats(values: Iterable[float]) -> Floats:
    """Return the values as an array."""
    return np.array(list(values), dtype=np.float64)


def grouped(
    trainings: Sequence[Score], by: Sequence[str], blocked_by: Sequence[str]
) -> list[GroupedScores]:
    """Return the trainings in groups, in the order of each group's first training.

    Args:
        trainings: each training once.
        by: the axes that make the groups.
        blocked_by: the axes that still vary within groups; with the seed they make the blocks.
    """
    members: dict[tuple[Label, ...], list[Score]] = {}
    for training in trainings:
        labels = tuple(training.place[axis] for axis in by)
        members.setdefault(labels, []).append(training)
    return [
        _group(dict(zip(by, labels, strict=True)), group, blocked_by)
        for labels, group in members.items()
    ]


def _group(
    by: dict[str, Label], trainings: Sequence[Score], blocked_by: Sequence[str]
) -> GroupedScores:
    completed = [training for training in trainings if training.status == RunStatus.COMPLETED]
    recorded = {
        (training.seed, *(training.place[axis] for axis in blocked_by)): training.value
        for training in completed
        if training.value is not None
    }
    values = {block: value for block, value in recorded.items() if math.isfinite(value)}
    finished = sum(training.status in FINISHED for training in trainings)
    return GroupedScores(
        by=by,
        values=values,
        rounding=inference.rounding_variance(max(training.step for training in trainings)),
        # A test loss can overflow after the last epoch; that is no number to average either.
        diverged=finished - len(completed) + len(recorded) - len(values),
        unfinished=len(trainings) - finished,
        missing=len(completed) - len(recorded),
    )


def measured(groups: Sequence[GroupedScores], *, higher: bool) -> list[MeasuredGroup]:
    """Return the groups with their statistics, in the same order.

    Args:
        groups: all groups of a comparison.
        higher: whether higher values are better.
    """
    intervals = inference.mean_intervals(
        [group.floats for group in groups], [group.rounding for group in groups]
    )
    values = [value for group in groups for value in group.values.values()]
    worst = (min if higher else max)(values, default=0.0)
    return [
        MeasuredGroup(
            scores=group,
            mean=inference.mean(group.floats) if group.values else None,
            std=inference.spread(group.floats) if group.n > 1 else None,
            ci95=interval,
            score=_score(group, worst) if group.values else None,
        )
        for group, interval in zip(groups, intervals, strict=True)
    ]


def _score(group: GroupedScores, worst: float) -> float:
    return inference.mean(as_floats([*group.values.values(), *[worst] * group.diverged]))
