"""Checks: a claim's test on an experiment's trainings. Pure functions with one rule for all.

A claim is reproduced where the 95% interval over seeds lies wholly on the claimed side, not
reproduced where it lies wholly on the other side, and inconclusive where it reaches over both.

All parts of a claim have to be reproduced, so nothing is corrected there (Berger 1982). One part
refutes it, so that is judged at 5% over the number of parts (Bonferroni): a true claim is then
falsely refuted in at most 5%, however many parts it has.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.catalog.metrics import METRICS
from service.comparison.guessing import guess
from service.presets.evidence import (
    ClaimStatus,
    DifferenceFigures,
    Evidence,
    GroupFigures,
    by_seed,
    difference,
    figures,
    mean_p_value,
    missing,
    tuned_by_seed,
    values_of,
)
from service.presets.measures import UNSTEADINESS, EpochsTo, MetricMeasure, TrainingMeasure
from service.presets.trainings import TrainingGroup, TrainingRecord
from service.statuses import RunStatus, Verdict

#: Error rate at which a claim is refuted.
REFUTED_AT = 0.05

_TOO_FEW = "An interval needs two seeds with a value in each group."


class Check(Protocol):
    """A claim's test."""

    @property
    def measures(self) -> tuple[TrainingMeasure, ...]:
        """The measures of a training that the test reads."""

    @property
    def parts(self) -> int:
        """How many parts it has, each of which can refute the claim."""

    def judge(self, trainings: Sequence[TrainingRecord], parts: int = 1) -> Evidence:
        """Return what the trainings show about a claim of so many parts."""


@dataclass(frozen=True)
class _Finding:
    """What one part of a check found, why, and the difference behind it."""

    status: ClaimStatus
    reason: str = ""
    difference: DifferenceFigures | None = None


@dataclass(frozen=True)
class Ordered:
    """A group's mean lies on the claimed side of each other group's, by differences over seeds.

    A training that diverged counts as guessing, and no better than any that completed. A group of
    which no seed trained is never the better one.

    Attributes:
        measure: what is compared.
        group: the group that the claim is about.
        than: the groups that it is compared with.
        higher: whether its mean is claimed to be the higher one.
        margin: how far on the wrong side still counts as not worse, in the measure's units.
        better: whether higher values of the measure are better; None where neither is, so that
            it does not matter whether the networks trained.
        tuned: whether each group is taken at its best configuration, chosen on the other seeds.
    """

    measure: TrainingMeasure
    group: TrainingGroup
    than: tuple[TrainingGroup, ...]
    higher: bool
    margin: float = 0.0
    better: bool | None = None
    tuned: bool = False

    @property
    def measures(self) -> tuple[TrainingMeasure, ...]:
        """The measure that is compared."""
        return (self.measure,)

    @property
    def parts(self) -> int:
        """One per other group."""
        return len(self.than)

    def judge(self, trainings: Sequence[TrainingRecord], parts: int = 1) -> Evidence:
        """Return whether the interval of each difference lies on the claimed side."""
        groups = (self.group, *self.than)
        parts = max(parts, self.parts)
        lacking = missing(groups, trainings)
        found = [] if lacking else [self._against(one, trainings, parts) for one in self.than]
        return Evidence(
            "inconclusive" if lacking else _together(found),
            lacking or _reasons(found),
            str(self.measure),
            low=0.0 - self.margin if self.higher else None,
            high=None if self.higher else self.margin,
            groups=tuple(figures(self.measure, group, trainings) for group in groups),
            differences=tuple(part.difference for part in found if part.difference is not None),
        )

    def _against(
        self, other: TrainingGroup, trainings: Sequence[TrainingRecord], parts: int
    ) -> _Finding:
        members = self.group.of(trainings), other.of(trainings)
        winner = members[0] if self.higher == self.better else members[1]
        if self.better is not None and not any(training.trained for training in winner):
            name = self.group if winner is members[0] else other
            status: ClaimStatus = "not_reproduced" if winner is members[0] else "inconclusive"
            return _Finding(status, f"No run of {name} trained.")
        worst = self._worst([*members[0], *members[1]])
        if worst is None:
            return _Finding("inconclusive", f"Neither {self.group} nor {other} has a value.")
        ours, theirs = (self._values(group, worst) for group in members)
        claimed = -self.margin if self.higher else self.margin
        found = difference(self.measure, (self.group, other), trainings, (ours, theirs), claimed)
        if found is None:
            return _Finding("inconclusive", _TOO_FEW)
        sign = 1 if self.higher else -1
        low, high = sorted(sign * end + self.margin for end in found.ci95)
        status = _side(low, high)
        if status == "not_reproduced" and not _significant(found.p_value, parts):
            status = "inconclusive"
        return _Finding(status, self._reason(status, other), found)

    def _values(self, members: Sequence[TrainingRecord], worst: float) -> dict[int, float]:
        if self.tuned:
            better = self.higher if self.better is None else self.better
            return tuned_by_seed(self.measure, members, worst, higher=better)
        return by_seed(self.measure, members, worst)

    def _worst(self, members: Sequence[TrainingRecord]) -> float | None:
        """Return what a training that diverged counts as; None where none has a value."""
        low_is_worst = self.higher if self.better is None else self.better
        values = values_of(self.measure, members)
        measure = self.measure
        if isinstance(measure, MetricMeasure) and isinstance(measure.at, EpochsTo):
            values += [1.0 + training.config["epochs"] for training in members]
        elif isinstance(self.measure, MetricMeasure):
            values += [
                guess(self.measure.name, training.config)
                for training in members
                if training.status == RunStatus.DIVERGED
            ]
        return (min if low_is_worst else max)(values, default=None)

    def _reason(self, status: ClaimStatus, other: TrainingGroup) -> str:
        side = "higher" if self.higher else "lower"
        margin = f", within a margin of {self.margin:g}" if self.margin else ""
        match status:
            case "reproduced":
                return f"{self.group} is {side} than {other}{margin}."
            case "not_reproduced":
                return (
                    f"{self.group} is not {side} than {other}{margin}: the whole interval is on "
                    "the other side."
                )
            case _:
                return f"The interval of {self.group} against {other} holds both sides{margin}."


def higher(
    measure: TrainingMeasure,
    group: TrainingGroup,
    *than: TrainingGroup,
    margin: float = 0.0,
    tuned: bool = False,
) -> Ordered:
    """Return the check that a group's mean is above each other group's."""
    return Ordered(measure, group, than, True, margin, _better(measure), tuned)


def lower(
    measure: TrainingMeasure,
    group: TrainingGroup,
    *than: TrainingGroup,
    margin: float = 0.0,
    tuned: bool = False,
) -> Ordered:
    """Return the check that a group's mean is below each other group's."""
    return Ordered(measure, group, than, False, margin, _better(measure), tuned)


def _better(measure: TrainingMeasure) -> bool | None:
    """Return whether higher values are better; None where the measure is no result."""
    if not isinstance(measure, MetricMeasure) or measure.at in UNSTEADINESS:
        return None
    if isinstance(measure.at, EpochsTo):
        return False
    metric = METRICS[measure.name]
    return None if metric.direction is None else metric.higher_is_better


@dataclass(frozen=True)
class Within:
    """Each group's mean lies between two bounds; an open bound is None.

    A diverged training refutes the claim, whatever the others' interval.
    """

    measure: TrainingMeasure
    groups: tuple[TrainingGroup, ...]
    low: float | None = None
    high: float | None = None

    @property
    def measures(self) -> tuple[TrainingMeasure, ...]:
        """The measure that is bounded."""
        return (self.measure,)

    @property
    def parts(self) -> int:
        """One per group."""
        return len(self.groups)

    def judge(self, trainings: Sequence[TrainingRecord], parts: int = 1) -> Evidence:
        """Return whether each group's interval lies within the bounds."""
        shown = tuple(figures(self.measure, group, trainings) for group in self.groups)
        lacking = missing(self.groups, trainings)
        parts = max(parts, self.parts)
        found = (
            [_Finding("inconclusive", lacking)]
            if lacking
            else [self._found(group, parts) for group in shown]
        )
        return Evidence(
            _together(found), _reasons(found), str(self.measure), self.low, self.high, shown
        )

    def _found(self, group: GroupFigures, parts: int) -> _Finding:
        if group.diverged:
            return _Finding("not_reproduced", f"{group.diverged} runs of {group.group} diverged.")
        if group.ci95 is None or group.mean is None:
            return _Finding("inconclusive", _TOO_FEW)
        low, high = group.ci95
        inside = [self.low is None or low >= self.low, self.high is None or high <= self.high]
        bounds = [
            bound
            for bound, beyond in (
                (self.low, self.low is not None and high < self.low),
                (self.high, self.high is not None and low > self.high),
            )
            if beyond and bound is not None
        ]
        if all(inside):
            return _Finding("reproduced", f"{group.group} lies within the bounds.")
        if any(_significant(mean_p_value(group, bound), parts) for bound in bounds):
            return _Finding("not_reproduced", f"{group.group} lies outside the bounds.")
        return _Finding("inconclusive", f"The interval of {group.group} crosses a bound.")


@dataclass(frozen=True)
class Verdicts:
    """Every run of each variant has the verdict that is claimed for it.

    ``healthy`` variants are healthy with every seed; ``failing`` ones with none, whichever
    verdict says why.
    """

    healthy: tuple[str, ...]
    failing: tuple[str, ...]

    @property
    def measures(self) -> tuple[TrainingMeasure, ...]:
        """None: verdicts are counted."""
        return ()

    @property
    def parts(self) -> int:
        """One per variant."""
        return len((*self.healthy, *self.failing))

    def judge(self, trainings: Sequence[TrainingRecord], parts: int = 1) -> Evidence:  # noqa: ARG002
        """Return whether the verdicts of each variant are as claimed."""
        labels = (*self.healthy, *self.failing)
        groups = [TrainingGroup({"variant": label}) for label in labels]
        shown = tuple(figures(None, group, trainings) for group in groups)
        lacking = missing(groups, trainings)
        if lacking:
            return Evidence("inconclusive", lacking, groups=shown)
        found = [
            self._found(group.of(trainings), label, label in self.healthy)
            for label, group in zip(labels, groups, strict=True)
        ]
        reasons = _reasons(part for part in found if part.status != "reproduced")
        as_claimed = "Every variant has the verdict claimed, with every seed."
        return Evidence(_together(found), reasons or as_claimed, groups=shown)

    def _found(self, trainings: Sequence[TrainingRecord], name: str, healthy: bool) -> _Finding:
        verdicts = [training.verdict for training in trainings]
        if None in verdicts:
            return _Finding("inconclusive", f"{name} has runs without a diagnosis.")
        as_claimed = sum((verdict == Verdict.HEALTHY) == healthy for verdict in verdicts)
        if as_claimed == len(verdicts):
            return _Finding("reproduced")
        if as_claimed == 0:
            seen = ", ".join(sorted({str(verdict) for verdict in verdicts}))
            return _Finding("not_reproduced", f"{name} is {seen}.")
        reason = f"{name} is as claimed with {as_claimed} of {len(verdicts)} seeds."
        return _Finding("inconclusive", reason)


@dataclass(frozen=True)
class Diverges:
    """Every run of the groups diverges: its loss becomes NaN or infinite."""

    groups: tuple[TrainingGroup, ...]

    @property
    def measures(self) -> tuple[TrainingMeasure, ...]:
        """None: diverged runs are counted."""
        return ()

    @property
    def parts(self) -> int:
        """One: all runs are counted together."""
        return 1

    def judge(self, trainings: Sequence[TrainingRecord], parts: int = 1) -> Evidence:  # noqa: ARG002
        """Return whether all runs diverged."""
        shown = tuple(figures(None, group, trainings) for group in self.groups)
        lacking = missing(self.groups, trainings)
        if lacking:
            return Evidence("inconclusive", lacking, groups=shown)
        statuses = [training.status for group in self.groups for training in group.of(trainings)]
        diverged = statuses.count(RunStatus.DIVERGED)
        reason = f"{diverged} of {len(statuses)} runs diverged."
        if diverged == len(statuses):
            return Evidence("reproduced", reason, groups=shown)
        return Evidence("inconclusive" if diverged else "not_reproduced", reason, groups=shown)


@dataclass(frozen=True)
class All:
    """Several checks of one claim: reproduced where all of them are."""

    checks: tuple[Check, ...]

    @property
    def measures(self) -> tuple[TrainingMeasure, ...]:
        """The measures that the checks read."""
        return tuple(measure for check in self.checks for measure in check.measures)

    @property
    def parts(self) -> int:
        """Those of all its checks."""
        return sum(check.parts for check in self.checks)

    def judge(self, trainings: Sequence[TrainingRecord], parts: int = 1) -> Evidence:
        """Return what the checks found together."""
        judged = [check.judge(trainings, max(parts, self.parts)) for check in self.checks]
        found = [_Finding(one.status, one.reason) for one in judged]
        measures = dict.fromkeys(one.measure for one in judged if one.measure is not None)
        groups: list[GroupFigures] = []
        for one in judged:
            groups += [group for group in one.groups if group not in groups]
        return Evidence(
            _together(found),
            _reasons(found),
            "; ".join(measures) or None,
            groups=tuple(groups),
            differences=tuple(compared for one in judged for compared in one.differences),
        )


def _together(found: Iterable[_Finding]) -> ClaimStatus:
    """Return the claim's status: one refuted part refutes it, an open one leaves it open."""
    statuses = {part.status for part in found}
    for status in ("not_reproduced", "inconclusive"):
        if status in statuses:
            return status
    return "reproduced"


def _reasons(found: Iterable[_Finding]) -> str:
    """Return the reasons joined, each written once."""
    return " ".join(dict.fromkeys(part.reason for part in found if part.reason))


def _significant(p_value: float | None, parts: int) -> bool:
    """Whether one of so many parts refutes a claim; one without any spread does."""
    return p_value is None or p_value * parts <= REFUTED_AT


def _side(low: float, high: float) -> ClaimStatus:
    if low > 0:
        return "reproduced"
    return "not_reproduced" if high < 0 else "inconclusive"
