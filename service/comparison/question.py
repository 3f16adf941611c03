"""What a comparison is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from service.catalog.metrics import MAIN_METRIC
from service.comparison.scores import At


@dataclass(frozen=True)
class Question:
    """What a comparison is asked.

    Attributes:
        metric: one of ``COMPARED_METRICS``.
        at: ``final``: the last epoch's value; ``best``: the best over a run's epochs.
        by: axes or dotted parameters that make the groups; empty for those that vary.
        tune: those that each group has at its best value, chosen on the other seeds.
        average: those that each group is averaged over within a seed.
        margin: how far behind is as good, in the metric's units; None for the usual one.
        against: labels that name the group that the others are compared with, by axis; empty for
            the leader.
    """

    metric: str = MAIN_METRIC
    at: At = "final"
    by: Sequence[str] = ()
    tune: Sequence[str] = ()
    average: Sequence[str] = ()
    margin: float | None = None
    against: Mapping[str, str] = field(default_factory=dict)
