"""Findings: the parts of a diagnosis, and the verdict they lead to."""

from dataclasses import dataclass

#: The verdicts on a run, from the least to the most severe.
VERDICTS = ("healthy", "vanishing", "exploding", "saturated", "dead", "symmetric", "diverged")

#: Findings that explain a run and do not decide its verdict: healthy runs have them too.
REMARKS = ("dying", "plateau", "clipping_active")


@dataclass(frozen=True)
class Finding:
    """One observation in a run.

    Attributes:
        kind: one of ``VERDICTS`` except ``healthy``, or one of ``REMARKS``.
        layer: the layer's name; None for the whole network.
        epoch: when it was first observed; 0 is before the first step.
        value: the measured value.
        threshold: the limit that the value passed.
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
    """A run's verdict with its findings, the most severe first.

    The verdict is the most severe of the findings' kinds, ``healthy`` if all of them are remarks,
    and None if there are no layer statistics to judge by.
    """

    verdict: str | None
    findings: tuple[Finding, ...]


def conclude(findings: list[Finding], *, examined: bool) -> Diagnosis:
    """Return the diagnosis by some findings; ``examined``: there were layer statistics."""
    order = [*reversed(VERDICTS), *REMARKS]
    ordered = tuple(
        sorted(findings, key=lambda finding: (order.index(finding.kind), finding.epoch))
    )
    if ordered and ordered[0].kind in VERDICTS:
        return Diagnosis(ordered[0].kind, ordered)
    return Diagnosis("healthy" if examined else None, ordered)
