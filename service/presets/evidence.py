"""Evidence: what a check found about a claim, with the figures behind it."""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from service.comparison.timing import why_not_comparable
from service.presets.measures import MetricMeasure, TrainingMeasure
from service.presets.trainings import TrainingGroup, TrainingRecord
from service.statuses import FINISHED, RunStatus

if TYPE_CHECKING:
    from service.comparison import inference

#: A published claim is reproduced or not; one of an experiment's author is supported or refuted.
ClaimStatus = Literal["reproduced", "not_reproduced", "supported", "refuted", "inconclusive"]
Interval = tuple[float, float]


@dataclass(frozen=True)
class GroupFigures:
    """The figures of one group of trainings.

    Attributes:
        group: its name.
        n: the seeds that are averaged, each by the mean of its trainings in the group; where a
            check averages nothing, the seeds with a result.
        mean: of the seeds' values.
        std: their sample standard deviation.
        ci95: the 95% interval of their mean.
        diverged: trainings that diverged; they are in no mean but that of a measure with a target.
        unfinished: trainings without a result.
        verdicts: how many trainings have each verdict.
        not_reached: trainings that never reached the target; each counts as one epoch more than
            the longest.
    """

    group: str
    n: int
    mean: float | None
    std: float | None
    ci95: Interval | None
    diverged: int
    unfinished: int
    verdicts: dict[str, int]
    not_reached: int = 0


@dataclass(frozen=True)
class DifferenceFigures:
    """How much one group's mean is above another's, with its 95% interval.

    ``n`` counts the seeds in common where ``paired``, else those of the smaller group.
    ``p_value`` is two-sided, for the true difference being the one that is claimed at least; None
    where there is no spread to test with.
    """

    group: str
    than: str
    mean: float
    ci95: Interval
    paired: bool
    n: int
    p_value: float | None = None


@dataclass(frozen=True)
class Evidence:
    """What a check found: the claim's status, the reason in a sentence, and the figures.

    ``low`` and ``high`` are the bounds claimed: of the differences, or of the means where none
    are compared.
    """

    status: ClaimStatus
    reason: str
    measure: str | None = None
    low: float | None = None
    high: float | None = None
    groups: tuple[GroupFigures, ...] = ()
    differences: tuple[DifferenceFigures, ...] = ()


def missing(
    groups: Sequence[TrainingGroup],
    trainings: Sequence[TrainingRecord],
    measure: TrainingMeasure | None = None,
) -> str | None:
    """Return why a claim cannot be decided; None where every training has its result.

    Seconds have to be of one engine, too. A training that completed has no value of an epoch after
    its last, nor of a metric that it does not record.
    """
    for group in groups:
        members = group.of(trainings)
        if not members:
            return f"The experiment has no run of {group}."
        unfinished = sum(training.status not in FINISHED for training in members)
        if unfinished:
            return f"{unfinished} of {len(members)} runs of {group} have no result."
        if isinstance(measure, MetricMeasure) and not measure.has_target:
            without = sum(
                training.status == RunStatus.COMPLETED and measure.of(training) is None
                for training in members
            )
            if without:
                ended = ": they ended before it" if isinstance(measure.at, int) else ""
                return f"{without} of {len(members)} runs of {group} have no {measure}{ended}."
    if isinstance(measure, MetricMeasure) and measure.is_timed:
        members = [training for group in groups for training in group.of(trainings)]
        return why_not_comparable([training.clock for training in members])
    return None


def by_seed(
    measure: TrainingMeasure, trainings: Sequence[TrainingRecord], worst: float | None = None
) -> dict[int, float]:
    """Return the value of each seed: the mean of its trainings.

    A diverged training, or a value that is not finite, counts as ``worst``; where that is None
    it is left out.
    """
    values: dict[int, list[float]] = {}
    for training in trainings:
        value = _value(measure, training)
        value = worst if value is None else value
        if value is not None:
            values.setdefault(training.seed, []).append(value)
    return {seed: math.fsum(own) / len(own) for seed, own in values.items()}


def values_of(measure: TrainingMeasure, trainings: Sequence[TrainingRecord]) -> list[float]:
    """Return the finite values of the trainings that completed."""
    values = [_value(measure, training) for training in trainings]
    return [value for value in values if value is not None]


def censored_value(
    measure: TrainingMeasure | None, trainings: Sequence[TrainingRecord]
) -> float | None:
    """Return what a training counts as that never reached the measure's target; None without one.

    Args:
        measure: the measure.
        trainings: all of the experiment, so that each of its figures has the same value.
    """
    return measure.censored(trainings) if isinstance(measure, MetricMeasure) else None


def _value(measure: TrainingMeasure, training: TrainingRecord) -> float | None:
    """Return a training's own value; None where it has none, or diverged.

    Seconds it has though it diverged.
    """
    is_timed = isinstance(measure, MetricMeasure) and measure.is_timed
    has_value = training.status == RunStatus.COMPLETED or is_timed
    value = measure.of(training) if has_value else None
    return value if value is not None and math.isfinite(value) else None


def mean_p_value(group: GroupFigures, bound: float) -> float | None:
    """Return the two-sided p-value of a group's mean being a bound; None without any spread."""
    from scipy import special  # noqa: PLC0415

    if group.mean is None or not group.std:
        return None
    t = abs(group.mean - bound) / (group.std / math.sqrt(group.n))
    return min(1.0, 2 * float(special.stdtr(group.n - 1, -t)))


def tuned_by_seed(
    measure: TrainingMeasure, trainings: Sequence[TrainingRecord], worst: float, *, higher: bool
) -> dict[int, float]:
    """Return for each seed the value of the configuration that is best over the other seeds.

    What is argued about is then each group at its best, chosen on other values than are compared.
    """
    configurations: dict[str, list[TrainingRecord]] = {}
    for training in trainings:
        key = json.dumps(training.config, sort_keys=True)
        configurations.setdefault(key, []).append(training)
    candidates = [by_seed(measure, own, worst) for own in configurations.values()]
    sign = 1 if higher else -1
    return {
        seed: max(
            (values for values in candidates if seed in values),
            key=lambda values: sign * _mean_without(values, seed),
        )[seed]
        for seed in sorted({seed for values in candidates for seed in values})
    }


def _mean_without(values: Mapping[int, float], seed: int) -> float:
    others = [value for own, value in values.items() if own != seed] or [values[seed]]
    return math.fsum(others) / len(others)


def figures(
    measure: TrainingMeasure | None, group: TrainingGroup, trainings: Sequence[TrainingRecord]
) -> GroupFigures:
    """Return a group's figures; without a measure only its trainings are counted."""
    # numpy and scipy cost a quarter of a second that only claims pay.
    import numpy as np  # noqa: PLC0415

    from service.comparison import inference  # noqa: PLC0415

    members = group.of(trainings)
    finished = [training for training in members if training.status in FINISHED]
    censored = censored_value(measure, trainings)
    values = np.array(list((by_seed(measure, members, censored) if measure else {}).values()))
    (interval,) = inference.mean_intervals([values], [_rounding(measure, members)])
    return GroupFigures(
        group=str(group),
        n=len(values) if measure else len({training.seed for training in finished}),
        mean=inference.mean(values) if len(values) else None,
        std=inference.spread(values) if len(values) > 1 else None,
        ci95=interval,
        diverged=sum(training.status == RunStatus.DIVERGED for training in members),
        unfinished=len(members) - len(finished),
        verdicts=dict(Counter(training.verdict for training in members if training.verdict)),
        not_reached=0
        if measure is None or censored is None
        else sum(measure.of(training) is None for training in finished),
    )


def difference(
    measure: TrainingMeasure,
    groups: tuple[TrainingGroup, TrainingGroup],
    trainings: Sequence[TrainingRecord],
    values: tuple[Mapping[int, float], Mapping[int, float]],
    claimed: float = 0.0,
) -> DifferenceFigures | None:
    """Compare two groups' values: within common seeds, or as independent samples.

    Args:
        measure: what was measured.
        groups: the first and the second.
        trainings: of the experiment.
        values: of each group, by seed.
        claimed: the difference that the p-value is against.

    Returns:
        First minus second; None where there are fewer than two values to compare.
    """
    roundings = [_rounding(measure, group.of(trainings)) for group in groups]
    found = _compared(values, (roundings[0], roundings[1]), 0.0)
    against = _compared(values, (roundings[0], roundings[1]), claimed) if claimed else found
    if found is None or against is None:
        return None
    group, than = map(str, groups)
    return DifferenceFigures(
        group, than, found.mean, found.ci95, found.paired, found.n, against.p_value
    )


def _compared(
    values: tuple[Mapping[int, float], Mapping[int, float]],
    roundings: tuple[float, float],
    claimed: float,
) -> "inference.Difference | None":
    """Compare the first group's values less the claimed difference with the second's."""
    import numpy as np  # noqa: PLC0415

    from service.comparison import inference  # noqa: PLC0415

    first, second = values
    common = sorted(first.keys() & second.keys())
    if 2 * len(common) >= max(len(first), len(second)):
        pair = (
            np.array([first[seed] - claimed for seed in common]),
            np.array([second[seed] for seed in common]),
        )
        (found,) = inference.paired_differences([pair], [sum(roundings)])
        return found
    return inference.welch_difference(
        np.array(list(first.values())) - claimed, np.array(list(second.values())), roundings
    )


def _rounding(measure: TrainingMeasure | None, trainings: Sequence[TrainingRecord]) -> float:
    """Return the variance that the measure's grid alone gives a value, the coarsest of all."""
    from service.comparison import inference  # noqa: PLC0415

    steps = [measure.step(training) for training in trainings] if measure else []
    return inference.rounding_variance(max(steps, default=0.0))
