"""Comparing the configurations of an experiment: ranked over seeds, with their uncertainty.

docs/comparisons.md says what each figure means and why it was chosen.
"""

import math
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy.orm import Session

from service.catalog.metrics import MAIN_METRIC, METRICS
from service.comparison import inference, scores
from service.comparison.anova import Effect, analyse
from service.comparison.inference import ALPHA, Difference, Floats, Interval, holm
from service.comparison.scores import At, Score
from service.specs.labels import Label
from service.statuses import FINISHED, RunStatus

#: More additional seeds than this are not counted out: in practice such groups are equal.
MOST_SEEDS = 1_000

Block = tuple[Label, ...]


@dataclass(frozen=True)
class Group:
    """The trainings that share their labels on the axes compared by.

    ``values`` has one value a completed training, by its seed and its labels on the axes that
    still vary in the group; ``mean`` to ``ci95`` are theirs alone. ``rounding`` is the variance
    that the metric's grid alone gives a value, of the coarsest training where they differ.
    ``score`` is the mean in which each diverged training counts as the worst value that any
    completed one reached: what groups are ranked by. ``missing`` counts completed trainings that
    do not record the metric.
    The figures against the best are None for the best itself and where there is no test.
    """

    by: dict[str, Label]
    values: Mapping[Block, float]
    rounding: float
    n: int
    diverged: int
    unfinished: int
    missing: int
    mean: float | None = None
    std: float | None = None
    ci95: Interval | None = None
    score: float | None = None
    rank: int | None = None
    tied_with_best: bool = False
    p_value: float | None = None
    p_value_all_pairs: float | None = None
    difference: Difference | None = None


@dataclass(frozen=True)
class Comparison:
    """The groups of an experiment, best first, and how much each axis matters.

    ``finished``: every run has its result, so that the comparison stays what it is.
    """

    experiment_id: uuid.UUID
    metric: str
    at: At
    by: tuple[str, ...]
    higher_is_better: bool
    groups: list[Group]
    effects: list[Effect]
    more_seeds_needed: int | None
    unfinished: int
    finished: bool


def compare(
    session: Session,
    experiment_id: uuid.UUID,
    metric: str = MAIN_METRIC,
    at: At = "final",
    by: Sequence[str] = (),
) -> Comparison:
    """Compare the configurations of an experiment over their seeds.

    Args:
        session: a session outside any transaction.
        experiment_id: the experiment.
        metric: one of ``COMPARED_METRICS``.
        at: ``final``: the last epoch's value; ``best``: the best over a run's epochs.
        by: the axes that make the groups, of ``scores.GROUPINGS``; where empty those that vary.

    Raises:
        NotFoundError: there is no such experiment.
        InvalidError: a metric, a point or an axis that is none.
    """
    scores.check(metric, at, by)
    runs = scores.read(session, experiment_id, metric, at)
    by = tuple(dict.fromkeys(by)) or tuple(scores.varying_axes(runs))
    trainings = _distinct_trainings(runs, by)
    blocked_by = scores.other_axes(runs, by)
    higher = METRICS[metric].higher_is_better
    groups = _against_best(
        _ranked(_groups(trainings, by, blocked_by), higher=higher), higher=higher
    )
    return Comparison(
        experiment_id=experiment_id,
        metric=metric,
        at=at,
        by=by,
        higher_is_better=higher,
        groups=groups,
        effects=_effects(groups, by),
        more_seeds_needed=_more_seeds_needed(groups),
        unfinished=sum(each.unfinished for each in groups),
        finished=all(each.status in FINISHED for each in runs),
    )


def _distinct_trainings(runs: Sequence[Score], by: Sequence[str]) -> list[Score]:
    """Take each configuration with each seed once, though several variants may contain it.

    The same configuration and seed are the same training; counted twice, it would make a group
    look surer than it is.
    """
    chosen: dict[tuple[Label, ...], Score] = {}
    for run in runs:
        variant = run.place["variant"] if "variant" in by else None
        key = (variant, run.config_hash, run.seed)
        if key not in chosen or chosen[key].status not in FINISHED:
            chosen[key] = run
    return list(chosen.values())


def _groups(
    trainings: Sequence[Score], by: Sequence[str], blocked_by: Sequence[str]
) -> list[Group]:
    members: dict[tuple[Label, ...], list[Score]] = {}
    for each in trainings:
        members.setdefault(tuple(each.place[axis] for axis in by), []).append(each)
    groups = [
        _group(dict(zip(by, labels, strict=True)), some, blocked_by)
        for labels, some in members.items()
    ]
    intervals = inference.mean_intervals(
        [_floats(each.values.values()) for each in groups], [each.rounding for each in groups]
    )
    return [
        replace(group, ci95=interval) for group, interval in zip(groups, intervals, strict=True)
    ]


def _group(by: dict[str, Label], trainings: Sequence[Score], blocked_by: Sequence[str]) -> Group:
    completed = [each for each in trainings if each.status == RunStatus.COMPLETED]
    measured = {
        (each.seed, *(each.place[axis] for axis in blocked_by)): each.value
        for each in completed
        if each.value is not None
    }
    values = {block: value for block, value in measured.items() if math.isfinite(value)}
    finished = sum(each.status in FINISHED for each in trainings)
    return Group(
        by=by,
        values=values,
        rounding=inference.rounding_variance(max(each.step for each in trainings)),
        n=len(values),
        # A test loss can overflow after the last epoch; that is no number to average either.
        diverged=finished - len(completed) + len(measured) - len(values),
        unfinished=len(trainings) - finished,
        missing=len(completed) - len(measured),
        mean=inference.mean(_floats(values.values())) if values else None,
        std=inference.spread(_floats(values.values())) if len(values) > 1 else None,
    )


def _floats(values: Iterable[float]) -> Floats:
    return np.array(list(values), dtype=np.float64)


def _ranked(groups: Sequence[Group], *, higher: bool) -> list[Group]:
    """Score the groups and put them in order: the best first, those without a value last."""
    values = [value for each in groups for value in each.values.values()]
    worst = (min if higher else max)(values, default=0.0)
    scored = [replace(each, score=_score(each, worst)) for each in groups if each.values]
    scored.sort(key=lambda each: each.score or 0.0, reverse=higher)
    ranks: dict[float | None, int] = {}
    for place, each in enumerate(scored, start=1):
        ranks.setdefault(each.score, place)
    rest = sorted((each for each in groups if not each.values), key=lambda each: -each.diverged)
    return [*(replace(each, rank=ranks[each.score]) for each in scored), *rest]


def _score(group: Group, worst: float) -> float:
    """Give the mean in which a diverged training counts as the worst completed one."""
    return inference.mean(_floats([*group.values.values(), *[worst] * group.diverged]))


def _against_best(groups: Sequence[Group], *, higher: bool) -> list[Group]:
    """Test each group against the first; one that cannot be tested is tied."""
    if not groups or not groups[0].values:
        return list(groups)
    best, *others = groups
    differences = _differences(best, others)
    tested = [each.p_value for each in differences if each and each.p_value is not None]
    # The best was chosen among all by its values: as if all pairs had been looked at.
    pairs = (len(tested) + 1) * len(tested) // 2
    corrected = zip(holm(tested), holm(tested, family=pairs), strict=True)
    compared = [replace(best, tied_with_best=True)]
    for group, difference in zip(others, differences, strict=True):
        if difference is None or difference.p_value is None:
            compared.append(replace(group, tied_with_best=group.n > 0))
            continue
        p_value, p_value_all_pairs = next(corrected)
        worse = difference.mean < 0 if higher else difference.mean > 0
        compared.append(
            replace(
                group,
                difference=difference,
                p_value=p_value,
                p_value_all_pairs=p_value_all_pairs,
                tied_with_best=not worse or p_value > ALPHA,
            )
        )
    return compared


def _differences(best: Group, others: Sequence[Group]) -> list[Difference | None]:
    """Compare each group with the best: within common blocks, or as independent samples."""
    common = [[block for block in best.values if block in each.values] for each in others]
    paired = inference.paired_differences(
        [
            (_floats(map(each.values.__getitem__, at)), _floats(map(best.values.__getitem__, at)))
            for each, at in zip(others, common, strict=True)
        ],
        [each.rounding + best.rounding for each in others],
    )
    return [
        difference
        # Fewer common blocks would leave most of what was measured unused.
        if difference is not None and 2 * len(at) >= max(each.n, best.n)
        else inference.welch_difference(
            _floats(each.values.values()),
            _floats(best.values.values()),
            (each.rounding, best.rounding),
        )
        for each, at, difference in zip(others, common, paired, strict=True)
    ]


def _effects(groups: Sequence[Group], by: Sequence[str]) -> list[Effect]:
    cells = [(value, group.by, block) for group in groups for block, value in group.values.items()]
    if not cells:
        return []
    values, places, blocks = zip(*cells, strict=True)
    factors = {axis: [place[axis] for place in places] for axis in by}
    repeated = 2 * len({*blocks}) <= len(blocks)
    rounding = max(each.rounding for each in groups)
    return analyse(values, factors, blocks if repeated else None, rounding=rounding)


def _more_seeds_needed(groups: Sequence[Group]) -> int | None:
    """Count the seeds that would tell the best from the next group tied with it.

    Returns:
        0 where nothing is tied; None where there is no value, or no spread to count with.
    """
    if not groups or not groups[0].values:
        return None
    best = groups[0]
    tied = [each for each in groups[1:] if each.tied_with_best]
    if not tied:
        return 0
    difference = tied[0].difference
    if difference is None:
        return None
    runs_a_seed = best.n / len({seed for seed, *_ in best.values})
    most = difference.n + math.ceil(MOST_SEEDS * runs_a_seed)
    needed = inference.runs_needed(difference, most=most)
    if needed is None:
        return None
    return min(MOST_SEEDS, max(1, math.ceil((needed - difference.n) / runs_a_seed)))
