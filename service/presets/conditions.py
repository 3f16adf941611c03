"""Checks of groups by themselves: bounds on a mean, verdicts, and whether runs diverge."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.presets.check import TOO_FEW, PartFinding, is_significant, reasons_of, together
from service.presets.evidence import Evidence, GroupFigures, figures, mean_p_value, missing
from service.presets.measures import TrainingMeasure
from service.presets.trainings import TrainingGroup, TrainingRecord
from service.statuses import RunStatus, Verdict


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
        lacking = missing(self.groups, trainings, self.measure)
        parts = max(parts, self.parts)
        found = (
            [PartFinding("inconclusive", lacking)]
            if lacking
            else [self._found(group, parts) for group in shown]
        )
        return Evidence(
            together(found), reasons_of(found), str(self.measure), self.low, self.high, shown
        )

    def _found(self, group: GroupFigures, parts: int) -> PartFinding:
        if group.diverged:
            return PartFinding(
                "not_reproduced", f"{group.diverged} runs of {group.group} diverged."
            )
        if group.ci95 is None or group.mean is None:
            return PartFinding("inconclusive", TOO_FEW)
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
            return PartFinding("reproduced", f"{group.group} lies within the bounds.")
        if any(is_significant(mean_p_value(group, bound), parts) for bound in bounds):
            return PartFinding("not_reproduced", f"{group.group} lies outside the bounds.")
        return PartFinding("inconclusive", f"The interval of {group.group} crosses a bound.")


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
        reasons = reasons_of(part for part in found if part.status != "reproduced")
        as_claimed = "Every variant has the verdict claimed, with every seed."
        return Evidence(together(found), reasons or as_claimed, groups=shown)

    def _found(self, trainings: Sequence[TrainingRecord], name: str, healthy: bool) -> PartFinding:
        verdicts = [training.verdict for training in trainings]
        if None in verdicts:
            return PartFinding("inconclusive", f"{name} has runs without a diagnosis.")
        as_claimed = sum((verdict == Verdict.HEALTHY) == healthy for verdict in verdicts)
        if as_claimed == len(verdicts):
            return PartFinding("reproduced")
        if as_claimed == 0:
            seen = ", ".join(sorted({str(verdict) for verdict in verdicts}))
            return PartFinding("not_reproduced", f"The verdict on {name} is {seen}.")
        reason = f"{name} is as claimed with {as_claimed} of {len(verdicts)} seeds."
        return PartFinding("inconclusive", reason)


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
