"""Comparing the configurations of an experiment: ranked over seeds, with their uncertainty.

The ``Score`` of each run goes into ``Group``s by a ``Design``; their ``Samples`` are ``Judged``,
and both together are a ``RankedGroup``. docs/comparisons.md says what each figure means and why
it was chosen.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from service.catalog.metrics import METRICS, of_test_part
from service.comparison import headline, judgement, objectives, scores, tasks
from service.comparison.components import Components, components_of
from service.comparison.curves import ResultCurve, curve_of
from service.comparison.design import Design, Level, design_of, placed
from service.comparison.effects import Effects, analyse
from service.comparison.groups import (
    CountedRuns,
    Group,
    SeedValue,
    grouped,
    mean_of,
    samples_of,
    std_of,
)
from service.comparison.judgement import Judged
from service.comparison.precision import possible
from service.comparison.question import At, Question
from service.comparison.samples import Interval
from service.comparison.scores import Score
from service.comparison.statements import statement
from service.comparison.words import Word
from service.errors import ConflictError
from service.specs.labels import Label, written_label
from service.specs.written_values import value_text

#: How far behind is as good where nothing else is asked for: one point of a share ...
MARGIN_OF_SHARES = 0.01
#: ... and this part of the leader's mean of a loss.
MARGIN_OF_LOSSES = 0.05


@dataclass(frozen=True)
class LeadDifference:
    """A group's mean minus that of the leader, or of the reference.

    Attributes:
        mean: in the metric's units.
        ci95: its 95% interval, which holds 0 where p is above 5%.
    """

    mean: float
    ci95: Interval


@dataclass(frozen=True)
class HeldOut:
    """What a group's runs gave on the test part, which chose nothing.

    Attributes:
        metric: the test part's metric of the quantity that is compared.
        n: number of seeds with a value.
        mean: over these seeds; a run that diverged counts as guessing, or as the worst that
            completed.
        std: over n - 1; None below two seeds.
    """

    metric: str
    n: int
    mean: float
    std: float | None


@dataclass(frozen=True)
class RankedGroup:
    """A group in its place.

    ``by``, ``values``, ``n``, ``trained``, ``reached``, ``mean``, ``std``, ``diverged``,
    ``unfinished``, ``missing`` and ``runs`` are as in ``Group``; ``p_value`` and ``seeds_needed``
    as in ``Judged``.

    Attributes:
        word: as in ``Judged``; of one that trained and never reached the target, that.
        statement: what is said of it, with its figures.
        rank: 1 + the number of groups with a better mean, among those that trained and reached
            the target.
        ci95: the 95% interval of the mean.
        shrunk_mean: the mean without what the leader's luck explains.
        difference: to the leader or the reference; None where nothing is tested.
        chosen: the levels of what is tuned that are best over all seeds.
        curve: the results over what is tuned.
        additive_mean: what the group's mean would be if no axes interacted.
        test: what its runs gave on the test part, with the levels of what is tuned that validation
            chose; None where no test part was held out.
    """

    by: dict[str, Level]
    word: Word | None
    statement: str
    rank: int | None
    n: int
    trained: int
    reached: int
    values: Mapping[int, SeedValue]
    mean: float | None
    std: float | None
    ci95: Interval | None
    shrunk_mean: float | None
    difference: LeadDifference | None
    p_value: float | None
    seeds_needed: int | None
    chosen: dict[str, Level]
    curve: ResultCurve | None
    additive_mean: float | None
    test: HeldOut | None
    diverged: int
    unfinished: int
    missing: int
    runs: CountedRuns


@dataclass(frozen=True)
class Comparison:
    """The groups of an experiment, best first, and how much each axis matters.

    Attributes:
        question: what was asked.
        design: what makes the groups, what is tuned, what is averaged over.
        guess: what guessing gets, the mean over the data that are averaged over; None for a measure
            of time, and where groups differ in it.
        censored: what a run counts as that never reached the target; None where every run did.
        margin: how far behind is as good; None where nothing is compared.
        headline: the answer in one sentence.
        notes: what a reader has to know beside it, a sentence each.
        components: where the spread within configurations comes from, if the data are redrawn.
        finished: every run has its result, so that the comparison no longer changes.
    """

    experiment_id: uuid.UUID
    question: Question
    design: Design
    higher_is_better: bool
    guess: float | None
    censored: float | None
    margin: float | None
    headline: str
    notes: list[str]
    groups: list[RankedGroup]
    effects: Effects
    components: Components | None
    unfinished: int
    finished: bool

    @property
    def metric(self) -> str:
        """The metric that is compared."""
        return self.question.metric

    @property
    def at(self) -> At:
        """The point of a history that is compared."""
        return self.question.at

    @property
    def by(self) -> tuple[str, ...]:
        """The axes or parameters that make the groups."""
        return self.design.by


def compare(session: Session, experiment_id: uuid.UUID, question: Question) -> Comparison:
    """Compare the configurations of an experiment over their seeds.

    Args:
        session: a session outside any transaction.
        experiment_id: the experiment.
        question: what is compared, and how.

    Raises:
        NotFoundError: there is no such experiment.
        InvalidError: no such metric, point, axis or reference.
        ConflictError: the runs' seconds or losses cannot be compared.
    """
    scores.check(question)
    question = tasks.about(session, experiment_id, question)
    runs = scores.read(session, experiment_id, question)
    differing = objectives.why_not_comparable(runs, question)
    if differing:
        raise ConflictError(differing)
    design = design_of(runs, question.by, question.tune, question.average)
    higher = METRICS[question.metric].higher_is_better
    groups = grouped(_distinct_trainings(runs, design.by), design, higher=higher)
    reference = _reference(groups, question.against)
    margin = _margin(groups, question, reference, higher=higher)
    judged = _judged(groups, reference, margin or 0.0, higher=higher)
    effects = _possible_levels(
        analyse(groups, design.by, METRICS[question.metric].kind), question.metric
    )
    ranked = [
        replace(group, statement=statement(group, question.metric, margin or 0.0))
        for group in _ranked(groups, judged, effects, question.metric, margin or 0.0)
    ]
    guess, censored = _common_guess(runs, design), _censored(runs)
    said = headline.Said(question, design, ranked, guess, censored)
    return Comparison(
        experiment_id=experiment_id,
        question=question,
        design=design,
        higher_is_better=higher,
        guess=guess,
        censored=censored,
        margin=margin,
        headline=headline.headline(said),
        notes=headline.notes(said),
        groups=ranked,
        effects=effects,
        components=components_of(groups, design),
        unfinished=sum(group.unfinished for group in ranked),
        finished=all(run.finished for run in runs),
    )


def _common_guess(runs: Sequence[Score], design: Design) -> float | None:
    """Return what guessing gets: its mean over the data that a group's values are a mean over.

    None where groups differ in it.
    """
    cells: dict[tuple[Level, ...], dict[tuple[Level, ...], float | None]] = {}
    for run in placed(scores.one_of_each(runs), design):
        of_candidate = cells.setdefault((*run.by, *run.tune), {})
        of_candidate[run.score.config_hash, *run.average] = run.score.configured.guess
    guesses = {_mean_guess(list(found.values())) for found in cells.values()}
    return guesses.pop() if len(guesses) == 1 else None


def _mean_guess(guesses: Sequence[float | None]) -> float | None:
    known = [guess for guess in guesses if guess is not None]
    return mean_of(known) if len(known) == len(guesses) else None


def _censored(runs: Sequence[Score]) -> float | None:
    """Return what a run counts as that never reached the target; the same for all of them."""
    return next((run.value for run in runs if run.value is not None and not run.reached), None)


def _distinct_trainings(runs: Sequence[Score], by: Sequence[str]) -> list[Score]:
    """Return each configuration with each seed once, though several variants may contain it.

    The same configuration and seed are the same training; counted twice, it would make a group
    look surer than it is.
    """
    chosen: dict[tuple[Label, ...], Score] = {}
    for run in runs:
        variant = run.place["variant"] if "variant" in by else None
        key = (variant, run.config_hash, run.seed)
        if key not in chosen or not chosen[key].finished:
            chosen[key] = run
    return list(chosen.values())


def _reference(groups: Sequence[Group], against: Mapping[str, str]) -> int | None:
    """Return the position of the group that the labels name; None without any.

    Raises:
        InvalidError: they name no group, or several.
    """
    if not against:
        return None
    found = [
        row
        for row, group in enumerate(groups)
        if all(
            any(_is_named(group.by.get(name), way) for way in (label, written_label(name, label)))
            for name, label in against.items()
        )
    ]
    if len(found) != 1:
        wanted = ", ".join(f"{name}:{label}" for name, label in against.items())
        known = "; ".join(
            " with ".join(f"{name}:{value_text(level)}" for name, level in group.by.items())
            for group in groups[:5]
        )
        problem = f"{len(found)} groups are" if found else "No group is"
        each = " Name each axis in an `against` of its own." if len(groups[0].by) > 1 else ""
        detail = f"{problem} {wanted!r}. Groups are, for example: {known}.{each}"
        raise scores.refusal("against", detail)
    return found[0]


def _is_named(level: Level, label: str) -> bool:
    """Whether a label is a level's; a number is named by each way to write it."""
    if isinstance(level, int | float):
        try:
            return float(label) == level
        except ValueError:
            return False
    return value_text(level) == label


def _margin(
    groups: Sequence[Group], question: Question, reference: int | None, *, higher: bool
) -> float | None:
    if question.margin is not None:
        return question.margin
    if METRICS[question.metric].kind == "share":
        return MARGIN_OF_SHARES
    if reference is not None:
        means = [groups[reference].mean]
    else:
        entered = [group for group in groups if group.entered]
        several = [group for group in entered if group.n > 1]
        means = [group.mean for group in several or entered]
    known = [mean for mean in means if mean is not None]
    return MARGIN_OF_LOSSES * abs((max if higher else min)(known)) if known else None


def _possible_levels(effects: Effects, metric: str) -> Effects:
    """Return effects whose levels have intervals of values that the metric can have."""
    levels = [replace(level, ci95=possible(level.ci95, metric)) for level in effects.levels]
    return replace(effects, levels=levels)


def _judged(
    groups: Sequence[Group], reference: int | None, margin: float, *, higher: bool
) -> list[Judged]:
    samples = samples_of(groups, higher=higher)
    if reference is None:
        return judgement.against_leader(samples, margin)
    return judgement.against_reference(samples, reference, margin)


def _ranked(
    groups: Sequence[Group],
    judged: Sequence[Judged],
    effects: Effects,
    metric: str,
    margin: float,
) -> list[RankedGroup]:
    """Return the groups in order: those that entered by mean, the others, those without values."""
    higher = METRICS[metric].higher_is_better
    order = sorted(range(len(groups)), key=lambda row: _place(groups[row], judged[row], higher))
    means = [group.mean for group in groups if group.entered and group.mean is not None]
    means.sort(reverse=higher)
    ranks = {mean: rank for rank, mean in reversed(list(enumerate(means, start=1)))}
    return [
        _ranked_group(
            groups[row],
            judged[row],
            rank=ranks[groups[row].mean] if groups[row].entered else None,  # type: ignore[index]
            additive=effects.additive_means.get(row),
            metric=metric,
            margin=margin,
        )
        for row in order
    ]


def _place(group: Group, judged: Judged, higher: bool) -> tuple[int, float]:
    if group.mean is None:
        return 3, -group.diverged
    better_first = -group.mean if higher else group.mean
    if judged.word == Word.LEADS:
        return 0, better_first
    return (1 if group.entered else 2), better_first


def _ranked_group(
    group: Group,
    judged: Judged,
    *,
    rank: int | None,
    additive: float | None,
    metric: str,
    margin: float,
) -> RankedGroup:
    higher = METRICS[metric].higher_is_better
    sign = 1 if higher else -1
    return RankedGroup(
        by=group.by,
        word=_word(group, judged),
        statement="",
        rank=rank,
        n=group.n,
        trained=group.trained,
        reached=group.reached,
        values=group.values,
        mean=group.mean,
        std=group.std,
        ci95=possible(_turned(judged.mean_interval, sign), metric),
        shrunk_mean=None if judged.shrunk_mean is None else sign * judged.shrunk_mean,
        difference=_difference(judged, sign),
        p_value=judged.p_value,
        seeds_needed=judged.seeds_needed,
        chosen=group.chosen(higher=higher),
        curve=curve_of(group, margin, higher=higher),
        additive_mean=additive,
        test=_held_out(group, metric),
        diverged=group.diverged,
        unfinished=group.unfinished,
        missing=group.missing,
        runs=group.runs,
    )


def _held_out(group: Group, metric: str) -> HeldOut | None:
    twin, tested = of_test_part(metric), group.tested
    if twin is None or not tested:
        return None
    return HeldOut(twin, len(tested), mean_of(tested), std_of(tested))


def _word(group: Group, judged: Judged) -> Word | None:
    if judged.word == Word.DID_NOT_TRAIN and group.runs.trained:
        return Word.NOT_REACHED
    return judged.word


def _difference(judged: Judged, sign: int) -> LeadDifference | None:
    """Return the gap to the leader as a difference in the metric's units."""
    if judged.gap is None or judged.interval is None:
        return None
    low, high = judged.interval
    return LeadDifference(-sign * judged.gap, _ordered(-sign * low, -sign * high))


def _turned(interval: Interval | None, sign: int) -> Interval | None:
    return None if interval is None else _ordered(sign * interval[0], sign * interval[1])


def _ordered(first: float, second: float) -> Interval:
    return min(first, second), max(first, second)
