"""Checks: a claim's test on an experiment's trainings. Pure functions with one rule for all.

A claim is reproduced where the 95% interval over seeds lies wholly on the claimed side, not
reproduced where it lies wholly on the other side, and inconclusive where it reaches over both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.presets.evidence import (
    ClaimStatus,
    DifferenceFigures,
    Evidence,
    GroupFigures,
    by_seed,
    difference,
    figures,
    missing,
)
from service.presets.measures import TrainingMeasure
from service.presets.trainings import TrainingGroup, TrainingRecord
from service.statuses import RunStatus, Verdict

_TOO_FEW = "An interval needs two seeds with a value in each group."


class Check(Protocol):
    """A claim's test."""

    @property
    def measures(self) -> tuple[TrainingMeasure, ...]:
        """The measures of a training that the test reads."""

    def judge(self, trainings: Sequence[TrainingRecord]) -> Evidence:
        """Return what the trainings show about the claim."""


@dataclass(frozen=True)
class _Finding:
    """What one part of a check found, why, and the difference behind it."""

    status: ClaimStatus
    reason: str = ""
    difference: DifferenceFigures | None = None


@dataclass(frozen=True)
class Ordered:
    """A group's mean lies on the claimed side of each other group's, by differences over seeds.

    A diverged training counts as the worst value that any completed training of the groups
    reached. ``margin`` is how far on the wrong side still counts as not worse, in the measure's
    units.
    """

    measure: TrainingMeasure
    group: TrainingGroup
    than: tuple[TrainingGroup, ...]
    higher: bool
    margin: float = 0.0

    @property
    def measures(self) -> tuple[TrainingMeasure, ...]:
        """The measure that is compared."""
        return (self.measure,)

    def judge(self, trainings: Sequence[TrainingRecord]) -> Evidence:
        """Return whether the interval of each difference lies on the claimed side."""
        groups = (self.group, *self.than)
        lacking = missing(groups, trainings)
        found = [] if lacking else [self._against(other, trainings) for other in self.than]
        return Evidence(
            "inconclusive" if lacking else _together(found),
            lacking or _reasons(found),
            str(self.measure),
            low=0.0 - self.margin if self.higher else None,
            high=None if self.higher else self.margin,
            groups=tuple(figures(self.measure, group, trainings) for group in groups),
            differences=tuple(part.difference for part in found if part.difference is not None),
        )

    def _against(self, other: TrainingGroup, trainings: Sequence[TrainingRecord]) -> _Finding:
        ours, theirs = (by_seed(self.measure, group.of(trainings)) for group in (self.group, other))
        if not ours or not theirs:
            return self._without_values(other, bool(ours), bool(theirs))
        values = [*ours.values(), *theirs.values()]
        worst = min(values) if self.higher else max(values)
        found = difference(self.measure, (self.group, other), trainings, worst)
        if found is None:
            return _Finding("inconclusive", _TOO_FEW)
        sign = 1 if self.higher else -1
        low, high = sorted(sign * end + self.margin for end in found.ci95)
        status = _side(low, high)
        return _Finding(status, self._reason(status, other), found)

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

    def _without_values(self, other: TrainingGroup, ours: bool, theirs: bool) -> _Finding:
        if ours and not theirs:
            return _Finding("reproduced", f"No run of {other} ended with a finite value.")
        if theirs:
            return _Finding("not_reproduced", f"No run of {self.group} ended with a finite value.")
        return _Finding("inconclusive", f"Neither {self.group} nor {other} has a finite value.")


def higher(
    measure: TrainingMeasure, group: TrainingGroup, *than: TrainingGroup, margin: float = 0.0
) -> Ordered:
    """Return the check that a group's mean is above each other group's."""
    return Ordered(measure, group, than, higher=True, margin=margin)


def lower(
    measure: TrainingMeasure, group: TrainingGroup, *than: TrainingGroup, margin: float = 0.0
) -> Ordered:
    """Return the check that a group's mean is below each other group's."""
    return Ordered(measure, group, than, higher=False, margin=margin)


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

    def judge(self, trainings: Sequence[TrainingRecord]) -> Evidence:
        """Return whether each group's interval lies within the bounds."""
        shown = tuple(figures(self.measure, group, trainings) for group in self.groups)
        lacking = missing(self.groups, trainings)
        found = [_Finding("inconclusive", lacking)] if lacking else [*map(self._found, shown)]
        return Evidence(
            _together(found), _reasons(found), str(self.measure), self.low, self.high, shown
        )

    def _found(self, group: GroupFigures) -> _Finding:
        if group.diverged:
            return _Finding("not_reproduced", f"{group.diverged} runs of {group.group} diverged.")
        if group.ci95 is None:
            return _Finding("inconclusive", _TOO_FEW)
        low, high = group.ci95
        inside = [self.low is None or low >= self.low, self.high is None or high <= self.high]
        outside = [
            self.low is not None and high < self.low,
            self.high is not None and low > self.high,
        ]
        if all(inside):
            return _Finding("reproduced", f"{group.group} lies within the bounds.")
        if any(outside):
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

    def judge(self, trainings: Sequence[TrainingRecord]) -> Evidence:
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

    def judge(self, trainings: Sequence[TrainingRecord]) -> Evidence:
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

    def judge(self, trainings: Sequence[TrainingRecord]) -> Evidence:
        """Return what the checks found together."""
        parts = [check.judge(trainings) for check in self.checks]
        found = [_Finding(part.status, part.reason) for part in parts]
        measures = dict.fromkeys(part.measure for part in parts if part.measure is not None)
        groups: list[GroupFigures] = []
        for part in parts:
            groups += [group for group in part.groups if group not in groups]
        return Evidence(
            _together(found),
            _reasons(found),
            "; ".join(measures) or None,
            groups=tuple(groups),
            differences=tuple(compared for part in parts for compared in part.differences),
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


def _side(low: float, high: float) -> ClaimStatus:
    if low > 0:
        return "reproduced"
    return "not_reproduced" if high < 0 else "inconclusive"
