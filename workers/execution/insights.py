"""Insights: the layer statistics, the diagnosis and the outcome recorded with a run's results."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import torch

from service.histories.diagnoses import Insight, RecordedDiagnosis
from service.histories.layer_statistics import ObservedEpoch
from service.histories.outcomes import Course, Guessing, NumberGuessing, outcome_of
from service.specs.resolution import FIXUP, outputs_of, planned_network, training_samples
from service.specs.spec import RunConfig
from service.statuses import Outcome
from workers.datasets.dataset import Dataset
from workers.diagnostics.diagnosis import Diagnostician
from workers.diagnostics.findings import Finding
from workers.diagnostics.guessing import (
    chance_loss,
    constant_loss,
    largest_share,
    least_loss,
)
from workers.diagnostics.layers import NetworkStatistics
from workers.diagnostics.setting import Setting
from workers.nn.losses import LOSSES
from workers.training.assembly import entry
from workers.training.metrics import diverges
from workers.training.remarks import or_none
from workers.training.results import EpochResult, StartResult


class InsightBuilder:
    """Builds the insight of each result of one run, in the order of the results.

    What fails here is logged, and left as it was or out: it explains a run and must not end one.

    Args:
        config: of the run.
        guessing: returns what guessing comes to on the run's data.
    """

    def __init__(
        self, config: RunConfig, guessing: Callable[[], Guessing | NumberGuessing]
    ) -> None:
        self._diagnostician = Diagnostician(_setting(config))
        self._guessing = guessing
        self._course = Course()
        self._latest = RecordedDiagnosis(None, [])
        self._recorded: RecordedDiagnosis | None = None

    def recall(self, past: Iterable[ObservedEpoch]) -> None:
        """Take in what is stored of the epochs before the checkpoint a training resumed from."""
        for epoch in past:
            or_none("course", partial(self._recall, epoch))
        self._diagnose(ended=False)
        self._recorded = self._latest

    def _recall(self, epoch: ObservedEpoch) -> None:
        layers = NetworkStatistics.of(epoch.layers) if epoch.layers is not None else None
        self._observe(epoch.epoch, epoch.metrics, layers)

    def of_start(self, result: StartResult) -> Insight:
        """Return what the network shows before its first step."""
        return self._insight(0, {}, result.statistics)

    def of_epoch(self, result: EpochResult, *, last: bool) -> Insight:
        """Return what an epoch shows; ``last``: it ends the run, which then has an outcome."""
        return self._insight(result.epoch, result.metrics, result.statistics, last=last)

    def _insight(
        self,
        epoch: int,
        metrics: Mapping[str, float],
        layers: NetworkStatistics | None,
        *,
        last: bool = False,
    ) -> Insight:
        or_none("course", lambda: self._observe(epoch, metrics, layers, last=last))
        self._diagnose(ended=last)
        changed = self._latest != self._recorded
        self._recorded = self._latest
        return Insight(
            layers=or_none("layer statistics", layers.as_dict) if layers is not None else None,
            diagnosis=self._latest if changed else None,
        )

    def _observe(
        self,
        epoch: int,
        metrics: Mapping[str, float],
        layers: NetworkStatistics | None,
        *,
        last: bool = False,
    ) -> None:
        course = self._course
        if metrics:
            course.losses.append(metrics["loss"])
            course.val_losses.append(metrics["val_loss"])
            if "val_accuracy" in metrics:
                course.val_accuracies.append(metrics["val_accuracy"])
            course.diverged = diverges(metrics)
        if layers is not None:
            course.probes.append(layers.loss)
            course.chance_loss = layers.chance_loss
        if metrics:
            or_none("diagnosis", lambda: self._diagnostician.see_epoch(epoch, metrics))
        if layers is not None:
            or_none(
                "diagnosis",
                lambda: self._diagnostician.see_layers(
                    epoch, layers, last=last and not course.diverged
                ),
            )

    def _diagnose(self, *, ended: bool) -> None:
        outcome = or_none("outcome", self._outcome) if ended else None
        found = or_none("diagnosis", lambda: self._diagnosis(outcome))
        self._latest = found or replace(self._latest, outcome=outcome)

    def _outcome(self) -> Outcome | None:
        return outcome_of(self._course, self._guessing())

    def _diagnosis(self, outcome: Outcome | None) -> RecordedDiagnosis:
        found = self._diagnostician.diagnosis(outcome)
        return RecordedDiagnosis(found.verdict, [*map(_recorded, found.findings)], outcome)


def guessing_of(config: RunConfig, data: Dataset) -> Guessing | NumberGuessing:
    """Return what guessing comes to on a run's data: its loss on the training part."""
    loss = entry(LOSSES, config.loss)
    if loss.task == "regression":
        mean_for_all = torch.zeros(len(data.validation), 1)  # of standardized targets
        return NumberGuessing(
            constant_loss(loss.function, data.train.labels),
            loss.function(mean_for_all, data.validation.labels).item(),
        )
    outputs = outputs_of(config.dataset, config.model)
    chance = chance_loss(loss.function, data.train.labels, outputs, loss.label_smoothing)
    labels = data.validation.labels
    return Guessing(chance, largest_share(labels), len(labels), _least_loss(config))


def _setting(config: RunConfig) -> Setting:
    steps = config.epochs * math.ceil(training_samples(config.dataset) / config.batch_size)
    normalized = config.normalization.name not in {"none", "weight"}
    return Setting(
        config.epochs,
        steps,
        config.optimizer.name,
        normalized,
        _zeros(config),
        _least_loss(config),
    )


def _least_loss(config: RunConfig) -> float:
    """Return the least loss that is possible on a run's targets."""
    loss = entry(LOSSES, config.loss)
    if loss.task == "regression":
        return 0.0
    outputs = outputs_of(config.dataset, config.model)
    return least_loss(loss.function, outputs, loss.label_smoothing)


def _zeros(config: RunConfig) -> frozenset[str]:
    """Return the layers that fixup begins at zero; none of another initializer."""
    plan = planned_network(config.dataset, config.model, config.activation)
    if plan is None or config.initializer.name != FIXUP:
        return frozenset()
    last = (branch[-1] for branch in plan.branches)
    output = [plan.output.name] if config.output_initializer.name == "zeros" else []
    return frozenset([*(step.name for step in last if step.initializer is None), *output])


def _recorded(finding: Finding) -> dict[str, Any]:
    fields = asdict(finding)
    del fields["decisive"]
    return fields
