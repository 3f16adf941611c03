"""Insights: the layer statistics and the diagnosis that are recorded with a run's results."""

from collections.abc import Iterable
from dataclasses import asdict

from service.histories.diagnoses import Insight, RecordedDiagnosis
from service.histories.layer_statistics import ObservedEpoch
from workers.diagnostics.diagnosis import Diagnostician
from workers.diagnostics.findings import Diagnosis
from workers.diagnostics.layers import NetworkStatistics
from workers.training.results import EpochResult, StartResult


class InsightBuilder:
    """Builds the insight of each result of one run, in the order of the results.

    Args:
        epochs: how many the run is to have.
    """

    def __init__(self, epochs: int) -> None:
        self._diagnostician = Diagnostician(epochs)
        self._latest: Diagnosis | None = None

    def recall(self, past: Iterable[ObservedEpoch]) -> None:
        """Take in what is stored of the epochs before the checkpoint a training resumed from."""
        for epoch in past:
            layers = NetworkStatistics.of(epoch.layers) if epoch.layers is not None else None
            self._observe(epoch.epoch, epoch.metrics, layers)
        self._latest = self._diagnostician.diagnosis()

    def of_start(self, result: StartResult) -> Insight:
        """Return what the network shows before its first step."""
        return self._insight(0, {}, result.statistics)

    def of_epoch(self, result: EpochResult) -> Insight:
        """Return what an epoch shows."""
        return self._insight(result.epoch, result.metrics, result.statistics)

    def _insight(
        self, epoch: int, metrics: dict[str, float], layers: NetworkStatistics | None
    ) -> Insight:
        self._observe(epoch, metrics, layers)
        found = self._diagnostician.diagnosis()
        changed, self._latest = found != self._latest, found
        diagnosis = RecordedDiagnosis(
            found.verdict, [asdict(finding) for finding in found.findings]
        )
        return Insight(
            layers=layers.as_dict() if layers is not None else None,
            diagnosis=diagnosis if changed else None,
        )

    def _observe(
        self, epoch: int, metrics: dict[str, float], layers: NetworkStatistics | None
    ) -> None:
        if metrics:
            self._diagnostician.see_epoch(epoch, metrics)
        if layers is not None:
            self._diagnostician.see_layers(epoch, layers)
