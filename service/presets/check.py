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

from service.presets.evidence import ClaimStatus, DifferenceFigures, Evidence, GroupFigures
from service.presets.measures import TrainingMeasure
from service.presets.trainings import TrainingRecord

#: Error rate at which a claim is refuted.
REFUTED_AT = 0.05

TOO_FEW = "An interval needs two seeds with a value in each group."


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
class PartFinding:
    """What one part of a check found, why, and the difference behind it."""

    status: ClaimStatus
    reason: str = ""
    difference: DifferenceFigures | None = None


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
        found = [PartFinding(one.status, one.reason) for one in judged]
        measures = dict.fromkeys(one.measure for one in judged if one.measure is not None)
        groups: list[GroupFigures] = []
        for one in judged:
            groups += [group for group in one.groups if group not in groups]
        return Evidence(
            together(found),
            reasons_of(found),
            "; ".join(measures) or None,
            groups=tuple(groups),
            differences=tuple(compared for one in judged for compared in one.differences),
        )


def together(found: Iterable[PartFinding]) -> ClaimStatus:
    """Return the claim's status: one refuted part refutes it, an open one leaves it open."""
    statuses = {part.status for part in found}
    for status in ("not_reproduced", "inconclusive"):
        if status in statuses:
            return status
    return "reproduced"


def reasons_of(found: Iterable[PartFinding]) -> str:
    """Return the reasons joined, each written once."""
    return " ".join(dict.fromkeys(part.reason for part in found if part.reason))


def is_significant(p_value: float | None, parts: int) -> bool:
    """Whether one of so many parts refutes a claim; one without any spread does."""
    return p_value is None or p_value * parts <= REFUTED_AT
