"""The observer: what a worker writes down of a training beside its metrics."""

from collections.abc import Iterable
from dataclasses import asdict

from service.histories.diagnoses import Insight, RecordedDiagnosis
from service.histories.layer_statistics import Observed
from workers.diagnostics import findings
from workers.diagnostics.diagnosis import Diagnostician
from workers.diagnostics.layers import NetworkStatistics
from workers.training.results import EpochResult, Start


class Observer:
    """Sees a run's results in their order and says what each shows.

    Args:
        epochs: how many the run is to have.
    """

    def __init__(self, epochs: int) -> None:
        self._diagnostician = Diagnostician(epochs)
        self._told: findings.Diagnosis | None = None

    def recall(self, past: Iterable[Observed]) -> None:
        """Take in what was recorded before this training went on from a checkpoint."""
        for each in past:
            layers = NetworkStatistics.of(each.layers) if each.layers is not None else None
            self._see(each.epoch, each.metrics, layers)
        self._told = self._diagnostician.diagnosis()

    def start(self, result: Start) -> Insight:
        """Say what the network shows before its first step."""
        return self._insight(0, {}, result.statistics)

    def epoch(self, result: EpochResult) -> Insight:
        """Say what an epoch shows."""
        return self._insight(result.epoch, result.metrics, result.statistics)

    def _insight(
        self, epoch: int, metrics: dict[str, float], layers: NetworkStatistics | None
    ) -> Insight:
        self._see(epoch, metrics, layers)
        found = self._diagnostician.diagnosis()
        changed, self._told = found != self._told, found
        shown = RecordedDiagnosis(found.verdict, [asdict(each) for each in found.findings])
        return Insight(
            layers=layers.as_dict() if layers is not None else None,
            diagnosis=shown if changed else None,
        )

    def _see(self, epoch: int, metrics: dict[str, float], layers: NetworkStatistics | None) -> None:
        if metrics:
            self._diagnostician.see_epoch(epoch, metrics)
        if layers is not None:
            self._diagnostician.see_layers(epoch, layers)
