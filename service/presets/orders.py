"""Checks that one group lies above or below others."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.catalog.metrics import METRICS
from service.presets.check import TOO_FEW, PartFinding, is_significant, reasons_of, together
from service.presets.evidence import (
    ClaimStatus,
    Evidence,
    by_seed,
    censored_value,
    difference,
    figures,
    missing,
    tuned_by_seed,
    values_of,
)
from service.presets.measures import UNSTEADINESS, MetricMeasure, TrainingMeasure
from service.presets.trainings import TrainingGroup, TrainingRecord
from service.statuses import RunStatus


@dataclass(frozen=True)
class Ordered:
    """A group's mean lies on the claimed side of each other group's, by differences over seeds.

    A training that diverged counts as guessing, and no better than any that completed. A group of
    which no seed trained is never the better one, nor the steadier.

    Attributes:
        measure: what is compared.
        group: the group that the claim is about.
        than: the groups that it is compared with.
        higher: whether its mean is claimed to be the higher one.
        margin: how far on the wrong side still counts as not worse, in the measure's units.
        better: whether higher values of the measure are better; None where neither is.
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
    def of_training(self) -> bool:
        """Whether the measure says nothing of networks that did not train."""
        if not isinstance(self.measure, MetricMeasure):
            return False
        return self.measure.has_target or not self.measure.is_timed

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
        lacking = missing(groups, trainings, self.measure)
        found = [] if lacking else [self._against(one, trainings, parts) for one in self.than]
        return Evidence(
            "inconclusive" if lacking else together(found),
            lacking or reasons_of(found),
            str(self.measure),
            low=0.0 - self.margin if self.higher else None,
            high=None if self.higher else self.margin,
            groups=tuple(figures(self.measure, group, trainings) for group in groups),
            differences=tuple(part.difference for part in found if part.difference is not None),
        )

    def _against(
        self, other: TrainingGroup, trainings: Sequence[TrainingRecord], parts: int
    ) -> PartFinding:
        members = self.group.of(trainings), other.of(trainings)
        untrained = self._untrained(other, *members)
        if untrained is not None:
            return untrained
        censored = censored_value(self.measure, trainings)
        worst = self._worst([*members[0], *members[1]]) if censored is None else censored
        if worst is None:
            return PartFinding("inconclusive", f"Neither {self.group} nor {other} has a value.")
        ours, theirs = (self._values(group, worst) for group in members)
        claimed = -self.margin if self.higher else self.margin
        found = difference(self.measure, (self.group, other), trainings, (ours, theirs), claimed)
        if found is None:
            return PartFinding("inconclusive", TOO_FEW)
        sign = 1 if self.higher else -1
        low, high = sorted(sign * end + self.margin for end in found.ci95)
        status = _side(low, high)
        if status == "not_reproduced" and not is_significant(found.p_value, parts):
            status = "inconclusive"
        return PartFinding(status, self._reason(status, other), found)

    def _untrained(
        self,
        other: TrainingGroup,
        ours: Sequence[TrainingRecord],
        theirs: Sequence[TrainingRecord],
    ) -> PartFinding | None:
        """Return what is found where networks that did not train would decide; else None."""
        if not self.of_training:
            return None
        names = [
            group
            for group, members in ((self.group, ours), (other, theirs))
            if not any(training.trained for training in members)
        ]
        if len(names) == 2 or (names and self.better is None):
            return PartFinding(
                "inconclusive", f"No run of {' and of '.join(map(str, names))} trained."
            )
        winner = self.group if self.higher == self.better else other
        if winner not in names:
            return None
        status: ClaimStatus = "not_reproduced" if winner is self.group else "inconclusive"
        return PartFinding(status, f"No run of {winner} trained.")

    def _values(self, members: Sequence[TrainingRecord], worst: float) -> dict[int, float]:
        if self.tuned:
            better = self.higher if self.better is None else self.better
            return tuned_by_seed(self.measure, members, worst, higher=better)
        return by_seed(self.measure, members, worst)

    def _worst(self, members: Sequence[TrainingRecord]) -> float | None:
        """Return what a training that diverged counts as; None where none has a value."""
        low_is_worst = self.higher if self.better is None else self.better
        values = values_of(self.measure, members)
        if isinstance(self.measure, MetricMeasure):
            diverged = [
                self.measure.of_diverged(training)
                for training in members
                if training.status == RunStatus.DIVERGED
            ]
            values += [value for value in diverged if value is not None]
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
    if measure.has_target:
        return False
    metric = METRICS[measure.name]
    return None if metric.part is None else metric.higher_is_better


def _side(low: float, high: float) -> ClaimStatus:
    if low > 0:
        return "reproduced"
    return "not_reproduced" if high < 0 else "inconclusive"
