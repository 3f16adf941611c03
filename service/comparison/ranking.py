"""Comparing the configurations of an experiment: ranked over seeds, with their uncertainty.

A comparison goes through four types: the ``Score`` of each run, ``GroupedScores``,
``MeasuredGroup`` and, in order and tested against the best, ``RankedGroup``. docs/comparisons.md
says what each figure means and why it was chosen.
"""

import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from service.catalog.metrics import MAIN_METRIC, METRICS
from service.comparison import groups, inference, scores
from service.comparison.anova import Effect, analyse
from service.comparison.groups import Block, GroupedScores, MeasuredGroup, as_floats
from service.comparison.inference import ALPHA, Difference, Interval, holm
from service.comparison.scores import At, Score
from service.specs.labels import Label
from service.statuses import FINISHED

#: More additional seeds than this are not counted: in practice such groups are equal.
MOST_SEEDS = 1_000


@dataclass(frozen=True)
class RankedGroup:
    """A group in its place: its scores and statistics, its rank, and its test against the best.

    ``by`` to ``missing`` are as in ``GroupedScores``, ``mean`` to ``score`` as in
    ``MeasuredGroup``.

    Attributes:
        rank: 1 + the number of groups with a better score; None for a group without values.
        tied_with_best: whether it is not shown to be worse than the best.
        p_value: of the test against the best, corrected for the number of tests (Holm); None for
            the best itself and where there is no test, as the next two.
        p_value_all_pairs: the same, corrected as if all pairs of groups had been tested.
        difference: this group's mean minus the best's.
    """

    by: dict[str, Label]
    values: Mapping[Block, float]
    n: int
    diverged: int
    unfinished: int
    missing: int
    mean: float | None
    std: float | None
    ci95: Interval | None
    score: float | None
    rank: int | None
    tied_with_best: bool
    p_value: float | None
    p_value_all_pairs: float | None
    difference: Difference | None


@dataclass(frozen=True)
class Comparison:
    """The groups of an experiment, best first, and how much each axis matters.

    ``finished``: every run has its result, so that the comparison no longer changes.
    """

    experiment_id: uuid.UUID
    metric: str
    at: At
    by: tuple[str, ...]
    higher_is_better: bool
    groups: list[RankedGroup]
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
        InvalidError: no such metric, point or axis.
    """
    scores.check(metric, at, by)
    runs = scores.read(session, experiment_id, metric, at)
    by = tuple(dict.fromkeys(by)) or tuple(scores.varying_axes(runs))
    higher = METRICS[metric].higher_is_better
    grouped = groups.grouped(_distinct_trainings(runs, by), by, scores.other_axes(runs, by))
    ordered = _ordered(groups.measured(grouped, higher=higher), higher=higher)
    ranked = _ranked(ordered, higher=higher)
    return Comparison(
        experiment_id=experiment_id,
        metric=metric,
        at=at,
        by=by,
        higher_is_better=higher,
        groups=ranked,
        effects=_effects([group.scores for group in ordered], by),
        more_seeds_needed=_more_seeds_needed(ranked),
        unfinished=sum(group.unfinished for group in ranked),
        finished=all(run.status in FINISHED for run in runs),
    )


def _distinct_trainings(runs: Sequence[Score], by: Sequence[str]) -> list[Score]:
    """Return each configuration with each seed once, though several variants may contain it.

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


def _ordered(measured: Sequence[MeasuredGroup], *, higher: bool) -> list[MeasuredGroup]:
    """Return the groups in order: the best score first, those without a value last."""
    valued = [group for group in measured if group.scores.values]
    others = [group for group in measured if not group.scores.values]
    valued.sort(key=lambda group: group.score or 0.0, reverse=higher)
    others.sort(key=lambda group: -group.scores.diverged)
    return [*valued, *others]


@dataclass(frozen=True)
class _Tested:
    """A group's test against the best one."""

    tied: bool
    difference: Difference | None = None
    p_value: float | None = None
    p_value_all_pairs: float | None = None


def _ranked(ordered: Sequence[MeasuredGroup], *, higher: bool) -> list[RankedGroup]:
    ranks: dict[float | None, int | None] = {None: None}
    for rank, group in enumerate(ordered, start=1):
        ranks.setdefault(group.score, rank)
    tested = _tested([group.scores for group in ordered], higher=higher)
    return [
        RankedGroup(
            by=group.scores.by,
            values=group.scores.values,
            n=group.scores.n,
            diverged=group.scores.diverged,
            unfinished=group.scores.unfinished,
            missing=group.scores.missing,
            mean=group.mean,
            std=group.std,
            ci95=group.ci95,
            score=group.score,
            rank=ranks[group.score],
            tied_with_best=test.tied,
            p_value=test.p_value,
            p_value_all_pairs=test.p_value_all_pairs,
            difference=test.difference,
        )
        for group, test in zip(ordered, tested, strict=True)
    ]


def _tested(ordered: Sequence[GroupedScores], *, higher: bool) -> list[_Tested]:
    """Test each group against the first; one that cannot be tested is tied."""
    if not ordered or not ordered[0].values:
        return [_Tested(tied=False) for _ in ordered]
    best, *others = ordered
    differences = _differences(best, others)
    p_values = [found.p_value for found in differences if found and found.p_value is not None]
    # The best was selected among all by its values: as if all pairs had been tested.
    pairs = (len(p_values) + 1) * len(p_values) // 2
    corrected = zip(holm(p_values), holm(p_values, family=pairs), strict=True)
    tested = [_Tested(tied=True)]
    for group, difference in zip(others, differences, strict=True):
        if difference is None or difference.p_value is None:
            tested.append(_Tested(tied=group.n > 0))
            continue
        p_value, p_value_all_pairs = next(corrected)
        worse = difference.mean < 0 if higher else difference.mean > 0
        tied = not worse or p_value > ALPHA
        tested.append(_Tested(tied, difference, p_value, p_value_all_pairs))
    return tested


def _differences(best: GroupedScores, others: Sequence[GroupedScores]) -> list[Difference | None]:
    """Compare each group with the best: within common blocks, or as independent samples."""
    common = [[block for block in best.values if block in group.values] for group in others]
    paired = inference.paired_differences(
        [
            (
                as_floats(group.values[block] for block in blocks),
                as_floats(best.values[block] for block in blocks),
            )
            for group, blocks in zip(others, common, strict=True)
        ],
        [group.rounding + best.rounding for group in others],
    )
    return [
        difference
        # Fewer common blocks would leave most of what was measured unused.
        if difference is not None and 2 * len(blocks) >= max(group.n, best.n)
        else inference.welch_difference(group.floats, best.floats, (group.rounding, best.rounding))
        for group, blocks, difference in zip(others, common, paired, strict=True)
    ]


def _effects(ordered: Sequence[GroupedScores], by: Sequence[str]) -> list[Effect]:
    cells = [(value, group.by, block) for group in ordered for block, value in group.values.items()]
    if not cells:
        return []
    values, places, blocks = zip(*cells, strict=True)
    factors = {axis: [place[axis] for place in places] for axis in by}
    repeated = 2 * len({*blocks}) <= len(blocks)
    rounding = max(group.rounding for group in ordered)
    return analyse(values, factors, blocks if repeated else None, rounding=rounding)


def _more_seeds_needed(ranked: Sequence[RankedGroup]) -> int | None:
    """Return how many more seeds would tell the best from the next group tied with it.

    Returns:
        0 where nothing is tied; None where there is no value, or no spread to count with.
    """
    if not ranked or not ranked[0].values:
        return None
    best = ranked[0]
    tied = [group for group in ranked[1:] if group.tied_with_best]
    if not tied:
        return 0
    difference = tied[0].difference
    if difference is None:
        return None
    runs_per_seed = best.n / len({seed for seed, *_ in best.values})
    most = difference.n + math.ceil(MOST_SEEDS * runs_per_seed)
    needed = inference.runs_needed(difference, most=most)
    if needed is None:
        return None
    return min(MOST_SEEDS, max(1, math.ceil((needed - difference.n) / runs_per_seed)))
