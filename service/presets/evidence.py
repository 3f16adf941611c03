"""Evidence: what a check found, with the figures behind it."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from service.presets.measures import Measure
from service.presets.trainings import Group, Training

Status = Literal["reproduced", "not_reproduced", "inconclusive"]
Interval = tuple[float, float]

FINISHED = ("completed", "diverged")


@dataclass(frozen=True)
class GroupFigures:
    """One group of trainings.

    ``n`` seeds are averaged, each by the mean of its trainings in the group; diverged trainings
    are counted beside. Where nothing is averaged it counts the seeds with a result. ``verdicts``
    counts those of the diagnoses.
    """

    group: str
    n: int
    mean: float | None
    std: float | None
    ci95: Interval | None
    diverged: int
    unfinished: int
    verdicts: dict[str, int]


@dataclass(frozen=True)
class DifferenceFigures:
    """How much one group's mean is above another's, with its 95% interval."""

    group: str
    than: str
    mean: float
    ci95: Interval
    paired: bool
    n: int


@dataclass(frozen=True)
class Evidence:
    """What a check found: its status, why in a sentence, and the figures.

    ``low`` and ``high`` are the bounds claimed: of the differences, or of the means where none
    are compared.
    """

    status: Status
    reason: str
    measure: str | None = None
    low: float | None = None
    high: float | None = None
    groups: tuple[GroupFigures, ...] = ()
    differences: tuple[DifferenceFigures, ...] = ()


def missing(groups: Sequence[Group], trainings: Sequence[Training]) -> str | None:
    """Say why a claim cannot be decided yet; None where every training has its result."""
    for each in groups:
        found = each.of(trainings)
        if not found:
            return f"The experiment has no run of {each}."
        waiting = sum(training.status not in FINISHED for training in found)
        if waiting:
            return f"{waiting} of {len(found)} runs of {each} have no result."
    return None


def by_seed(
    measure: Measure, trainings: Sequence[Training], worst: float | None = None
) -> dict[int, float]:
    """Give each seed's value: the mean of its trainings.

    A diverged training, or a value that is no number, counts as ``worst``; without that it is
    left out.
    """
    values: dict[int, list[float]] = {}
    for each in trainings:
        value = measure.of(each) if each.status == "completed" else None
        if value is None or not math.isfinite(value):
            value = worst
        if value is not None:
            values.setdefault(each.seed, []).append(value)
    return {seed: math.fsum(some) / len(some) for seed, some in values.items()}


def figures(measure: Measure | None, group: Group, trainings: Sequence[Training]) -> GroupFigures:
    """Give a group's figures."""
    # numpy and scipy cost a quarter of a second that only claims pay.
    import numpy as np  # noqa: PLC0415

    from service.comparison import inference  # noqa: PLC0415

    members = group.of(trainings)
    finished = [each for each in members if each.status in FINISHED]
    values = np.array(list((by_seed(measure, members) if measure else {}).values()))
    (interval,) = inference.mean_intervals([values], [_rounding(measure, members)])
    return GroupFigures(
        group=str(group),
        n=len(values) if measure else len({each.seed for each in finished}),
        mean=inference.mean(values) if len(values) else None,
        std=inference.spread(values) if len(values) > 1 else None,
        ci95=interval,
        diverged=sum(each.status == "diverged" for each in members),
        unfinished=len(members) - len(finished),
        verdicts=dict(Counter(each.verdict for each in members if each.verdict is not None)),
    )


def difference(
    measure: Measure, groups: tuple[Group, Group], trainings: Sequence[Training], worst: float
) -> DifferenceFigures | None:
    """Compare two groups' values: within common seeds, or as independent samples.

    A diverged training counts as ``worst``.

    Returns:
        First minus second; None where there are fewer than two values to compare.
    """
    import numpy as np  # noqa: PLC0415

    from service.comparison import inference  # noqa: PLC0415

    members = [each.of(trainings) for each in groups]
    first, second = (by_seed(measure, each, worst) for each in members)
    roundings = (_rounding(measure, members[0]), _rounding(measure, members[1]))
    common = sorted(first.keys() & second.keys())
    if 2 * len(common) >= max(len(first), len(second)):
        pair = (np.array([first[each] for each in common]), np.array([second[s] for s in common]))
        (found,) = inference.paired_differences([pair], [sum(roundings)])
    else:
        found = inference.welch_difference(
            np.array(list(first.values())), np.array(list(second.values())), roundings
        )
    if found is None:
        return None
    group, than = map(str, groups)
    return DifferenceFigures(group, than, found.mean, found.ci95, found.paired, found.n)


def _rounding(measure: Measure | None, trainings: Sequence[Training]) -> float:
    """Give the variance that the measure's grid alone gives a value, the coarsest of all."""
    from service.comparison import inference  # noqa: PLC0415

    steps = [measure.step(each) for each in trainings] if measure else []
    return inference.rounding_variance(max(steps, default=0.0))
