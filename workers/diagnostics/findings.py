"""Findings: the parts of a diagnosis, and the verdict they lead to."""

from dataclasses import dataclass

#: What a finding can blame: before the first step from the least to the most severe.
CAUSES = ("step_size", "vanishing", "length", "exploding", "saturated", "dead", "symmetric")

#: The verdicts on a run.
VERDICTS = ("healthy", "no_cause_found", *CAUSES)

#: Findings that explain a run and do not decide its verdict: runs that learn have them too.
REMARKS = ("diverged", "dying", "plateau", "clipping_active", "equal_units")

#: Outcomes that a cause explains, by their names in the service; those of all other runs that were
#: trained to their end have no cause.
FAILURES = ("diverged", "got_worse", "at_chance")


@dataclass(frozen=True)
class Finding:
    """One observation in a run.

    Attributes:
        kind: one of ``CAUSES`` or of ``REMARKS``.
        layer: the layer's name; None for the whole network.
        epoch: when it was first observed; 0 is before the first step.
        value: the measured value.
        threshold: the limit that the value passed.
        explanation: one sentence.
        advice: one sentence that says what to change.
        decisive: whether it can be the cause of a failure; else it is a risk and no more.
    """

    kind: str
    layer: str | None
    epoch: int
    value: float
    threshold: float
    explanation: str
    advice: str
    decisive: bool = True

    def explains(self, outcome: str) -> bool:
        """Whether this can be why a training came to an outcome, one of ``FAILURES``.

        What only holds a network back cannot make it diverge, nor lose what it had learned.
        """
        if self.kind not in CAUSES or not self.decisive:
            return False
        if outcome == "at_chance":
            return True
        if self.kind == "dead":
            return outcome == "got_worse"
        small_step = self.kind == "step_size" and self.value < self.threshold
        return self.kind not in ("vanishing", "symmetric") and not small_step


@dataclass(frozen=True)
class Diagnosis:
    """A run's verdict with its findings, those of the verdict first, remarks last.

    ``verdict`` is None if there are no layer statistics to judge by.
    """

    verdict: str | None
    findings: tuple[Finding, ...]


def conclude(findings: list[Finding], *, examined: bool, outcome: str | None) -> Diagnosis:
    """Return the diagnosis by some findings.

    Without an outcome every cause is a risk, and the verdict is the first of them. A failure has as
    its verdict the first that explains it. Any other outcome is healthy: its findings stay and tell
    how it began.

    Args:
        findings: of the epochs seen.
        examined: whether there were layer statistics.
        outcome: of the training; None while it lasts, or where there is none.
    """
    ordered = sorted(findings, key=_rank)
    if outcome is None:
        blamed = [finding.kind for finding in ordered if finding.kind in CAUSES]
    elif outcome in FAILURES:
        blamed = [finding.kind for finding in ordered if finding.explains(outcome)]
    else:
        blamed = []
    verdict = blamed[0] if blamed else _without_cause(outcome) if examined else None
    return Diagnosis(verdict, tuple(sorted(ordered, key=lambda each: each.kind != verdict)))


def _without_cause(outcome: str | None) -> str:
    return "no_cause_found" if outcome in FAILURES else "healthy"


def _rank(finding: Finding) -> tuple[bool, bool, int, int]:
    """Return a sorting key: causes before remarks, what was there before the first step first.

    Later, a step that is too large comes first: what else is seen then follows from it.
    """
    remark = finding.kind in REMARKS
    later = finding.epoch > 0
    order = [*reversed(CAUSES), *REMARKS]
    place = order.index(finding.kind) if finding.kind != "step_size" else -1
    return remark, later, place, finding.epoch
