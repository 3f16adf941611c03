"""Findings: what a diagnosis consists of."""

from dataclasses import dataclass

#: What a run can be found to be, from the least to the most severe.
VERDICTS = ("healthy", "vanishing", "exploding", "saturated", "dead", "symmetric", "diverged")

#: Findings that explain and do not condemn: healthy trainings have them too.
REMARKS = ("dying", "plateau", "clipping_active")


@dataclass(frozen=True)
class Finding:
    """One thing that was seen in a run.

    Attributes:
        kind: one of ``VERDICTS`` but ``healthy``, or of ``REMARKS``.
        layer: where; None where it is the whole network's.
        epoch: when it was first seen; 0 is the network before its first step.
        value: the figure.
        threshold: what the figure passed.
        explanation: one sentence.
    """

    kind: str
    layer: str | None
    epoch: int
    value: float
    threshold: float
    explanation: str


@dataclass(frozen=True)
class Diagnosis:
    """A run's verdict with all that was found, the most severe first.

    The verdict is the most severe of the findings' kinds, ``healthy`` where none of them
    condemns, and None where there are no layer statistics to judge by.
    """

    verdict: str | None
    findings: tuple[Finding, ...]


def conclude(findings: list[Finding], *, examined: bool) -> Diagnosis:
    """Come to a verdict; ``examined`` says whether there were any layer statistics."""
    order = [*reversed(VERDICTS), *REMARKS]
    ordered = tuple(sorted(findings, key=lambda each: (order.index(each.kind), each.epoch)))
    if ordered and ordered[0].kind in VERDICTS:
        return Diagnosis(ordered[0].kind, ordered)
    return Diagnosis("healthy" if examined else None, ordered)
