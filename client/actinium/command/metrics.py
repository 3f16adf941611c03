"""The values of metrics as people read them: the service says which are shares."""

import math
from functools import cached_property

from actinium.client import Client
from actinium.types import Metric

#: Losses between these keep their zeros: 2.300 is beside 2.291 in a column.
_KEPT_FROM, _KEPT_BELOW = 1e-4, 1000.0


class Metrics:
    """The service's metrics, requested when they are first needed."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @cached_property
    def _by_name(self) -> dict[str, Metric]:
        return {metric["name"]: metric for metric in self._client.metrics()}

    def is_share(self, name: str) -> bool:
        """Whether a metric's values lie between 0 and 1."""
        metric = self._by_name.get(name)
        return metric is not None and metric["kind"] == "share"

    def _is_loss(self, name: str) -> bool:
        metric = self._by_name.get(name)
        return metric is not None and metric["kind"] == "loss"

    def title(self, name: str) -> str:
        """Return a metric's title; the name of one that the service does not know."""
        metric = self._by_name.get(name)
        return name if metric is None else metric["title"]

    def cell(self, name: str, value: float | None) -> str:
        """Return a value of a metric: a share in percent; NaN and infinity are coloured."""
        if value is None:
            return "-"
        if not math.isfinite(value):
            return f"[magenta]{value}[/]"
        if self.is_share(name):
            return f"{value:.2%}"
        kept = self._is_loss(name) and _KEPT_FROM <= abs(value) < _KEPT_BELOW
        return f"{value:#.4g}" if kept else f"{value:.4g}"
