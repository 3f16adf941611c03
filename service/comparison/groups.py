"""Groups of an experiment's scores, each with one value per seed, however many runs are behind."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from service.comparison.design import Design, Level, placed
from service.comparison.samples import Samples, is_rounding
from service.comparison.scores import Score


@dataclass(frozen=True)
class SeedValue:
    """A group's value with one seed.

    Attributes:
        value: of the metric; where runs are averaged over, their mean.
        trained: whether every run behind it did better than guessing.
        partly: whether some run did, and reached the target.
        chosen: the levels that the other seeds chose for it, by what is tuned.
        reached: whether every run reached the target; True where none was asked for.
        tested: what the same runs gave on the test part; None where not each has it.
        counts: how many runs are behind it; None of one run.
    """

    value: float
    trained: bool
    partly: bool
    chosen: Mapping[str, Level] = field(default_factory=dict)
    reached: bool = True
    tested: float | None = None
    counts: "CountedRuns | None" = None

    @property
    def whole(self) -> bool:
        """Whether every run behind it did better than guessing, and reached the target."""
        return self.trained and self.reached

    @property
    def runs(self) -> "CountedRuns":
        """How many runs are behind it, and what they came to."""
        return self.counts or CountedRuns(
            1, int(self.trained), int(self.reached), int(self.trained and self.reached)
        )


@dataclass(frozen=True)
class CountedRuns:
    """How many runs there are.

    Attributes:
        all: of them.
        trained: that did better than guessing.
        reached: that reached the target; all where none was asked for.
        whole: that did both.
    """

    all: int = 0
    trained: int = 0
    reached: int = 0
    whole: int = 0


@dataclass(frozen=True)
class Candidate:
    """A group at one combination of levels of what is tuned.

    Attributes:
        levels: by what is tuned.
        values: by seed; only seeds for which every run that is averaged over has a value.
        parts: the value of each run, by the levels that are averaged over and by seed.
    """

    levels: dict[str, Level]
    values: dict[int, SeedValue]
    parts: Mapping[tuple[Level, ...], Mapping[int, float]] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        """Over the seeds."""
        return mean_of([found.value for found in self.values.values()])


@dataclass(frozen=True)
class Group:
    """The trainings that share their levels on what is compared by.

    Attributes:
        by: these levels.
        candidates: where something is tuned, one for each combination of its levels; else one.
        values: by seed.
        floor: the variance that the metric's grid alone gives a value, of the coarsest training.
        diverged: trainings that diverged, or completed with a value that is not finite.
        unfinished: trainings without a result.
        missing: completed trainings that do not record the metric.
    """

    by: dict[str, Level]
    candidates: Sequence[Candidate]
    values: dict[int, SeedValue]
    floor: float
    diverged: int
    unfinished: int
    missing: int

    @property
    def n(self) -> int:
        """How many seeds have a value."""
        return len(self.values)

    @property
    def trained(self) -> int:
        """With how many of them every run did better than guessing."""
        return sum(found.trained for found in self.values.values())

    @property
    def reached(self) -> int:
        """With how many of them every run reached the target; all where none was asked for."""
        return sum(found.reached for found in self.values.values())

    @property
    def whole(self) -> int:
        """With how many of them every run did better than guessing, and reached the target."""
        return sum(found.whole for found in self.values.values())

    @cached_property
    def runs(self) -> CountedRuns:
        """How many runs are behind the values: more than seeds where runs are averaged over."""
        counts = [found.runs for found in self.values.values()]
        return CountedRuns(
            all=sum(one.all for one in counts),
            trained=sum(one.trained for one in counts),
            reached=sum(one.reached for one in counts),
            whole=sum(one.whole for one in counts),
        )

    @property
    def entered(self) -> bool:
        """Whether some run behind the values did better than guessing, and reached the target."""
        return any(found.partly for found in self.values.values())

    @cached_property
    def mean(self) -> float | None:
        """Over the seeds; None without a value."""
        return mean_of([found.value for found in self.values.values()]) if self.values else None

    @property
    def std(self) -> float | None:
        """The sample standard deviation over n - 1; None below two values."""
        return std_of([found.value for found in self.values.values()])

    @property
    def tested(self) -> list[float]:
        """What the seeds gave on the test part, of those that have it."""
        return [found.tested for found in self.values.values() if found.tested is not None]

    def chosen(self, *, higher: bool) -> dict[str, Level]:
        """Return the levels of what is tuned that are best over all seeds."""
        tuned = [candidate for candidate in self.candidates if candidate.values]
        if len(self.candidates) < 2 or not tuned:
            return {}
        best = max(tuned, key=lambda each: _merit([*each.values.values()], higher=higher))
        return dict(best.levels)


def mean_of(values: Sequence[float]) -> float:
    """Return the mean: the same for every order of the values, and never outside their range."""
    return min(max(math.fsum(values) / len(values), min(values)), max(values))


def std_of(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation over n - 1; None below two values."""
    if len(values) < 2:
        return None
    deviation = float(np.std(values, ddof=1))
    return 0.0 if is_rounding(deviation, max(map(abs, values))) else deviation


@dataclass(frozen=True)
class _Member:
    """A training in its group: what is averaged over, and the values that it counts as."""

    score: Score
    average: tuple[Level, ...]
    value: float | None
    tested: float | None


def grouped(scores: Sequence[Score], design: Design, *, higher: bool) -> list[Group]:
    """Return the trainings in groups, in the order of each group's first training.

    Args:
        scores: each training once.
        design: what makes the groups, what is tuned and what is averaged over.
        higher: whether higher values are better.
    """
    rows = placed(scores, design)
    counted = _counted(scores, higher=higher)
    tested = _counted_tests(scores, higher=higher)
    members: dict[tuple[Level, ...], dict[tuple[Level, ...], list[int]]] = {}
    for index, row in enumerate(rows):
        members.setdefault(row.by, {}).setdefault(row.tune, []).append(index)
    found = []
    for by, candidates in members.items():
        tuned = [
            _candidate(
                dict(zip(design.tune, levels, strict=True)),
                [
                    _Member(scores[index], rows[index].average, counted[index], tested[index])
                    for index in own
                ],
            )
            for levels, own in candidates.items()
        ]
        own = [scores[index] for indices in candidates.values() for index in indices]
        found.append(_group(dict(zip(design.by, by, strict=True)), tuned, own, higher=higher))
    return found


def _counted(scores: Sequence[Score], *, higher: bool) -> list[float | None]:
    """Return the value that each training counts as; None where it has none yet.

    One that diverged counts as the worst of guessing and of all that completed: who diverged is
    never better than who came to an end. Of what is better when lower, its own last finite value
    may be worse still. Of seconds and epochs, which guessing has none of, it keeps its own.
    """
    values = [score.value for score in scores if score.value is not None and not score.diverged]
    finite = [value for value in values if math.isfinite(value)]
    return [
        _guessed(score, finite, higher=higher)
        if score.diverged and score.configured.guess is not None
        else (score.value if score.finished else None)
        for score in scores
    ]


def _counted_tests(scores: Sequence[Score], *, higher: bool) -> list[float | None]:
    """Return what each training counts as on the test part; None where there is none."""
    if all(score.tested is None for score in scores):
        return [None] * len(scores)
    on_test = [
        score if score.diverged else replace(score, value=score.tested, last_finite=None)
        for score in scores
    ]
    return _counted(on_test, higher=higher)


def _guessed(score: Score, completed: Sequence[float], *, higher: bool) -> float:
    """Return what a run that diverged counts as, beside the values of all that completed."""
    guess = score.configured.guess or 0.0
    if higher:
        return min([guess, *completed])
    return max([guess, score.last_finite or 0.0, *completed])


def _candidate(levels: dict[str, Level], members: Sequence[_Member]) -> Candidate:
    parts: dict[tuple[Level, ...], dict[int, float]] = {}
    for member in members:
        if member.value is not None:
            parts.setdefault(member.average, {})[member.score.seed] = member.value
    return Candidate(levels, _by_seed(members), parts)


def _by_seed(members: Sequence[_Member]) -> dict[int, SeedValue]:
    """Return a candidate's value by seed: the mean of its runs with that seed, if all have one."""
    cells = {(member.score.config_hash, member.average) for member in members}
    seeds: dict[int, dict[object, _Member]] = {}
    for member in members:
        if member.value is not None:
            own = seeds.setdefault(member.score.seed, {})
            own[member.score.config_hash, member.average] = member
    return {
        seed: _seed_value(list(runs.values()))
        for seed, runs in seeds.items()
        if len(runs) == len(cells)
    }


def _seed_value(members: Sequence[_Member]) -> SeedValue:
    """Return what runs with one seed give together; each of them has a value."""
    if len(members) == 1:  # as in most groups: there is nothing to average
        (only,) = members
        trained, reached = only.score.trained, only.score.reached
        return SeedValue(
            only.value or 0.0, trained, trained and reached, reached=reached, tested=only.tested
        )
    scores = [member.score for member in members]
    tested = [member.tested for member in members if member.tested is not None]
    return SeedValue(
        mean_of([member.value for member in members if member.value is not None]),
        trained=all(score.trained for score in scores),
        partly=any(score.trained and score.reached for score in scores),
        reached=all(score.reached for score in scores),
        tested=mean_of(tested) if len(tested) == len(members) else None,
        counts=CountedRuns(
            len(scores),
            sum(score.trained for score in scores),
            sum(score.reached for score in scores),
            sum(score.trained and score.reached for score in scores),
        ),
    )


def _group(
    by: dict[str, Level], candidates: list[Candidate], members: Sequence[Score], *, higher: bool
) -> Group:
    values = candidates[0].values if len(candidates) == 1 else _tuned(candidates, higher=higher)
    return Group(
        by=by,
        candidates=candidates,
        values=values,
        floor=max(score.configured.step for score in members) ** 2 / 12,
        diverged=sum(score.diverged for score in members),
        unfinished=sum(not score.finished for score in members),
        missing=sum(score.missing for score in members),
    )


def _tuned(candidates: Sequence[Candidate], *, higher: bool) -> dict[int, SeedValue]:
    """Return for each seed the value of the candidate that is best over the other seeds.

    One that trained with some of them is better than one that did with none. Who chooses by the
    value that is then shown is too optimistic; the other seeds are not. With a single seed there
    are no others: the choice is made by that one, and nothing is tested.
    """
    values: dict[int, SeedValue] = {}
    for seed in sorted({seed for candidate in candidates for seed in candidate.values}):
        able = [candidate for candidate in candidates if seed in candidate.values]
        best = max(able, key=lambda each: _merit(_without(each, seed), higher=higher))
        found = best.values[seed]
        values[seed] = replace(found, chosen=best.levels)
    return values


def _without(candidate: Candidate, seed: int) -> list[SeedValue]:
    """Return a candidate's values with the other seeds; with that one where it has no others."""
    others = [found for own, found in candidate.values.items() if own != seed]
    return others or [candidate.values[seed]]


def _merit(values: Sequence[SeedValue], *, higher: bool) -> tuple[bool, float, int]:
    """Return by what candidates are ordered: did any run train, the mean, how many seeds did."""
    mean = mean_of([found.value for found in values])
    entered = any(found.partly for found in values)
    return entered, mean if higher else -mean, sum(found.whole for found in values)


def samples_of(groups: Sequence[Group], *, higher: bool) -> Samples:
    """Return the groups' values by seed as a table, larger being better."""
    seeds = sorted({seed for group in groups for seed in group.values})
    columns = {seed: column for column, seed in enumerate(seeds)}
    table = np.full((len(groups), len(seeds)), np.nan)
    for row, group in enumerate(groups):
        for seed, found in group.values.items():
            table[row, columns[seed]] = found.value if higher else -found.value
    return Samples(
        values=table,
        trained=np.array([group.whole for group in groups], dtype=np.intp),
        entered=np.array([group.entered for group in groups], dtype=bool),
        floors=np.array([group.floor for group in groups]),
    )
