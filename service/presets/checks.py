"""Checks: a claim's test on an experiment's trainings. Pure functions, one rule for all.

A claim is reproduced where the 95% interval over seeds lies wholly on its side, not reproduced
where it lies wholly on the other, and inconclusive where it holds both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from service.presets.evidence import (
    DifferenceFigures,
    Evidence,
    GroupFigures,
    Status,
    by_seed,
    difference,
    figures,
    missing,
)
from service.presets.measures import Measure
from service.presets.trainings import Group, Training

_TOO_FEW = "An interval needs two seeds with a value in each group."


class Check(Protocol):
    """A claim's test; ``measures`` are what it looks at of a training."""

    @property
    def measures(self) -> tuple[Measure, ...]: ...

    def judge(self, trainings: Sequence[Training]) -> Evidence:
        """Find what the trainings say about the claim."""


@dataclass(frozen=True)
class Ordered:
    """A group's mean lies on one side of each other's, by the paired difference over seeds.

    A diverged training counts as the worst value that any completed one of the groups reached.
    ``margin`` is how far on the wrong side still counts as not worse, in the metric's units.
    """

    measure: Measure
    group: Group
    than: tuple[Group, ...]
    higher: bool
    margin: float = 0.0

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What is compared."""
        return (self.measure,)

    def judge(self, trainings: Sequence[Training]) -> Evidence:
        """Find whether each difference's interval lies on the claimed side."""
        groups = (self.group, *self.than)
        shown = tuple(figures(self.measure, each, trainings) for each in groups)
        lacking = missing(groups, trainings)
        found = [] if lacking else [self._against(each, trainings) for each in self.than]
        return Evidence(
            "inconclusive" if lacking else _together([status for status, _, _ in found]),
            lacking or _said(reason for _, reason, _ in found),
            str(self.measure),
            low=0.0 - self.margin if self.higher else None,
            high=None if self.higher else self.margin,
            groups=shown,
            differences=tuple(each for _, _, each in found if each is not None),
        )

    def _against(
        self, than: Group, trainings: Sequence[Training]
    ) -> tuple[Status, str, DifferenceFigures | None]:
        members = [each.of(trainings) for each in (self.group, than)]
        reached = [by_seed(self.measure, each) for each in members]
        if not reached[0] or not reached[1]:
            return (*self._without_values(than, *map(bool, reached)), None)
        values = [value for each in reached for value in each.values()]
        worst = min(values) if self.higher else max(values)
        found = difference(self.measure, (self.group, than), trainings, worst)
        if found is None:
            return "inconclusive", _TOO_FEW, None
        sign = 1 if self.higher else -1
        low, high = sorted(sign * each + self.margin for each in found.ci95)
        status = _side(low, high)
        side = "higher" if self.higher else "lower"
        margin = f", within a margin of {self.margin:g}" if self.margin else ""
        words = {
            "reproduced": f"{self.group} is {side} than {than}{margin}.",
            "not_reproduced": f"{self.group} is not {side} than {than}{margin}: the whole "
            "interval is on the other side.",
            "inconclusive": f"The interval of {self.group} against {than} holds both sides"
            f"{margin}.",
        }
        return status, words[status], found

    def _without_values(self, than: Group, ours: bool, theirs: bool) -> tuple[Status, str]:
        if ours and not theirs:
            return "reproduced", f"No run of {than} came to an end with a finite value."
        if theirs:
            return "not_reproduced", f"No run of {self.group} came to an end with a finite value."
        return "inconclusive", f"Neither {self.group} nor {than} has a finite value."


def higher(measure: Measure, group: Group, *than: Group, margin: float = 0.0) -> Ordered:
    """Claim that a group's mean is above each other's."""
    return Ordered(measure, group, than, higher=True, margin=margin)


def lower(measure: Measure, group: Group, *than: Group, margin: float = 0.0) -> Ordered:
    """Claim that a group's mean is below each other's."""
    return Ordered(measure, group, than, higher=False, margin=margin)


@dataclass(frozen=True)
class Within:
    """Each group's mean lies between two bounds; an open bound is None.

    A diverged training speaks against the claim: no interval of the others makes up for it.
    """

    measure: Measure
    groups: tuple[Group, ...]
    low: float | None = None
    high: float | None = None

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What is bounded."""
        return (self.measure,)

    def judge(self, trainings: Sequence[Training]) -> Evidence:
        """Find whether each group's interval lies within the bounds."""
        shown = tuple(figures(self.measure, each, trainings) for each in self.groups)
        lacking = missing(self.groups, trainings)
        found: list[tuple[Status, str]] = [("inconclusive", lacking or "")]
        if lacking is None:
            found = [self._one(each) for each in shown]
        return Evidence(
            _together([status for status, _ in found]),
            _said(reason for _, reason in found),
            str(self.measure),
            self.low,
            self.high,
            shown,
        )

    def _one(self, figures: GroupFigures) -> tuple[Status, str]:
        if figures.diverged:
            return "not_reproduced", f"{figures.diverged} runs of {figures.group} diverged."
        if figures.ci95 is None:
            return "inconclusive", _TOO_FEW
        low, high = figures.ci95
        inside = [self.low is None or low >= self.low, self.high is None or high <= self.high]
        outside = [
            self.low is not None and high < self.low,
            self.high is not None and low > self.high,
        ]
        if all(inside):
            return "reproduced", f"{figures.group} lies within the bounds."
        if any(outside):
            return "not_reproduced", f"{figures.group} lies outside the bounds."
        return "inconclusive", f"The interval of {figures.group} crosses a bound."


@dataclass(frozen=True)
class Verdicts:
    """Every run of each variant has the diagnosis' verdict claimed for it.

    ``healthy`` variants are healthy with every seed; the ``failing`` ones with none, whichever
    verdict says why.
    """

    healthy: tuple[str, ...]
    failing: tuple[str, ...]

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Nothing is measured; verdicts are counted."""
        return ()

    def judge(self, trainings: Sequence[Training]) -> Evidence:
        """Count the verdicts of each variant."""
        groups = [Group({"variant": each}) for each in (*self.healthy, *self.failing)]
        shown = tuple(figures(None, each, trainings) for each in groups)
        lacking = missing(groups, trainings)
        if lacking:
            return Evidence("inconclusive", lacking, groups=shown)
        found = [
            self._one(each.of(trainings), str(each), at < len(self.healthy))
            for at, each in enumerate(groups)
        ]
        wrong = [reason for status, reason in found if status != "reproduced"]
        reason = " ".join(wrong) or "Every variant has the verdict claimed, with every seed."
        return Evidence(_together([status for status, _ in found]), reason, groups=shown)

    def _one(self, trainings: Sequence[Training], name: str, healthy: bool) -> tuple[Status, str]:
        verdicts = [each.verdict for each in trainings]
        if None in verdicts:
            return "inconclusive", f"{name} has runs without a diagnosis."
        as_claimed = sum((each == "healthy") == healthy for each in verdicts)
        if as_claimed == len(verdicts):
            return "reproduced", ""
        if as_claimed == 0:
            seen = ", ".join(sorted({str(each) for each in verdicts}))
            return "not_reproduced", f"{name} is {seen}."
        return "inconclusive", f"{name} is as claimed with {as_claimed} of {len(verdicts)} seeds."


@dataclass(frozen=True)
class Diverges:
    """Every run of the groups diverges: its loss stops being a number."""

    groups: tuple[Group, ...]

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Nothing is measured; endings are counted."""
        return ()

    def judge(self, trainings: Sequence[Training]) -> Evidence:
        """Count the diverged runs."""
        shown = tuple(figures(None, each, trainings) for each in self.groups)
        lacking = missing(self.groups, trainings)
        if lacking:
            return Evidence("inconclusive", lacking, groups=shown)
        statuses = [each.status for some in self.groups for each in some.of(trainings)]
        diverged = statuses.count("diverged")
        reason = f"{diverged} of {len(statuses)} runs diverged."
        if diverged == len(statuses):
            return Evidence("reproduced", reason, groups=shown)
        return Evidence("inconclusive" if diverged else "not_reproduced", reason, groups=shown)


@dataclass(frozen=True)
class All:
    """Several checks that make one claim: reproduced where all of them are."""

    checks: tuple[Check, ...]

    @property
    def measures(self) -> tuple[Measure, ...]:
        """What the checks look at."""
        return tuple(measure for each in self.checks for measure in each.measures)

    def judge(self, trainings: Sequence[Training]) -> Evidence:
        """Find what each says."""
        found = [each.judge(trainings) for each in self.checks]
        measures = dict.fromkeys(each.measure for each in found if each.measure is not None)
        groups: list[GroupFigures] = []
        for each in found:
            groups += [some for some in each.groups if some not in groups]
        return Evidence(
            _together([each.status for each in found]),
            _said(each.reason for each in found),
            "; ".join(measures) or None,
            groups=tuple(groups),
            differences=tuple(some for each in found for some in each.differences),
        )


def _together(statuses: Sequence[Status]) -> Status:
    """Join parts of a claim: one that is refuted refutes it, one that is open leaves it open."""
    for status in ("not_reproduced", "inconclusive"):
        if status in statuses:
            return status
    return "reproduced"


def _said(reasons: Iterable[str]) -> str:
    """Join reasons, each said once."""
    return " ".join(dict.fromkeys(reasons))


def _side(low: float, high: float) -> Status:
    if low > 0:
        return "reproduced"
    return "not_reproduced" if high < 0 else "inconclusive"
