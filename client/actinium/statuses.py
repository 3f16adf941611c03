"""Statuses as the service writes them; the client imports nothing of the service."""

from typing import Literal

RunStatus = Literal["queued", "running", "completed", "diverged", "failed", "cancelled"]
ExperimentStatus = Literal["queued", "running", "completed", "failed", "cancelled"]
#: A published claim is reproduced or not; one of an experiment's author is supported or refuted.
ClaimStatus = Literal["reproduced", "not_reproduced", "supported", "refuted", "inconclusive"]

#: What a run's training came to, from the worst to the best.
Outcome = Literal["diverged", "at_chance", "got_worse", "still_learning", "overfits", "learned"]
#: Healthy, or what keeps a run from learning.
Verdict = Literal[
    "healthy",
    "no_cause_found",
    "step_size",
    "vanishing",
    "length",
    "exploding",
    "saturated",
    "dead",
    "symmetric",
]

#: Not final yet.
ACTIVE: frozenset[RunStatus] = frozenset({"queued", "running"})
#: Final.
ENDED: frozenset[RunStatus] = frozenset({"completed", "diverged", "failed", "cancelled"})
#: Final without a result.
STOPPED: tuple[Literal["failed", "cancelled"], ...] = ("failed", "cancelled")
#: The final statuses that a summary of runs names.
UNUSUAL: tuple[Literal["diverged", "failed", "cancelled"], ...] = ("diverged", *STOPPED)
