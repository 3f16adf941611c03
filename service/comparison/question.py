"""What a comparison is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from service.catalog.metrics import MAIN_METRICS, METRICS
from service.comparison.targets import Target

At = Literal["final", "best", "mean"]


@dataclass(frozen=True)
class Question:
    """What a comparison is asked.

    Attributes:
        metric: one of ``COMPARED_METRICS``.
        at: ``final``: the last epoch's value; ``best``: the best over a run's epochs; ``mean``:
            the mean over all of them.
        by: axes or dotted parameters that make the groups; empty for those that vary.
        tune: those that each group has at its best value, chosen on the other seeds.
        average: those that each group is averaged over within a seed.
        margin: how far behind is as good, in the metric's units; None for the usual one.
        against: labels that name the group that the others are compared with, by axis; empty for
            the leader.
        target: what ``epochs_to`` and ``seconds_to`` count to; None for other metrics.
        names_metric: False where the metric is only the usual one; ``comparison.tasks`` puts that
            of the experiment's task in its place.
    """

    metric: str = MAIN_METRICS["classification"]
    at: At = "final"
    by: Sequence[str] = ()
    tune: Sequence[str] = ()
    average: Sequence[str] = ()
    margin: float | None = None
    against: Mapping[str, str] = field(default_factory=dict)
    target: Target | None = None
    names_metric: bool = True

    @property
    def title(self) -> str:
        """What is compared, in words: ``final validation accuracy``."""
        title = METRICS[self.metric].title.lower()
        if self.target is not None:
            return f"{title} ({METRICS[self.target.metric].title.lower()} {self.target.value:g})"
        return f"{self.at} {title}"
